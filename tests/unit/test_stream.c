#include "support.h"

#include "base/stream.h"
#include "llmq.h"

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LONG  apr_time_from_sec(20)
#define SHORT apr_time_from_msec(50)
#define BIG   (4 * 1024 * 1024) /* more than the buffers of a pair of sockets */

/* One stream and what its `over` was told. */
typedef struct {
    llmq_stream_t *stream;
    int client; /* the other end */
    _Atomic(int) calls;
    _Atomic(int) whole;
} client_t;

static llmq_streams_t *all;

static void setup(void)
{
    ck_assert_int_eq(llmq_stream_create(&all, 4, test_pool), APR_SUCCESS);
}

static apr_status_t write_to(llmq_stream_t *s, const char *data, size_t len)
{
    struct iovec parts[2] = {{(void *)(size_t)data, len / 2},
                             {(void *)(size_t)(data + len / 2), len - len / 2}};

    return llmq_stream_write(s, parts, 2);
}

static void note_over(void *ctx, int whole)
{
    client_t *c = ctx;

    atomic_store(&c->whole, whole);
    atomic_fetch_add(&c->calls, 1);
}

static void open_one(client_t *c, apr_interval_time_t stall)
{
    llmq_stream_conf_t conf = {stall, note_over, c};
    int pair[2];

    atomic_store(&c->calls, 0);
    atomic_store(&c->whole, -1);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    c->client = pair[1];
    ck_assert_int_eq(llmq_stream_admit(all), APR_SUCCESS);
    ck_assert_int_eq(llmq_stream_open(&c->stream, all, pair[0], &conf), APR_SUCCESS);
}

static int until_over(client_t *c)
{
    int i;

    for (i = 0; i < 2000 && !atomic_load(&c->calls); i++) {
        apr_sleep(apr_time_from_msec(5));
    }
    return atomic_load(&c->calls) == 1;
}

static int until_count(int n)
{
    int i;

    for (i = 0; i < 2000 && llmq_stream_count(all) != n; i++) {
        apr_sleep(apr_time_from_msec(5));
    }
    return llmq_stream_count(all) == n;
}

/* Everything until the end; *plen its length. The caller frees it. */
static char *read_all(client_t *c, size_t *plen)
{
    char *got = malloc(2 * BIG);
    ssize_t n;

    *plen = 0;
    while ((n = read(c->client, got + *plen, 2 * BIG - *plen)) > 0) {
        *plen += (size_t)n;
    }
    return got;
}

START_TEST(stream_writes_pieces_in_order_and_ends)
{
    client_t c;
    size_t len;
    char *got;

    open_one(&c, LONG);
    write_to(c.stream, "one ", 4);
    write_to(c.stream, "", 0);
    write_to(c.stream, "two", 3);
    llmq_stream_end(c.stream, NULL, 0);
    got = read_all(&c, &len);
    ck_assert_int_eq(len, 7);
    ck_assert_mem_eq(got, "one two", 7);
    free(got);
    ck_assert(until_over(&c));
    ck_assert_int_eq(c.whole, 1);
    close(c.client);
    ck_assert(until_count(0));
    ck_assert_int_eq(llmq_stream_bytes(all), 0);
    llmq_stream_stop(all, 0);
}
END_TEST

START_TEST(stream_writes_what_the_socket_does_not_take_at_once)
{
    client_t c;
    char *data = malloc(BIG);
    char *got;
    size_t len;

    memset(data, 'x', BIG);
    data[BIG - 1] = 'y';
    open_one(&c, LONG);
    ck_assert_int_eq(write_to(c.stream, data, BIG), APR_SUCCESS);
    llmq_stream_end(c.stream, NULL, 0);
    got = read_all(&c, &len);
    ck_assert_int_eq(len, BIG);
    ck_assert_mem_eq(got, data, BIG);
    ck_assert(until_over(&c));
    ck_assert_int_eq(c.whole, 1);
    free(got);
    free(data);
    close(c.client);
    llmq_stream_stop(all, 0);
}
END_TEST

START_TEST(stream_hears_that_the_client_left)
{
    client_t c;

    open_one(&c, LONG);
    close(c.client);
    ck_assert(until_over(&c));
    ck_assert_int_eq(c.whole, 0);
    ck_assert_int_eq(write_to(c.stream, "x", 1), APR_ECONNABORTED);
    ck_assert_int_eq(llmq_stream_count(all), 1); /* until its owner knows */
    llmq_stream_end(c.stream, NULL, 0);
    ck_assert(until_count(0));
    ck_assert_int_eq(c.calls, 1);
    llmq_stream_stop(all, 0);
}
END_TEST

START_TEST(stream_cuts_who_does_not_read)
{
    client_t c;
    char *data = calloc(1, BIG);

    open_one(&c, SHORT);
    apr_sleep(2 * SHORT); /* as long as nothing is to be read nobody is late */
    ck_assert_int_eq(c.calls, 0);
    write_to(c.stream, data, BIG);
    llmq_stream_end(c.stream, NULL, 0);
    ck_assert(until_over(&c));
    ck_assert_int_eq(c.whole, 0);
    ck_assert(until_count(0));
    ck_assert_int_eq(llmq_stream_bytes(all), 0);
    free(data);
    close(c.client);
    llmq_stream_stop(all, 0);
}
END_TEST

