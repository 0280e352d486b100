#include "support.h"

#include "bus/bus_ring.h"

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SMALL ((apr_size_t)64 * 1024)

static llmq_bus_ring_t *ring_of(apr_size_t bytes)
{
    apr_size_t size = llmq_bus_ring_size(bytes);
    llmq_bus_ring_t *ring =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(ring, MAP_FAILED);
    llmq_bus_ring_init(ring, bytes);
    return ring;
}

static llmq_bus_cursor_t *cursor_of(llmq_bus_ring_t *ring)
{
    llmq_bus_cursor_t *c = apr_pcalloc(test_pool, sizeof(*c));

    c->ring = ring;
    llmq_bus_ring_follow(c);
    return c;
}

static llmq_event_t event_of(apr_int64_t seq, const char *data, apr_size_t len)
{
    llmq_event_t e = {77, seq, data, len, LLMQ_EVENT_GROWN, 0};

    return e;
}

static void put(llmq_bus_ring_t *ring, const llmq_event_t *e)
{
    llmq_bus_ring_fill(ring, llmq_bus_ring_reserve(ring, e), e);
}

static void expect(llmq_bus_cursor_t *c, const llmq_event_t *wanted)
{
    llmq_event_t e;

    ck_assert_int_eq(llmq_bus_ring_next(&e, c), LLMQ_BUS_EVENT);
    ck_assert_uint_eq(e.topic, wanted->topic);
    ck_assert_int_eq(e.seq, wanted->seq);
    ck_assert_int_eq(e.what, wanted->what);
    ck_assert_int_eq(e.foreign != 0, wanted->foreign != 0);
    ck_assert_uint_eq(e.len, wanted->len);
    if (e.len)
        ck_assert_mem_eq(e.data, wanted->data, e.len);
    else
        ck_assert_ptr_null(e.data);
}

static void expect_only(llmq_bus_found_e found, llmq_bus_cursor_t *c)
{
    llmq_event_t e;

    ck_assert_int_eq(llmq_bus_ring_next(&e, c), found);
}

START_TEST(what_goes_in_comes_out)
{
    static const apr_size_t lens[] = {0, 1, 3, 4, 5, 100, LLMQ_EVENT_DATA_MAX};
    llmq_bus_ring_t *ring = ring_of(SMALL);
    llmq_bus_cursor_t *c = cursor_of(ring);
    char *data = apr_palloc(test_pool, LLMQ_EVENT_DATA_MAX);
    apr_size_t i;

    for (i = 0; i < LLMQ_EVENT_DATA_MAX; i++)
        data[i] = (char)(i * 7);
    ck_assert(!llmq_bus_ring_has_more(c));
    expect_only(LLMQ_BUS_EMPTY, c);
    for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        llmq_event_t e =
            event_of(APR_INT64_C(0x123456789ABCDEF) + (apr_int64_t)i, data, lens[i]);

        e.topic = 0xFEDCBA9876543210U;
        e.what = LLMQ_EVENT_GROWN + (llmq_event_e)(i % 3);
        e.foreign = i % 2;
        put(ring, &e);
        ck_assert(llmq_bus_ring_has_more(c));
        expect(c, &e);
    }
    expect_only(LLMQ_BUS_EMPTY, c);
}
END_TEST

START_TEST(it_goes_round_and_round)
{
    llmq_bus_ring_t *ring = ring_of(SMALL);
    llmq_bus_cursor_t *c = cursor_of(ring);
    char data[1001];
    int i;

    memset(data, 'x', sizeof(data));
    for (i = 1; i < 2000; i++) {
        llmq_event_t e = event_of(i, data, (apr_size_t)(i % 1001));

        put(ring, &e);
        expect(c, &e);
    }
}
END_TEST

START_TEST(who_is_overrun_hears_so_and_goes_on)
{
    llmq_bus_ring_t *ring = ring_of(SMALL);
    llmq_bus_cursor_t *c = cursor_of(ring);
    char data[1000];
    llmq_event_t e = event_of(1, data, sizeof(data));
    int i;

    memset(data, 'y', sizeof(data));
    for (i = 0; i < 100; i++)
        put(ring, &e);
    expect_only(LLMQ_BUS_LOST, c);
    expect_only(LLMQ_BUS_EMPTY, c);
    put(ring, &e);
    expect(c, &e);
}
END_TEST

