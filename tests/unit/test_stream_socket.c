#include "stream_support.h"
#include "support.h"

#include "base/stream.h"
#include "base/stream_socket.h"
#include "llmq.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

START_TEST(stream_writes_what_the_socket_does_not_take_at_once)
{
    stream_client_t c;
    char *data = malloc(STREAM_BIG);
    char *got;
    size_t len;

    memset(data, 'x', STREAM_BIG);
    data[STREAM_BIG - 1] = 'y';
    stream_open_one(&c, STREAM_LONG);
    ck_assert_int_eq(stream_write_to(c.stream, data, STREAM_BIG), APR_SUCCESS);
    llmq_stream_end(c.stream, NULL);
    got = stream_read_all(&c, &len);
    ck_assert_int_eq(len, STREAM_BIG);
    ck_assert_mem_eq(got, data, STREAM_BIG);
    ck_assert(stream_until_over(&c));
    ck_assert_int_eq(c.whole, 1);
    free(got);
    free(data);
    close(c.client);
    llmq_stream_stop(stream_all, 0);
}
END_TEST

START_TEST(stream_hears_that_the_client_left)
{
    stream_client_t c;

    stream_open_one(&c, STREAM_LONG);
    close(c.client);
    ck_assert(stream_until_over(&c));
    ck_assert_int_eq(c.whole, 0);
    ck_assert_int_eq(stream_write_to(c.stream, "x", 1), APR_ECONNABORTED);
    ck_assert_int_eq(stream_count(), 1); /* until its owner knows */
    llmq_stream_end(c.stream, NULL);
    ck_assert(stream_until_count(0));
    ck_assert_int_eq(c.calls, 1);
    llmq_stream_stop(stream_all, 0);
}
END_TEST

START_TEST(stream_cuts_who_does_not_read)
{
    stream_client_t c;
    char *data = calloc(1, STREAM_BIG);

    stream_open_one(&c, STREAM_SHORT);
    apr_sleep(2 * STREAM_SHORT); /* as long as nothing is to be read nobody is late */
    ck_assert_int_eq(c.calls, 0);
    stream_write_to(c.stream, data, STREAM_BIG);
    llmq_stream_end(c.stream, NULL);
    ck_assert(stream_until_over(&c));
    ck_assert_int_eq(c.whole, 0);
    ck_assert(stream_until_count(0));
    ck_assert_int_eq(llmq_stream_bytes(stream_all), 0);
    free(data);
    close(c.client);
    llmq_stream_stop(stream_all, 0);
}
END_TEST

/* The client goes on sending after it has all: nobody has hung up. */
static void send_more(void *ctx, int whole)
{
    stream_client_t *c = ctx;

    atomic_store(&c->rest, send(c->client, "and more", 8, MSG_NOSIGNAL) == 8);
    stream_note_over(ctx, whole);
}

START_TEST(stream_reads_on_after_its_end)
{
    llmq_stream_conf_t conf = {
        .kind = LLMQ_STREAM_ANSWER, .stall = STREAM_LONG, .over = send_more};
    apr_time_t begun = apr_time_now();
    stream_client_t c;
    size_t len;
    char *got;
    int count;

    stream_open_by(&c, &conf);
    ck_assert_int_eq(write(c.client, "more than was asked for", 23), 23);
    stream_write_to(c.stream, "done", 4);
    llmq_stream_end(c.stream, NULL);
    ck_assert(stream_until_over(&c));
    ck_assert_uint_eq(c.rest, 1);
    got = stream_read_all(&c, &len);
    ck_assert_int_eq(len, 4);
    free(got);
    count = stream_count();
    /* A machine that stood still meanwhile has let the moment pass. */
    ck_assert(count == 1 || apr_time_now() - begun >= LLMQ_STREAM_LINGER);
    close(c.client);
    ck_assert(stream_until_count(0));
    llmq_stream_stop(stream_all, 0);
}
END_TEST

