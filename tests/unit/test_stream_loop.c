#include "support.h"

#include "base/stream_loop.h"

#include <apr_thread_proc.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LONG apr_time_from_sec(20)

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
        llmq_stream_conf_t conf = {LONG, note_over, c};
        int pair[2];
        struct iovec hello = {(void *)(size_t) "hello", 5};
        char word[8] = "";
        int leaves = rand_r(&seed) % 2;
        int said = 0;

        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0
            || llmq_stream_admit(crowd) != APR_SUCCESS
            || llmq_stream_open(&c->stream, crowd, pair[0], &conf) != APR_SUCCESS) {
            return NULL;
        }
        if (leaves) {
            close(pair[1]);
        }
        llmq_stream_end(c->stream, &hello, 1);
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
    apr_thread_t *threads[OWNERS];
    int i;

    ck_assert_int_eq(llmq_stream_create(&crowd, OWNERS * ROUNDS, test_pool), APR_SUCCESS);
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
    ck_assert_int_eq(llmq_stream_count(crowd), 0);
}
END_TEST

TCase *case_stream_loop(void)
{
    TCase *tc = test_case("stream_loop");

    tcase_add_test(tc, stream_loop_serves_many_owners_side_by_side);
    return tc;
}
