#include "support.h"

#include "base/wire_tls.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BIG 3000000 /* more than the buffers of a pair of sockets */

static SSL_CTX *server_ctx;
static SSL_CTX *client_ctx;
static SSL *server; /* as the former owner has it */
static SSL *client;
static llmq_wire_t *wire;
static int fds[2]; /* the server's, the client's */

static void certify(SSL_CTX *ctx)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();

    ck_assert_ptr_nonnull(key);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
    ck_assert_int_eq(SSL_CTX_use_certificate(ctx, cert), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, key), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* The server's side goes through a pair of memory buffers, as through filters. */
static void move(BIO *from, int to)
{
    char data[16384];
    int n;

    while ((n = BIO_read(from, data, sizeof(data))) > 0) {
        ck_assert_int_eq(send(to, data, (size_t)n, MSG_NOSIGNAL), n);
    }
}

static void feed(BIO *to, int from)
{
    char data[16384];
    ssize_t n;

    while ((n = recv(from, data, sizeof(data), MSG_DONTWAIT)) > 0) {
        ck_assert_int_eq(BIO_write(to, data, (int)n), n);
    }
}

static void shake_hands(void)
{
    int i;

    for (i = 0; i < 10; i++) {
        SSL_do_handshake(client);
        feed(SSL_get_rbio(server), fds[0]);
        SSL_do_handshake(server);
        move(SSL_get_wbio(server), fds[0]);
    }
    ck_assert(SSL_is_init_finished(server));
    ck_assert(SSL_is_init_finished(client));
}

static void connect_them(int version)
{
    server_ctx = SSL_CTX_new(TLS_server_method());
    client_ctx = SSL_CTX_new(TLS_client_method());
    certify(server_ctx);
    SSL_CTX_set_max_proto_version(client_ctx, version);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    fcntl(fds[1], F_SETFL, O_NONBLOCK); /* the server's blocks, as httpd's may */
    server = SSL_new(server_ctx);
    client = SSL_new(client_ctx);
    ck_assert(llmq_wire_tls_knows(server));
    SSL_set_accept_state(server);
    SSL_set_bio(server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(server), -1);
    SSL_set_connect_state(client);
    SSL_set_fd(client, fds[1]);
    shake_hands();
}

/* The former owner lets go. */
static void take(int version)
{
    connect_them(version);
    ck_assert_int_eq(llmq_wire_tls_create(&wire, server, fds[0]), APR_SUCCESS);
    SSL_set_quiet_shutdown(server, 1);
    SSL_shutdown(server);
    SSL_free(server);
    llmq_wire_tls_take(wire);
}

static void finish(void)
{
    if (wire) {
        wire->ops->close(wire);
        wire = NULL;
    }
    SSL_free(client);
    SSL_CTX_free(server_ctx);
    SSL_CTX_free(client_ctx);
    close(fds[0]);
    close(fds[1]);
}

static apr_ssize_t write_text(const char *a, const char *b)
{
    struct iovec parts[2] = {{(void *)(size_t)a, strlen(a)},
                             {(void *)(size_t)b, strlen(b)}};

    return wire->ops->write(wire, parts, *b ? 2 : 1);
}

