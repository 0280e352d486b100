#include "support.h"

#include "base/stream.h"
#include "base/stream_loop.h"

#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LONG apr_time_from_sec(3600) /* never */

/* One stream and what its `over` was told. */
typedef struct {
    llmq_stream_t *stream;
    _Atomic(int) calls;
    _Atomic(int) whole;
} client_t;

static void note_over(void *ctx, int whole)
{
    client_t *c = ctx;

    atomic_store(&c->whole, whole);
    atomic_fetch_add(&c->calls, 1);
}

#define OWNERS 4
#define ROUNDS 200

static llmq_streams_t *crowd;
static _Atomic(int) good_rounds;

static void *APR_THREAD_FUNC own(apr_thread_t *thread, void *data)
{
    unsigned seed = (unsigned)(size_t)data;
    int i;

    (void)thread;
    for (i = 0; i < ROUNDS; i++) {
        client_t *c = calloc(1, sizeof(*c));
        llmq_stream_conf_t conf = {.stall = LONG, .over = note_over, .ctx = c};
        struct iovec part = {(void *)(size_t) "hello", 5};
        llmq_frame_t *hello = llmq_frame_make(&part, 1);
        int pair[2];
        char word[8] = "";
        int leaves = rand_r(&seed) % 2;
        int said = 0;

        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0
            || llmq_stream_admit(crowd, LLMQ_STREAM_ANSWER) != APR_SUCCESS
            || llmq_stream_open(&c->stream, crowd, pair[0], &conf) != APR_SUCCESS) {
            return NULL;
        }
        if (leaves) {
            close(pair[1]);
        }
        llmq_stream_end(c->stream, hello);
        llmq_frame_drop(hello);
        if (!leaves) {
            said = read(pair[1], word, sizeof(word)) == 5 && strcmp(word, "hello") == 0;
            close(pair[1]);
        }
        while (!atomic_load(&c->calls)) {
            apr_sleep(100);
        }
        /* Who has read the last byte and hung up at once has got all. */
        atomic_fetch_add(&good_rounds, leaves || (said && atomic_load(&c->whole) == 1));
        free(c);
    }
    return NULL;
}

START_TEST(stream_loop_serves_many_owners_side_by_side)
{
    static const int max[LLMQ_STREAM_COUNT] = {OWNERS * ROUNDS, 0};
    apr_thread_t *threads[OWNERS];
    int i;

    ck_assert_int_eq(llmq_stream_create(&crowd, max, test_pool), APR_SUCCESS);
    for (i = 0; i < OWNERS; i++) {
        ck_assert_int_eq(
            apr_thread_create(&threads[i], NULL, own, (void *)(size_t)(i + 1), test_pool),
            APR_SUCCESS);
    }
    for (i = 0; i < OWNERS; i++) {
        apr_status_t rv;

        apr_thread_join(&rv, threads[i]);
    }
    llmq_stream_stop(crowd, LONG);
    ck_assert_int_eq(good_rounds, OWNERS * ROUNDS);
    ck_assert_int_eq(llmq_stream_count(crowd, LLMQ_STREAM_ANSWER), 0);
}
END_TEST

/* ---- frames for many, from the thread itself and from others, until the stop ---- */

#define CLIENTS 24
#define FRAMES  400

/* A stream of events whose owner changes: first a thread of the test, then the streams'. */
typedef struct {
    llmq_stream_t *stream; /* under lock; NULL: ended */
    int fd;
    int leaves; /* after so many bytes; 0: stays */
    size_t got;
    char last[7];
    _Atomic(int) overs;
} listener_t;

static listener_t listeners[CLIENTS];
static apr_thread_mutex_t *crowd_lock;
static llmq_frame_t *shared_frame;
static _Atomic(int) told;

static void note_end(void *ctx, int whole)
{
    listener_t *l = ctx;

    (void)whole;
    atomic_fetch_add(&l->overs, 1);
    apr_thread_mutex_lock(crowd_lock);
    if (l->stream) {
        llmq_stream_end(l->stream, NULL);
        l->stream = NULL;
    }
    apr_thread_mutex_unlock(crowd_lock);
}