START_TEST(a_writer_that_died_is_passed)
{
    llmq_bus_ring_t *ring = ring_of(SMALL);
    llmq_bus_cursor_t *c = cursor_of(ring);
    llmq_event_t e = event_of(1, "before", 6);
    llmq_event_t lost = event_of(2, "this was never written", 22);
    llmq_event_t after = event_of(3, "after", 5);
    int i;

    put(ring, &e);
    for (i = 0; i < _i; i++)
        llmq_bus_ring_reserve(ring, &lost);
    put(ring, &after);
    llmq_bus_ring_reserve(ring, &lost);
    expect(c, &e);
    if (_i > 0)
        expect_only(LLMQ_BUS_LOST, c);
    expect(c, &after);
    expect_only(LLMQ_BUS_LOST, c);
    expect_only(LLMQ_BUS_EMPTY, c);
    put(ring, &after);
    expect(c, &after);
}
END_TEST

/* It reserved, slept while all others went round, and writes then. */
START_TEST(a_writer_that_slept_tears_nothing)
{
    llmq_bus_ring_t *ring = ring_of(SMALL);
    llmq_bus_cursor_t *c = cursor_of(ring);
    char old[1000], young[1000];
    llmq_event_t late = event_of(1, old, sizeof(old));
    llmq_event_t e = event_of(2, young, 4 * 250);
    apr_uint64_t at = llmq_bus_ring_reserve(ring, &late);
    int i, n = 0;

    memset(old, 'o', sizeof(old));
    memset(young, 'y', sizeof(young));
    for (i = 0; i < 64; i++)
        put(ring, &e);
    llmq_bus_ring_follow(c);
    c->at -= (apr_uint64_t)64 * 255;
    llmq_bus_ring_fill(ring, at, &late);
    for (i = 0; i < 64; i++) {
        llmq_event_t got;
        llmq_bus_found_e found = llmq_bus_ring_next(&got, c);

        if (found == LLMQ_BUS_EVENT) {
            ck_assert_int_eq(got.seq, 2);
            ck_assert_ptr_null(memchr(got.data, 'o', got.len));
            n++;
        }
    }
    ck_assert_int_gt(n, 50);
    ck_assert_int_lt(n, 64);
}
END_TEST

/* ---- many at once ---- */

#define WRITERS 4
#define EVENTS  20000

typedef struct {
    llmq_bus_ring_t *ring;
    int me;
    int torn;
} writer_t;

/* What threads and processes know of each other. */
typedef struct {
    atomic_int writing; /* writers that have not put their last event */
    atomic_int dying;   /* processes that have reserved and will not fill */
} shared_t;

static shared_t *shared;

static void share(void)
{
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(shared, MAP_FAILED);
    atomic_store(&shared->writing, WRITERS);
}

/* Each byte of an event is told by its seq, so that a torn one shows. */
static void write_events(writer_t *w)
{
    char data[400];
    int i;

    for (i = 1; i <= EVENTS; i++) {
        llmq_event_t e =
            event_of((apr_int64_t)w->me << 32 | i, data, (apr_size_t)(i % 400));

        memset(data, i % 251, e.len);
        put(w->ring, &e);
    }
    atomic_fetch_sub(&shared->writing, 1);
}

static int is_whole(const llmq_event_t *e)
{
    int i = (int)(e->seq & 0xFFFFFFFF);
    apr_size_t k;

    if (e->topic != 77 || e->len != (apr_size_t)(i % 400))
        return 0;
    for (k = 0; k < e->len; k++) {
        if ((unsigned char)e->data[k] != i % 251)
            return 0;
    }
    return 1;
}