/* ---- turns of the thread ---- */

typedef struct {
    int pipe[2];
    stream_client_t *to;
    llmq_frame_t *frame;
    _Atomic(int) turns;
    _Atomic(int) rv;
} turn_t;

static void send_some(void *ctx)
{
    turn_t *turn = ctx;
    char byte;

    ck_assert_int_eq(read(turn->pipe[0], &byte, 1), 1);
    atomic_store(&turn->rv, llmq_stream_send(turn->to->stream, turn->frame));
    atomic_fetch_add(&turn->turns, 1);
}

static void take_turn(turn_t *turn)
{
    int before = atomic_load(&turn->turns);
    int rounds = 0;

    ck_assert_int_eq(write(turn->pipe[1], "x", 1), 1);
    while (atomic_load(&turn->turns) == before && stream_patience(&rounds)) {
    }
    ck_assert_int_eq(atomic_load(&turn->turns), before + 1);
}

START_TEST(stream_writes_at_once_on_its_own_thread)
{
    stream_client_t c;
    turn_t turn = {.to = &c, .frame = stream_frame_of("news", 4)};
    char word[32] = "";

    ck_assert_int_eq(pipe(turn.pipe), 0);
    ck_assert_int_eq(llmq_stream_watch(stream_all, turn.pipe[0], send_some, &turn),
                     APR_SUCCESS);
    stream_open_events(&c, 1000);
    take_turn(&turn);
    ck_assert_int_eq(turn.rv, APR_SUCCESS);
    ck_assert_int_eq(llmq_stream_pending(c.stream), 0);
    ck_assert_int_eq(recv(c.client, word, sizeof(word), MSG_DONTWAIT), 9);
    ck_assert_str_eq(word, "4\r\nnews\r\n");
    ck_assert_int_eq(atomic_load(&turn.frame->holders), 1);
    stream_write_to(c.stream, "more", 4);
    llmq_stream_end(c.stream, NULL);
    stream_expect(&c, "4\r\nmore\r\n0\r\n\r\n");
    close(c.client);
    ck_assert(stream_until_count(0));
    llmq_frame_drop(turn.frame);
    llmq_stream_stop(stream_all, 0);
}
END_TEST

START_TEST(stream_keeps_what_its_own_thread_cannot_write)
{
    char *data = calloc(1, STREAM_BIG);
    stream_client_t c;
    turn_t turn = {.to = &c, .frame = stream_frame_of(data, STREAM_BIG)};
    size_t len;
    char *got;

    ck_assert_int_eq(pipe(turn.pipe), 0);
    ck_assert_int_eq(llmq_stream_watch(stream_all, turn.pipe[0], send_some, &turn),
                     APR_SUCCESS);
    stream_open_events(&c, 3 * STREAM_BIG);
    take_turn(&turn);
    ck_assert_int_eq(turn.rv, APR_SUCCESS);
    ck_assert_int_gt(llmq_stream_pending(c.stream), 0);
    ck_assert_int_lt(llmq_stream_pending(c.stream), STREAM_BIG); /* a part is gone */
    llmq_stream_end(c.stream, NULL);
    got = stream_read_all(&c, &len);
    ck_assert_int_eq(len, 8 + STREAM_BIG + 2 + 5);
    ck_assert_mem_eq(got, "400000\r\n", 8);
    ck_assert_mem_eq(got + len - 7, "\r\n0\r\n\r\n", 7);
    free(got);
    close(c.client);
    ck_assert(stream_until_over(&c));
    ck_assert_int_eq(c.whole, 1);
    llmq_frame_drop(turn.frame);
    free(data);
    llmq_stream_stop(stream_all, 0);
}
END_TEST