static void tell_everybody(void *ctx)
{
    int i;

    (void)ctx;
    apr_thread_mutex_lock(crowd_lock);
    for (i = 0; i < CLIENTS; i++) {
        if (listeners[i].stream
            && llmq_stream_send(listeners[i].stream, shared_frame) != APR_SUCCESS) {
            llmq_stream_end(listeners[i].stream, NULL);
            listeners[i].stream = NULL;
        }
    }
    apr_thread_mutex_unlock(crowd_lock);
    atomic_fetch_add(&told, 1);
}

static void *APR_THREAD_FUNC tell_from_outside(apr_thread_t *thread, void *data)
{
    (void)thread;
    while (atomic_load(&told) < FRAMES) {
        tell_everybody(data);
    }
    return NULL;
}

static void *APR_THREAD_FUNC hear(apr_thread_t *thread, void *data)
{
    listener_t *l = data;
    char text[512];
    ssize_t n;
    ssize_t i;

    (void)thread;
    while ((n = read(l->fd, text, sizeof(text))) > 0) {
        l->got += (size_t)n;
        if (l->leaves && l->got > (size_t)l->leaves) {
            break;
        }
        for (i = 0; i < n; i++) {
            memmove(l->last, l->last + 1, sizeof(l->last) - 1);
            l->last[sizeof(l->last) - 1] = text[i];
        }
    }
    close(l->fd);
    return NULL;
}

static void enter(listener_t *l, int leaves)
{
    llmq_stream_conf_t conf = {.kind = LLMQ_STREAM_EVENTS,
                               .chunked = 1,
                               .max_pending = 1000000,
                               .stall = LONG,
                               .over = note_end,
                               .ctx = l};
    int pair[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    l->fd = pair[1];
    l->leaves = leaves;
    ck_assert_int_eq(llmq_stream_admit(crowd, LLMQ_STREAM_EVENTS), APR_SUCCESS);
    apr_thread_mutex_lock(crowd_lock);
    ck_assert_int_eq(llmq_stream_open(&l->stream, crowd, pair[0], &conf), APR_SUCCESS);
    apr_thread_mutex_unlock(crowd_lock);
}

START_TEST(stream_loop_tells_a_crowd_that_comes_and_goes)
{
    static const int max[LLMQ_STREAM_COUNT] = {0, CLIENTS};
    struct iovec part = {(void *)(size_t) "some news for everybody", 23};
    apr_thread_t *readers[CLIENTS];
    apr_thread_t *teller;
    apr_status_t rv;
    int bad = 0;
    int i;

    apr_thread_mutex_create(&crowd_lock, APR_THREAD_MUTEX_DEFAULT, test_pool);
    shared_frame = llmq_frame_make(&part, 1);
    ck_assert_int_eq(llmq_stream_create(&crowd, max, test_pool), APR_SUCCESS);
    llmq_stream_every(crowd, apr_time_from_msec(1), tell_everybody, NULL);
    for (i = 0; i < CLIENTS; i++) {
        enter(&listeners[i], i % 3 == 0 ? 100 * (i + 1) : 0);
        apr_thread_create(&readers[i], NULL, hear, &listeners[i], test_pool);
    }
    apr_thread_create(&teller, NULL, tell_from_outside, NULL, test_pool);
    apr_thread_join(&rv, teller);
    llmq_stream_stop(crowd, LONG);
    for (i = 0; i < CLIENTS; i++) {
        apr_thread_join(&rv, readers[i]);
        bad += listeners[i].overs != 1 || listeners[i].stream != NULL;
        bad += !listeners[i].leaves && memcmp(listeners[i].last, "\r\n0\r\n\r\n", 7) != 0;
    }
    ck_assert_int_eq(bad, 0);
    ck_assert_int_eq(llmq_stream_count(crowd, LLMQ_STREAM_EVENTS), 0);
    ck_assert_int_eq(llmq_stream_bytes(crowd), 0);
    ck_assert_int_eq(atomic_load(&shared_frame->holders), 1);
    llmq_frame_drop(shared_frame);
}
END_TEST

TCase *case_stream_loop(void)
{
    TCase *tc = test_case("stream_loop");

    tcase_add_test(tc, stream_loop_serves_many_owners_side_by_side);
    tcase_add_test(tc, stream_loop_tells_a_crowd_that_comes_and_goes);
    return tc;
}