/* Read until the writers have ended and nothing is left. */
static int read_events(llmq_bus_cursor_t *c, int *plost)
{
    llmq_bus_found_e found = LLMQ_BUS_EMPTY;
    int last[WRITERS] = {0};
    int bad = 0, writing;

    do {
        llmq_event_t e = {0};
        int who, i;

        writing = atomic_load(&shared->writing); /* before it is found empty */
        found = llmq_bus_ring_next(&e, c);
        if (found == LLMQ_BUS_EMPTY)
            continue;
        if (found == LLMQ_BUS_LOST) {
            (*plost)++;
            continue;
        }
        who = (int)(e.seq >> 32);
        i = (int)(e.seq & 0xFFFFFFFF);
        bad += !is_whole(&e) || who >= WRITERS || i <= last[who];
        last[who] = i;
    } while (writing || found != LLMQ_BUS_EMPTY);
    return bad;
}

static void *APR_THREAD_FUNC write_thread(apr_thread_t *thread, void *data)
{
    (void)thread;
    write_events(data);
    return NULL;
}

static void *APR_THREAD_FUNC read_thread(apr_thread_t *thread, void *data)
{
    writer_t *w = data;
    llmq_bus_cursor_t *c = calloc(1, sizeof(*c));
    int lost = 0;

    (void)thread;
    c->ring = w->ring;
    w->torn = read_events(c, &lost);
    free(c);
    return NULL;
}

START_TEST(threads_tear_nothing)
{
    llmq_bus_ring_t *ring = ring_of(SMALL << _i);
    apr_thread_t *threads[WRITERS + 2];
    writer_t w[WRITERS + 2];
    apr_status_t rv;
    int i;

    share();
    for (i = 0; i < WRITERS + 2; i++) {
        w[i].ring = ring;
        w[i].me = i;
        w[i].torn = 0;
        ck_assert_int_eq(apr_thread_create(&threads[i], NULL,
                                           i < WRITERS ? write_thread : read_thread,
                                           &w[i], test_pool),
                         APR_SUCCESS);
    }
    for (i = 0; i < WRITERS + 2; i++)
        apr_thread_join(&rv, threads[i]);
    ck_assert_int_eq(w[WRITERS].torn, 0);
    ck_assert_int_eq(w[WRITERS + 1].torn, 0);
}
END_TEST

/* Gets positions and writes nothing, until it is killed. */
static void die_writing(llmq_bus_ring_t *ring)
{
    llmq_event_t e = event_of(1, "never written", 13);
    int i;

    for (i = 0;; i++) {
        usleep(10);
        llmq_bus_ring_reserve(ring, &e);
        if (i == 20)
            atomic_fetch_add(&shared->dying, 1);
    }
}

/* The reader passes what the killed ones have left, and hears of it. */
START_TEST(killed_processes_tear_nothing)
{
    llmq_bus_ring_t *ring = ring_of(SMALL << _i);
    llmq_bus_cursor_t *c = cursor_of(ring);
    pid_t child[2 * WRITERS];
    int i, bad, lost = 0;

    share();
    for (i = 0; i < 2 * WRITERS; i++) {
        writer_t w = {ring, i / 2, 0};

        child[i] = fork();
        if (child[i] == 0) {
            if (i % 2)
                die_writing(ring);
            write_events(&w);
            _exit(0);
        }
    }
    while (atomic_load(&shared->dying) < WRITERS)
        usleep(100);
    for (i = 1; i < 2 * WRITERS; i += 2)
        kill(child[i], SIGKILL);
    bad = read_events(c, &lost);
    for (i = 0; i < 2 * WRITERS; i++)
        waitpid(child[i], NULL, 0);
    ck_assert_int_eq(bad, 0);
    ck_assert_int_gt(lost, 0);
}
END_TEST

TCase *case_bus_ring(void)
{
    TCase *tc = test_case("bus_ring");

    tcase_add_test(tc, what_goes_in_comes_out);
    tcase_add_test(tc, it_goes_round_and_round);
    tcase_add_test(tc, who_is_overrun_hears_so_and_goes_on);
    tcase_add_loop_test(tc, a_writer_that_died_is_passed, 0, 3);
    tcase_add_test(tc, a_writer_that_slept_tears_nothing);
    tcase_add_loop_test(tc, threads_tear_nothing, 0, 2);
    tcase_add_loop_test(tc, killed_processes_tear_nothing, 0, 2);
    return tc;
}
