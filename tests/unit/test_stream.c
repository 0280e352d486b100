#include "stream_support.h"
#include "support.h"

#include "base/stream.h"
#include "llmq.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

START_TEST(stream_writes_pieces_in_order_and_ends)
{
    stream_client_t c;
    size_t len;
    char *got;

    stream_open_one(&c, STREAM_LONG);
    stream_write_to(c.stream, "one ", 4);
    stream_write_to(c.stream, "two", 3);
    llmq_stream_end(c.stream, NULL);
    got = stream_read_all(&c, &len);
    ck_assert_int_eq(len, 7);
    ck_assert_mem_eq(got, "one two", 7);
    free(got);
    ck_assert(stream_until_over(&c));
    ck_assert_int_eq(c.whole, 1);
    close(c.client);
    ck_assert(stream_until_count(0));
    ck_assert_int_eq(llmq_stream_bytes(stream_all), 0);
    llmq_stream_stop(stream_all, 0);
}
END_TEST

START_TEST(stream_admits_so_many)
{
    stream_client_t c[4];
    int i;

    for (i = 0; i < 4; i++) {
        stream_open_one(&c[i], STREAM_LONG);
    }
    ck_assert_int_eq(llmq_stream_admit(stream_all, LLMQ_STREAM_ANSWER), LLMQ_EFULL);
    close(c[0].client);
    llmq_stream_end(c[0].stream, NULL);
    ck_assert(stream_until_count(3));
    ck_assert_int_eq(llmq_stream_admit(stream_all, LLMQ_STREAM_ANSWER), APR_SUCCESS);
    llmq_stream_dismiss(stream_all, LLMQ_STREAM_ANSWER);
    ck_assert_int_eq(stream_count(), 3);
    llmq_stream_stop(stream_all, 0);
    for (i = 1; i < 4; i++) {
        close(c[i].client);
    }
}
END_TEST

START_TEST(stream_refuses_what_is_no_socket)
{
    llmq_stream_conf_t conf = {.stall = STREAM_LONG, .over = stream_note_over};
    llmq_stream_t *s;
    int fd = open("/dev/null", O_RDWR);

    ck_assert_int_eq(llmq_stream_admit(stream_all, LLMQ_STREAM_ANSWER), APR_SUCCESS);
    ck_assert_int_eq(llmq_stream_open(&s, stream_all, fd, &conf), EPERM);
    llmq_stream_dismiss(stream_all, LLMQ_STREAM_ANSWER);
    ck_assert_int_eq(stream_count(), 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    llmq_stream_stop(stream_all, 0);
}
END_TEST

/* A stop tells everybody, writes what is ended, and cuts the rest: without any patience,
 * what the sockets take at once is written all the same. */
START_TEST(stream_stop_writes_what_is_ended)
{
    stream_client_t ended;
    stream_client_t open;
    stream_client_t slow;
    char *data = calloc(1, STREAM_BIG);
    char *got;
    size_t len;

    stream_open_one(&ended, STREAM_LONG);
    stream_open_one(&open, STREAM_LONG);
    stream_open_one(&slow, STREAM_LONG);
    stream_write_to(slow.stream, data, STREAM_BIG);
    llmq_stream_end(slow.stream, NULL);
    stream_write_to(open.stream, "begun", 5);
    stream_write_to(ended.stream, "bye", 3);
    llmq_stream_end(ended.stream, NULL);
    llmq_stream_stop(stream_all, _i ? STREAM_SHORT : 0);
    ck_assert_int_eq(ended.calls + open.calls + slow.calls, 3);
    ck_assert(ended.whole && !open.whole && !slow.whole);
    got = stream_read_all(&ended, &len);
    ck_assert_int_eq(len, 3);
    free(got);
    got = stream_read_all(&open, &len);
    ck_assert_int_eq(len, 5);
    free(got);
    free(data);
    ck_assert_int_eq(stream_count(), 1);
    llmq_stream_end(open.stream, NULL); /* its owner hears of it late */
    ck_assert_int_eq(stream_count(), 0);
    ck_assert_int_eq(llmq_stream_bytes(stream_all), 0);
    ck_assert_int_eq(llmq_stream_admit(stream_all, LLMQ_STREAM_ANSWER), APR_EOF);
    close(ended.client);
    close(open.client);
    close(slow.client);
}
END_TEST

START_TEST(stream_that_was_never_used_has_no_thread)
{
    llmq_stream_stop(stream_all, STREAM_LONG);
    ck_assert_int_eq(stream_count(), 0);
}
END_TEST

/* An owner may end its stream inside `over`. */
static void end_over(void *ctx, int whole)
{
    stream_client_t *c = ctx;

    stream_note_over(ctx, whole);
    llmq_stream_end(c->stream, NULL);
}

START_TEST(stream_may_be_ended_as_it_is_over)
{
    llmq_stream_conf_t conf = {.stall = STREAM_LONG, .over = end_over};
    stream_client_t c;
    stream_client_t d;

    stream_open_by(&c, &conf);
    close(c.client);
    ck_assert(stream_until_over(&c));
    ck_assert(stream_until_count(0));
    stream_open_by(&d, &conf);
    llmq_stream_stop(stream_all, 0);
    ck_assert_int_eq(d.calls, 1);
    ck_assert_int_eq(stream_count(), 0);
    close(d.client);
}
END_TEST

START_TEST(stream_shares_frames_and_ends_with_the_last_chunk)
{
    llmq_frame_t *frame = stream_frame_of("hello", 5);
    stream_client_t c[3];
    int i;

    stream_open_events(&c[0], 1000);
    stream_open_events(&c[1], 1000);
    stream_open_one(&c[2], STREAM_LONG); /* without chunks */
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(llmq_stream_send(c[i].stream, frame), APR_SUCCESS);
    }
    llmq_stream_end(c[0].stream, NULL);
    llmq_stream_end(c[1].stream, frame);
    llmq_stream_end(c[2].stream, frame);
    stream_expect(&c[0], "5\r\nhello\r\n0\r\n\r\n");
    stream_expect(&c[1], "5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n");
    stream_expect(&c[2], "hellohello");
    for (i = 0; i < 3; i++) {
        ck_assert(stream_until_over(&c[i]));
        ck_assert_int_eq(c[i].whole, 1);
        close(c[i].client);
    }
    ck_assert(stream_until_count(0));
    ck_assert_int_eq(atomic_load(&frame->holders), 1);
    llmq_frame_drop(frame);
    llmq_stream_stop(stream_all, 0);
}
END_TEST