/* The kernel refuses it before the thread hears that the client left, or after that. */
START_TEST(stream_tells_its_own_thread_who_left)
{
    stream_client_t c;
    stream_client_t d;
    turn_t turn = {.to = &c, .frame = stream_frame_of("news", 4)};

    ck_assert_int_eq(pipe(turn.pipe), 0);
    ck_assert_int_eq(llmq_stream_watch(stream_all, turn.pipe[0], send_some, &turn),
                     APR_SUCCESS);
    stream_open_events(&c, 1000);
    stream_open_events(&d, 1000);
    close(c.client);
    take_turn(&turn);
    ck_assert_int_eq(turn.rv, APR_ECONNABORTED);
    ck_assert(stream_until_over(&c));
    ck_assert_int_eq(c.whole, 0);
    ck_assert_int_eq(d.calls, 0);
    llmq_stream_end(c.stream, NULL);
    llmq_stream_end(d.stream, NULL);
    close(d.client);
    ck_assert(stream_until_count(0));
    llmq_frame_drop(turn.frame);
    llmq_stream_stop(stream_all, 0);
}
END_TEST

/* ---- streams that begin later, and wires ---- */

static void open_later(stream_client_t *c)
{
    llmq_stream_conf_t conf = {
        .kind = LLMQ_STREAM_ANSWER, .stall = STREAM_LONG, .later = 1};

    stream_open_by(c, &conf);
}

static int has_bytes(stream_client_t *c, int msec)
{
    struct pollfd ready = {.fd = c->client, .events = POLLIN};

    return poll(&ready, 1, msec) > 0;
}

START_TEST(stream_keeps_all_until_it_begins)
{
    stream_client_t c;
    size_t len;
    char *got;

    open_later(&c);
    ck_assert_int_eq(stream_write_to(c.stream, "first", 5), APR_SUCCESS);
    ck_assert(!has_bytes(&c, 30));
    llmq_stream_begin(c.stream, NULL);
    ck_assert(has_bytes(&c, 60000));
    stream_write_to(c.stream, ", last", 6);
    llmq_stream_end(c.stream, NULL);
    got = stream_read_all(&c, &len);
    ck_assert_uint_eq(len, 11);
    ck_assert_mem_eq(got, "first, last", 11);
    free(got);
    close(c.client);
    ck_assert(stream_until_count(0));
    ck_assert_int_eq(c.whole, 1);
    llmq_stream_stop(stream_all, 0);
}
END_TEST

START_TEST(stream_may_be_ended_before_it_begins)
{
    stream_client_t c;
    size_t len;
    char *got;
    llmq_stream_t *s;

    open_later(&c);
    s = c.stream;
    stream_write_to(s, "all", 3);
    llmq_stream_end(s, NULL);
    ck_assert(!has_bytes(&c, 30));
    ck_assert_int_eq(stream_count(), 1);
    llmq_stream_begin(s, NULL);
    got = stream_read_all(&c, &len);
    ck_assert_uint_eq(len, 3);
    free(got);
    close(c.client);
    ck_assert(stream_until_count(0));
    llmq_stream_stop(stream_all, 0);
}
END_TEST

/* A wire that turns letters into capitals; its client leaves with an "x". */
typedef struct {
    llmq_wire_t base;
    int fd;
    _Atomic(int) ends;
    _Atomic(int) closes;
} loud_t;

