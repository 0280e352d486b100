#include "support.h"

#include "bus/relay_conn.h"
#include "relay_support.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int door;
static int epoll;
static int server;

static llmq_relay_conn_t *open_conn(void)
{
    llmq_relay_conn_t *conn = NULL;

    door = relay_door();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    ck_assert_int_eq(llmq_relay_conn_open(&conn, relay_path, epoll), APR_SUCCESS);
    server = accept(door, NULL, NULL);
    ck_assert_int_ge(server, 0);
    return conn;
}

static void count_frame(void *ctx, llmq_relay_conn_t *conn,
                        const llmq_relay_frame_t *frame)
{
    size_t *sum = ctx;

    (void)conn;
    sum[0]++;
    sum[1] += frame->len;
}

static void send_piece(size_t len)
{
    llmq_relay_frame_t frame = {.type = LLMQ_RELAY_PIECE, .id = "x", .len = len};
    char *bytes = calloc(1, LLMQ_RELAY_HEAD + 1 + len);
    size_t total = LLMQ_RELAY_HEAD + 1 + len;
    size_t done = 0;

    llmq_relay_frame_head(bytes, &frame);
    bytes[LLMQ_RELAY_HEAD] = 'x';
    while (done < total) {
        ssize_t n = send(server, bytes + done, total - done, 0);

        ck_assert_int_gt(n, 0);
        done += (size_t)n;
    }
    free(bytes);
}

START_TEST(nobody_there)
{
    llmq_relay_conn_t *conn = NULL;

    ck_assert_int_ne(llmq_relay_conn_open(&conn, "/nowhere/at/all", -1), APR_SUCCESS);
    ck_assert_ptr_null(conn);
}
END_TEST

/* More than the socket takes waits, and comes whole in the end. */
START_TEST(what_is_not_taken_waits)
{
    llmq_relay_conn_t *conn = open_conn();
    char id[LLMQ_ID_MAX + 1];
    char data[256];
    int said = 0;
    int i;

    do {
        apr_snprintf(id, sizeof(id), "job_%d", said++);
        ck_assert_int_eq(llmq_relay_conn_say(conn, LLMQ_RELAY_LISTEN, id), APR_SUCCESS);
        ck_assert_int_eq(llmq_relay_conn_flush(conn), APR_SUCCESS);
    } while (!conn->full && said < 100000);
    ck_assert(conn->full);
    for (i = 0; i < said; i++) {
        ck_assert_int_eq(llmq_relay_conn_flush(conn), APR_SUCCESS);
        ck_assert_int_eq(relay_hear(server, id, data), LLMQ_RELAY_LISTEN);
        ck_assert_int_eq(atoi(id + 4), i);
    }
    ck_assert(!conn->full);
    close(server);
    llmq_relay_conn_say(conn, LLMQ_RELAY_LISTEN, "x");
    ck_assert_int_ne(llmq_relay_conn_flush(conn), APR_SUCCESS);
    llmq_relay_conn_close(conn);
}
END_TEST

START_TEST(small_and_large_ones_are_read)
{
    llmq_relay_conn_t *conn = open_conn();
    size_t sum[2] = {0, 0};

    send_piece(0);
    send_piece(100);
    ck_assert_int_eq(llmq_relay_conn_read(conn, count_frame, sum), APR_SUCCESS);
    ck_assert_uint_eq(sum[0], 2);
    ck_assert_uint_eq(sum[1], 100);
    if (fork() == 0) {
        send_piece(5000000);
        send_piece(1);
        _exit(0);
    }
    RELAY_UNTIL(llmq_relay_conn_read(conn, count_frame, sum) == APR_SUCCESS
                && sum[0] == 4);
    ck_assert_uint_eq(sum[1], 5000101);
    ck_assert_uint_le(conn->in_size, 256 * 1024);
    close(server);
    RELAY_UNTIL(llmq_relay_conn_read(conn, count_frame, sum) == APR_EOF);
    llmq_relay_conn_close(conn);
}
END_TEST

TCase *case_relay_conn(void)
{
    TCase *tc = test_case("relay_conn");

    tcase_add_test(tc, nobody_there);
    tcase_add_test(tc, what_is_not_taken_waits);
    tcase_add_test(tc, small_and_large_ones_are_read);
    return tc;
}