/* By then the stream is known to the test. */
static void note_rest(void *ctx, int whole)
{
    stream_client_t *c = ctx;

    atomic_store(&c->rest, llmq_stream_pending(c->stream));
    stream_note_over(ctx, whole);
}

START_TEST(stream_tells_how_much_has_waited_in_vain)
{
    llmq_stream_conf_t conf = {.kind = LLMQ_STREAM_EVENTS,
                               .max_pending = 1000,
                               .stall = STREAM_LONG,
                               .over = note_rest};
    stream_client_t c;
    char *data = calloc(1, STREAM_BIG);

    stream_open_by(&c, &conf);
    stream_write_to(c.stream, data, STREAM_BIG);
    stream_write_to(c.stream, data, 1000);
    ck_assert(stream_until_over(&c));
    ck_assert_int_gt(c.rest, 0);
    llmq_stream_end(c.stream, NULL);
    ck_assert(stream_until_count(0));
    free(data);
    close(c.client);
    llmq_stream_stop(stream_all, 0);
}
END_TEST

START_TEST(stream_cuts_who_lets_too_much_wait)
{
    stream_client_t c;
    stream_client_t d;
    char *data = calloc(1, STREAM_BIG);

    stream_open_events(&c, 1000);
    stream_open_events(&d, 1000);
    ck_assert_int_eq(stream_write_to(c.stream, data, STREAM_BIG),
                     APR_SUCCESS); /* one is always tried */
    ck_assert_int_gt(llmq_stream_pending(c.stream), 0);
    ck_assert_int_eq(llmq_stream_bytes(stream_all), 0); /* it minds itself */
    ck_assert_int_eq(stream_write_to(c.stream, data, 1000), APR_ECONNABORTED);
    ck_assert(stream_until_over(&c));
    ck_assert_int_eq(c.whole, 0);
    ck_assert_int_eq(stream_write_to(d.stream, data, 1000), APR_SUCCESS);
    llmq_stream_end(c.stream, NULL);
    llmq_stream_drop(d.stream); /* and nothing says that it would be whole */
    ck_assert(stream_until_over(&d));
    ck_assert_int_eq(d.whole, 0);
    ck_assert(stream_until_count(0));
    free(data);
    close(c.client);
    close(d.client);
    llmq_stream_stop(stream_all, 0);
}
END_TEST