START_TEST(stream_reads_on_after_its_end)
{
    client_t c;
    size_t len;
    char *got;

    open_one(&c, LONG);
    ck_assert_int_eq(write(c.client, "more than was asked for", 23), 23);
    write_to(c.stream, "done", 4);
    llmq_stream_end(c.stream, NULL, 0);
    ck_assert(until_over(&c));
    ck_assert_int_eq(write(c.client, "and more", 8), 8); /* nobody has hung up */
    got = read_all(&c, &len);
    ck_assert_int_eq(len, 4);
    free(got);
    ck_assert_int_eq(llmq_stream_count(all), 1);
    close(c.client);
    ck_assert(until_count(0));
    llmq_stream_stop(all, 0);
}
END_TEST

START_TEST(stream_admits_so_many)
{
    client_t c[4];
    int i;

    for (i = 0; i < 4; i++) {
        open_one(&c[i], LONG);
    }
    ck_assert_int_eq(llmq_stream_admit(all), LLMQ_EFULL);
    close(c[0].client);
    llmq_stream_end(c[0].stream, NULL, 0);
    ck_assert(until_count(3));
    ck_assert_int_eq(llmq_stream_admit(all), APR_SUCCESS);
    llmq_stream_dismiss(all);
    ck_assert_int_eq(llmq_stream_count(all), 3);
    llmq_stream_stop(all, 0);
    for (i = 1; i < 4; i++) {
        close(c[i].client);
    }
}
END_TEST

START_TEST(stream_refuses_what_is_no_socket_and_frees_the_place)
{
    llmq_stream_conf_t conf = {LONG, note_over, NULL};
    llmq_stream_t *s;
    int fd = open("/dev/null", O_RDWR);

    ck_assert_int_eq(llmq_stream_admit(all), APR_SUCCESS);
    ck_assert_int_eq(llmq_stream_open(&s, all, fd, &conf), EPERM);
    ck_assert_int_eq(llmq_stream_count(all), 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    llmq_stream_stop(all, 0);
}
END_TEST

/* A stop tells everybody, writes what is ended, and cuts the rest. */
START_TEST(stream_stop_writes_what_is_ended)
{
    client_t ended;
    client_t open;
    client_t slow;
    char *data = calloc(1, BIG);
    char *got;
    size_t len;

    open_one(&ended, LONG);
    open_one(&open, LONG);
    open_one(&slow, LONG);
    write_to(slow.stream, data, BIG);
    llmq_stream_end(slow.stream, NULL, 0);
    write_to(open.stream, "begun", 5);
    write_to(ended.stream, "bye", 3);
    llmq_stream_end(ended.stream, NULL, 0);
    llmq_stream_stop(all, SHORT);
    ck_assert_int_eq(ended.calls + open.calls + slow.calls, 3);
    ck_assert(ended.whole && !open.whole && !slow.whole);
    got = read_all(&ended, &len);
    ck_assert_int_eq(len, 3);
    free(got);
    got = read_all(&open, &len);
    ck_assert_int_eq(len, 5);
    free(got);
    free(data);
    ck_assert_int_eq(llmq_stream_count(all), 0);
    ck_assert_int_eq(llmq_stream_admit(all), APR_EOF);
    close(ended.client);
    close(open.client);
    close(slow.client);
}
END_TEST

START_TEST(stream_that_was_never_used_has_no_thread)
{
    llmq_stream_stop(all, LONG);
    ck_assert_int_eq(llmq_stream_count(all), 0);
}
END_TEST

/* An owner may end its stream inside `over`. */
static void end_over(void *ctx, int whole)
{
    client_t *c = ctx;

    note_over(ctx, whole);
    llmq_stream_end(c->stream, NULL, 0);
}

START_TEST(stream_may_be_ended_as_it_is_over)
{
    client_t c = {0};
    client_t d = {0};
    llmq_stream_conf_t conf = {LONG, end_over, &c};
    int pair[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(llmq_stream_admit(all), APR_SUCCESS);
    ck_assert_int_eq(llmq_stream_open(&c.stream, all, pair[0], &conf), APR_SUCCESS);
    close(pair[1]);
    ck_assert(until_over(&c));
    ck_assert(until_count(0));
    conf.ctx = &d;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(llmq_stream_admit(all), APR_SUCCESS);
    ck_assert_int_eq(llmq_stream_open(&d.stream, all, pair[0], &conf), APR_SUCCESS);
    llmq_stream_stop(all, 0);
    ck_assert_int_eq(d.calls, 1);
    ck_assert_int_eq(llmq_stream_count(all), 0);
    close(pair[1]);
}
END_TEST

TCase *case_stream(void)
{
    TCase *tc = test_case("stream");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, stream_writes_pieces_in_order_and_ends);
    tcase_add_test(tc, stream_writes_what_the_socket_does_not_take_at_once);
    tcase_add_test(tc, stream_hears_that_the_client_left);
    tcase_add_test(tc, stream_cuts_who_does_not_read);
    tcase_add_test(tc, stream_reads_on_after_its_end);
    tcase_add_test(tc, stream_admits_so_many);
    tcase_add_test(tc, stream_refuses_what_is_no_socket_and_frees_the_place);
    tcase_add_test(tc, stream_stop_writes_what_is_ended);
    tcase_add_test(tc, stream_that_was_never_used_has_no_thread);
    tcase_add_test(tc, stream_may_be_ended_as_it_is_over);
    return tc;
}
