#include "base/wire_tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define RECORD 16384 /* bytes that TLS sends as one piece */
#define READS  8     /* pieces that are read in one go: others wait, too */

typedef struct {
    llmq_wire_t base;
    SSL *ssl;
    BIO *bio; /* until it is taken */
} wire_tls_t;

static wire_tls_t *of(llmq_wire_t *w)
{
    return (wire_tls_t *)(void *)w;
}

/* ---- the socket: as OpenSSL's own functions for it, but never waiting or signalling, as
 * its mode of blocking is shared with whoever has a duplicate ---- */

static BIO_METHOD *socket_method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static int fd_of(BIO *bio)
{
    return (int)(intptr_t)BIO_get_data(bio);
}

static int socket_write(BIO *bio, const char *data, int len)
{
    ssize_t n = send(fd_of(bio), data, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);

    BIO_clear_retry_flags(bio);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_write(bio);
    }
    return (int)n;
}

static int socket_read(BIO *bio, char *data, int len)
{
    ssize_t n = recv(fd_of(bio), data, (size_t)len, MSG_DONTWAIT);

    BIO_clear_retry_flags(bio);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_read(bio);
    }
    return (int)n;
}

static long socket_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

static void make_method(void)
{
    socket_method =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "llmq socket");
    if (socket_method) {
        BIO_meth_set_write(socket_method, socket_write);
        BIO_meth_set_read(socket_method, socket_read);
        BIO_meth_set_ctrl(socket_method, socket_ctrl);
    }
}

static BIO *make_bio(int fd)
{
    BIO *bio;

    pthread_once(&method_once, make_method);
    bio = socket_method ? BIO_new(socket_method) : NULL;
    if (bio) {
        BIO_set_data(bio, (void *)(intptr_t)fd);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* ---- the wire ---- */

/* Bytes of several parts side by side, so that they make one record. */
static int gather(char *room, const struct iovec *parts, int n)
{
    size_t len = 0;
    int i;

    for (i = 0; i < n && len < RECORD; i++) {
        size_t some = parts[i].iov_len < RECORD - len ? parts[i].iov_len : RECORD - len;

        memcpy(room + len, parts[i].iov_base, some);
        len += some;
    }
    return (int)len;
}

static apr_ssize_t write_parts(llmq_wire_t *w, const struct iovec *parts, int n)
{
    static _Thread_local char room[RECORD];
    SSL *ssl = of(w)->ssl;
    const char *data = parts->iov_base;
    int len = parts->iov_len < RECORD ? (int)parts->iov_len : RECORD;

    if (n > 1) {
        len = gather(room, parts, n);
        data = room;
    }
    ERR_clear_error();
    len = SSL_write(ssl, data, len);
    if (len > 0) {
        return len;
    }
    return SSL_get_error(ssl, len) == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static int read_off(llmq_wire_t *w)
{
    SSL *ssl = of(w)->ssl;
    char waste[1024];
    int error = SSL_ERROR_NONE;
    int i;

    for (i = 0; i < READS && error == SSL_ERROR_NONE; i++) {
        int n;

        ERR_clear_error();
        n = SSL_read(ssl, waste, sizeof(waste));
        error = n > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl, n);
    }
    if (error == SSL_ERROR_ZERO_RETURN) {
        SSL_shutdown(ssl); /* it has said good-bye, and may wait for ours */
    }
    return error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ
           && error != SSL_ERROR_WANT_WRITE;
}

static void end_it(llmq_wire_t *w)
{
    ERR_clear_error();
    SSL_shutdown(of(w)->ssl);
}

/* Marked as ended in good order, or the library would throw the session out of the
 * cache: one that is cut may well be resumed. */
static void close_it(llmq_wire_t *w)
{
    wire_tls_t *t = of(w);

    if (t->bio) {
        BIO_free(t->bio);
    }
    else {
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    SSL_free(t->ssl);
    free(t);
}

static const llmq_wire_ops_t ops = {write_parts, read_off, end_it, close_it};

int llmq_wire_tls_knows(const struct ssl_st *ssl)
{
    const SSL_METHOD *method = SSL_get_ssl_method(ssl);

    return method == TLS_server_method() || method == TLS_method();
}

apr_status_t llmq_wire_tls_create(llmq_wire_t **pw, struct ssl_st *ssl, int fd)
{
    BIO *bio = make_bio(fd);
    wire_tls_t *t = bio ? calloc(1, sizeof(*t)) : NULL;

    if (!t) {
        BIO_free(bio);
        return APR_ENOMEM;
    }
    SSL_up_ref(ssl);
    t->base.ops = &ops;
    t->ssl = ssl;
    t->bio = bio;
    *pw = (llmq_wire_t *)(void *)t;
    return APR_SUCCESS;
}

void llmq_wire_tls_take(llmq_wire_t *w)
{
    wire_tls_t *t = of(w);

    SSL_set_bio(t->ssl, t->bio, t->bio);
    t->bio = NULL;
    SSL_set_app_data(t->ssl, NULL);
    SSL_set_info_callback(t->ssl, NULL);
    SSL_set_msg_callback(t->ssl, NULL);
    SSL_set_shutdown(t->ssl, 0);
    SSL_set_quiet_shutdown(t->ssl, 0);
    SSL_set_options(t->ssl, SSL_OP_NO_RENEGOTIATION);
    /* What did not fit comes again from another place, with more behind it. */
    SSL_set_mode(t->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE
                             | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                             | SSL_MODE_RELEASE_BUFFERS);
}