START_TEST(stream_has_places_of_each_kind)
{
    int i;

    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(llmq_stream_admit(stream_all, LLMQ_STREAM_EVENTS), APR_SUCCESS);
    }
    ck_assert_int_eq(llmq_stream_admit(stream_all, LLMQ_STREAM_EVENTS), LLMQ_EFULL);
    ck_assert_int_eq(llmq_stream_admit(stream_all, LLMQ_STREAM_ANSWER), APR_SUCCESS);
    ck_assert_int_eq(llmq_stream_count(stream_all, LLMQ_STREAM_EVENTS), 2);
    ck_assert_int_eq(llmq_stream_count(stream_all, LLMQ_STREAM_ANSWER), 1);
    llmq_stream_stop(stream_all, 0);
}
END_TEST

/* Streams of events end in good order with the child, others are broken off. */
START_TEST(stream_stop_ends_events)
{
    stream_client_t c;
    stream_client_t d;

    stream_open_events(&c, 1000);
    stream_open_one(&d, STREAM_LONG);
    stream_write_to(c.stream, "begun", 5);
    stream_write_to(d.stream, "begun", 5);
    llmq_stream_stop(stream_all, _i ? STREAM_SHORT : 0);
    ck_assert_int_eq(c.calls + d.calls, 2);
    ck_assert(!c.whole && !d.whole);
    stream_expect(&c, "5\r\nbegun\r\n0\r\n\r\n");
    stream_expect(&d, "begun");
    ck_assert_int_eq(stream_write_to(c.stream, "more", 4), APR_ECONNABORTED);
    llmq_stream_end(c.stream, NULL);
    ck_assert_int_eq(stream_count(), 1); /* what is never ended goes with the pool */
    close(c.client);
    close(d.client);
}
END_TEST

static void count_turn(void *ctx)
{
    atomic_fetch_add((_Atomic(int) *)ctx, 1);
}

START_TEST(stream_thread_takes_turns_until_it_stops)
{
    _Atomic(int) often = 0;
    _Atomic(int) seldom = 0;
    int rounds = 0;
    int i;

    llmq_stream_every(stream_all, apr_time_from_msec(1), count_turn, &often);
    llmq_stream_every(stream_all, apr_time_from_sec(3600), count_turn, &seldom);
    apr_sleep(apr_time_from_msec(20));
    ck_assert_int_eq(often, 0); /* there is no thread yet */
    ck_assert_int_eq(llmq_stream_admit(stream_all, LLMQ_STREAM_EVENTS), APR_SUCCESS);
    while (often < 3 && stream_patience(&rounds)) {
    }
    ck_assert_int_ge(often, 3);
    llmq_stream_stop(stream_all, 0);
    i = often;
    apr_sleep(apr_time_from_msec(20));
    ck_assert_int_eq(often, i);
    ck_assert_int_eq(seldom, 0);
}
END_TEST

TCase *case_stream(void)
{
    TCase *tc = test_case("stream");

    tcase_add_checked_fixture(tc, stream_setup, NULL);
    tcase_add_test(tc, stream_writes_pieces_in_order_and_ends);
    tcase_add_test(tc, stream_admits_so_many);
    tcase_add_test(tc, stream_refuses_what_is_no_socket);
    tcase_add_loop_test(tc, stream_stop_writes_what_is_ended, 0, 2);
    tcase_add_test(tc, stream_that_was_never_used_has_no_thread);
    tcase_add_test(tc, stream_may_be_ended_as_it_is_over);
    tcase_add_test(tc, stream_shares_frames_and_ends_with_the_last_chunk);
    tcase_add_test(tc, stream_tells_how_much_has_waited_in_vain);
    tcase_add_test(tc, stream_cuts_who_lets_too_much_wait);
    tcase_add_test(tc, stream_has_places_of_each_kind);
    tcase_add_loop_test(tc, stream_stop_ends_events, 0, 2);
    tcase_add_test(tc, stream_thread_takes_turns_until_it_stops);
    return tc;
}