static apr_ssize_t loud_write(llmq_wire_t *w, const struct iovec *parts, int n)
{
    loud_t *loud = (loud_t *)(void *)w;
    const char *data = parts->iov_base;
    char c = (char)(*data - 'a' + 'A');

    ck_assert_int_ge(n, 1);
    return send(loud->fd, &c, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int loud_read(llmq_wire_t *w)
{
    loud_t *loud = (loud_t *)(void *)w;
    char c = 0;

    return recv(loud->fd, &c, 1, MSG_DONTWAIT) == 1 && c == 'x';
}

static void loud_end(llmq_wire_t *w)
{
    atomic_fetch_add(&((loud_t *)(void *)w)->ends, 1);
}

static void loud_close(llmq_wire_t *w)
{
    atomic_fetch_add(&((loud_t *)(void *)w)->closes, 1);
}

static const llmq_wire_ops_t loud_ops = {loud_write, loud_read, loud_end, loud_close};

START_TEST(stream_writes_by_its_wire)
{
    loud_t loud = {{&loud_ops}, -1, 0, 0};
    stream_client_t c;
    size_t len;
    char *got;

    open_later(&c);
    loud.fd = c.fd;
    llmq_stream_begin(c.stream, &loud.base);
    stream_write_to(c.stream, "one", 3);
    ck_assert_int_eq(write(c.client, "?", 1), 1);
    stream_write_to(c.stream, "two", 3);
    ck_assert_int_eq(loud.ends, 0);
    llmq_stream_end(c.stream, NULL);
    got = stream_read_all(&c, &len);
    ck_assert_uint_eq(len, 6);
    ck_assert_mem_eq(got, "ONETWO", 6);
    free(got);
    close(c.client);
    ck_assert(stream_until_count(0));
    ck_assert_int_eq(c.whole, 1);
    ck_assert_int_eq(loud.ends, 1);
    ck_assert_int_eq(loud.closes, 1);
    llmq_stream_stop(stream_all, 0);
}
END_TEST

START_TEST(stream_hears_from_its_wire_that_the_client_left)
{
    loud_t loud = {{&loud_ops}, -1, 0, 0};
    stream_client_t c;

    open_later(&c);
    loud.fd = c.fd;
    llmq_stream_begin(c.stream, &loud.base);
    ck_assert_int_eq(write(c.client, "..x", 3), 3);
    ck_assert(stream_until_over(&c));
    ck_assert_int_eq(c.whole, 0);
    llmq_stream_end(c.stream, NULL);
    ck_assert(stream_until_count(0));
    ck_assert_int_eq(loud.ends, 0);
    ck_assert_int_eq(loud.closes, 1);
    close(c.client);
    llmq_stream_stop(stream_all, 0);
}
END_TEST

/* 0: the client has left before; 1: the thread has ended before. */
START_TEST(stream_that_is_over_before_it_begins_closes_its_wire)
{
    loud_t loud = {{&loud_ops}, -1, 0, 0};
    stream_client_t c;
    llmq_stream_t *s;

    open_later(&c);
    s = c.stream;
    if (_i) {
        llmq_stream_stop(stream_all, 0);
    }
    else {
        close(c.client);
    }
    ck_assert(stream_until_over(&c));
    llmq_stream_end(s, NULL);
    ck_assert_int_eq(stream_count(), 1);
    llmq_stream_begin(s, &loud.base);
    ck_assert(stream_until_count(0));
    ck_assert_int_eq(loud.closes, 1);
    if (!_i) {
        llmq_stream_stop(stream_all, 0);
    }
}
END_TEST

TCase *case_stream_socket(void)
{
    TCase *tc = test_case("stream_socket");

    tcase_add_checked_fixture(tc, stream_setup, NULL);
    tcase_add_test(tc, stream_writes_what_the_socket_does_not_take_at_once);
    tcase_add_test(tc, stream_hears_that_the_client_left);
    tcase_add_test(tc, stream_cuts_who_does_not_read);
    tcase_add_test(tc, stream_reads_on_after_its_end);
    tcase_add_test(tc, stream_writes_at_once_on_its_own_thread);
    tcase_add_test(tc, stream_keeps_what_its_own_thread_cannot_write);
    tcase_add_test(tc, stream_tells_its_own_thread_who_left);
    tcase_add_test(tc, stream_keeps_all_until_it_begins);
    tcase_add_test(tc, stream_may_be_ended_before_it_begins);
    tcase_add_test(tc, stream_writes_by_its_wire);
    tcase_add_test(tc, stream_hears_from_its_wire_that_the_client_left);
    tcase_add_loop_test(tc, stream_that_is_over_before_it_begins_closes_its_wire, 0, 2);
    return tc;
}