static void ck_client_gets(const char *text)
{
    char got[256];
    int n = SSL_read(client, got, sizeof(got));

    ck_assert_int_eq(n, (int)strlen(text));
    ck_assert_mem_eq(got, text, strlen(text));
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

START_TEST(test_parts_arrive_as_one_record)
{
    take(versions[_i]);
    ck_assert_int_eq(write_text("one", ""), 3);
    ck_client_gets("one");
    ck_assert_int_eq(write_text("two", "three"), 8);
    ck_client_gets("twothree");
    finish();
}
END_TEST

/* Until it is taken nothing of it is changed. */
START_TEST(test_former_owner_may_keep_it)
{
    connect_them(TLS1_3_VERSION);
    ck_assert_int_eq(llmq_wire_tls_create(&wire, server, fds[0]), APR_SUCCESS);
    wire->ops->close(wire);
    wire = NULL;
    ck_assert_int_eq(SSL_write(server, "mine", 4), 4);
    move(SSL_get_wbio(server), fds[0]);
    ck_client_gets("mine");
    SSL_free(server);
    finish();
}
END_TEST

/* @return bytes of the pattern that the client could read */
static size_t swallow(size_t at)
{
    unsigned char data[16384];
    int n;
    int i;

    while ((n = SSL_read(client, data, sizeof(data))) > 0) {
        int wrong = 0;

        for (i = 0; i < n; i++) {
            wrong += data[i] != (unsigned char)((at + (size_t)i) % 251);
        }
        ck_assert_int_eq(wrong, 0);
        at += (size_t)n;
    }
    return at;
}

START_TEST(test_what_does_not_fit_follows)
{
    unsigned char *data = malloc(BIG);
    size_t sent = 0;
    size_t got = 0;
    int full = 0;

    take(versions[_i]);
    for (size_t i = 0; i < BIG; i++) {
        data[i] = (unsigned char)(i % 251);
    }
    while (sent < BIG) {
        /* Now one part, now two, from the same place on. */
        size_t some = BIG - sent < 5000 || full % 2 ? BIG - sent : 5000;
        struct iovec parts[2] = {{data + sent, some}, {data + sent + some, 0}};
        apr_ssize_t n;

        parts[1].iov_len = BIG - sent - some;
        n = wire->ops->write(wire, parts, parts[1].iov_len ? 2 : 1);
        ck_assert_int_ge(n, 0);
        sent += (size_t)n;
        if (n == 0) {
            full++;
            got = swallow(got);
        }
    }
    ck_assert_int_gt(full, 1);
    ck_assert_uint_eq(swallow(got), BIG);
    free(data);
    finish();
}
END_TEST

START_TEST(test_what_the_client_says_goes_nowhere)
{
    take(versions[_i]);
    ck_assert_int_eq(wire->ops->read(wire), 0);
    ck_assert_int_eq(SSL_write(client, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    ck_assert_int_eq(wire->ops->read(wire), 0);
    ck_assert_int_eq(write_text("on", ""), 2);
    ck_client_gets("on");
    finish();
}
END_TEST

START_TEST(test_good_bye_is_answered)
{
    take(versions[_i]);
    ck_assert_int_eq(SSL_shutdown(client), 0);
    ck_assert_int_ne(wire->ops->read(wire), 0);
    ck_assert_int_eq(SSL_shutdown(client), 1);
    finish();
}
END_TEST

START_TEST(test_end_is_told)
{
    char byte;

    take(versions[_i]);
    ck_assert_int_eq(write_text("last", ""), 4);
    wire->ops->end(wire);
    ck_client_gets("last");
    ck_assert_int_eq(SSL_get_error(client, SSL_read(client, &byte, 1)),
                     SSL_ERROR_ZERO_RETURN);
    finish();
}
END_TEST

START_TEST(test_close_tells_nothing)
{
    char byte;

    take(versions[_i]);
    wire->ops->close(wire);
    wire = NULL;
    shutdown(fds[0], SHUT_WR);
    ck_assert_int_eq(SSL_get_error(client, SSL_read(client, &byte, 1)), SSL_ERROR_SSL);
    finish();
}
END_TEST

START_TEST(test_client_that_is_gone)
{
    take(versions[_i]);
    close(fds[1]);
    ck_assert_int_eq(write_text("lost", ""), -1); /* without a signal */
    ck_assert_int_ne(wire->ops->read(wire), 0);
    finish();
}
END_TEST

START_TEST(test_no_tls_at_all)
{
    take(versions[_i]);
    ck_assert_int_eq(send(fds[1], "plain words, no record of TLS", 29, 0), 29);
    ck_assert_int_ne(wire->ops->read(wire), 0);
    finish();
}
END_TEST

START_TEST(test_new_keys)
{
    char byte;

    take(TLS1_3_VERSION);
    ck_assert_int_eq(SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED), 1);
    ck_assert_int_eq(SSL_do_handshake(client), 1);
    ck_assert_int_eq(SSL_write(client, "x", 1), 1);
    ck_assert_int_eq(wire->ops->read(wire), 0);
    ck_assert_int_eq(write_text("with new keys", ""), 13);
    ck_client_gets("with new keys");
    ck_assert_int_le(SSL_read(client, &byte, 1), 0);
    finish();
}
END_TEST

START_TEST(test_clients_of_another_kind_are_unknown)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);

    ck_assert(!llmq_wire_tls_knows(ssl));
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}
END_TEST

TCase *case_wire_tls(void)
{
    TCase *c = test_case("wire_tls");

    tcase_add_loop_test(c, test_parts_arrive_as_one_record, 0, 2);
    tcase_add_test(c, test_former_owner_may_keep_it);
    tcase_add_loop_test(c, test_what_does_not_fit_follows, 0, 2);
    tcase_add_loop_test(c, test_what_the_client_says_goes_nowhere, 0, 2);
    tcase_add_loop_test(c, test_good_bye_is_answered, 0, 2);
    tcase_add_loop_test(c, test_end_is_told, 0, 2);
    tcase_add_loop_test(c, test_close_tells_nothing, 0, 2);
    tcase_add_loop_test(c, test_client_that_is_gone, 0, 2);
    tcase_add_loop_test(c, test_no_tls_at_all, 0, 2);
    tcase_add_test(c, test_new_keys);
    tcase_add_test(c, test_clients_of_another_kind_are_unknown);
    return c;
}
