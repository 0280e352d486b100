#include "support.h"

#include "bus/bus.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RING    ((apr_size_t)64 * 1024)
#define READERS 4

static llmq_bus_t *bus_in(void *memory)
{
    llmq_bus_t *bus = NULL;

    ck_assert_int_eq(llmq_bus_create(&bus, memory, RING, READERS, test_pool),
                     APR_SUCCESS);
    return bus;
}

static void *memory_of(void)
{
    void *memory = mmap(NULL, llmq_bus_size(RING), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(memory, MAP_FAILED);
    return memory;
}

/* What a reader was told. */
typedef struct {
    int n;
    int missed;
    llmq_event_t last;
    char data[100];
} ear_t;

static void hear(void *ctx, const llmq_event_t *event)
{
    ear_t *ear = ctx;

    ear->n++;
    ear->last = *event;
    memcpy(ear->data, event->data ? event->data : "", event->len < 99 ? event->len : 99);
}

static ear_t read_all(llmq_bus_reader_t *r)
{
    ear_t ear = {0};

    ck_assert_int_lt(llmq_bus_read(&ear.missed, r, hear, &ear, 1000), 1000);
    return ear;
}

static int is_readable(const llmq_bus_reader_t *r)
{
    struct pollfd pfd = {.fd = llmq_bus_fd(r), .events = POLLIN};

    return poll(&pfd, 1, 0) == 1;
}

static llmq_bus_reader_t *listener(llmq_bus_t *bus, apr_pool_t *p)
{
    llmq_bus_reader_t *r;

    ck_assert_int_eq(llmq_bus_attach(&r, bus, p), APR_SUCCESS);
    llmq_bus_want(r, 1);
    ck_assert(is_readable(r));
    ck_assert_int_eq(read_all(r).missed, 1);
    return r;
}

static void tell(llmq_bus_t *bus, apr_int64_t seq)
{
    llmq_event_t e = {5, seq, "{}", 2, LLMQ_EVENT_DELTA, 0};

    llmq_bus_publish(bus, &e, 1);
}

static llmq_bus_stats_t stats_of(llmq_bus_t *bus)
{
    llmq_bus_stats_t stats;

    llmq_bus_stats(&stats, bus);
    return stats;
}

START_TEST(topics_differ_and_stay)
{
    apr_uint64_t t = llmq_bus_topic(LLMQ_TOPIC_SESSION, "default", "abc");

    ck_assert_uint_eq(t, llmq_bus_topic(LLMQ_TOPIC_SESSION, "default", "abc"));
    ck_assert_uint_eq(t, APR_UINT64_C(0x8780fa4d5e9578ad));
    ck_assert_uint_ne(t, llmq_bus_topic(LLMQ_TOPIC_TASK, "default", "abc"));
    ck_assert_uint_ne(t, llmq_bus_topic(LLMQ_TOPIC_SESSION, "defaulta", "bc"));
    ck_assert_uint_ne(t, llmq_bus_topic(LLMQ_TOPIC_SESSION, "default", "abd"));
}
END_TEST

START_TEST(nothing_is_told_while_nobody_wants)
{
    llmq_bus_t *bus = bus_in(memory_of());
    llmq_bus_reader_t *r;
    ear_t ear;

    ck_assert(!llmq_bus_is_wanted(NULL));
    ck_assert(!llmq_bus_is_wanted(bus));
    tell(bus, 1);
    ck_assert_uint_eq(stats_of(bus).published, 0);
    ck_assert_int_eq(llmq_bus_attach(&r, bus, test_pool), APR_SUCCESS);
    ck_assert(!llmq_bus_is_wanted(bus));
    ck_assert_int_eq(read_all(r).missed, 0);
    llmq_bus_want(r, 1);
    llmq_bus_want(r, 1);
    ck_assert(llmq_bus_is_wanted(bus));
    ck_assert_int_eq(stats_of(bus).listening, 1);
    tell(bus, 2);
    ear = read_all(r);
    ck_assert_int_eq(ear.n, 1);
    ck_assert_int_eq(ear.missed, 1);
    llmq_bus_want(r, 0);
    ck_assert(!llmq_bus_is_wanted(bus));
    tell(bus, 3);
    ck_assert(!is_readable(r));
    ck_assert_int_eq(read_all(r).n, 0);
    ck_assert_uint_eq(stats_of(bus).published, 1);
}
END_TEST

START_TEST(every_listener_is_told_in_order)
{
    llmq_bus_t *bus = bus_in(memory_of());
    llmq_bus_reader_t *a = listener(bus, test_pool), *b = listener(bus, test_pool);
    llmq_event_t two[2] = {{9, 1, "{\"a\":1}", 7, LLMQ_EVENT_GROWN, 1},
                           {9, 2, NULL, 0, LLMQ_EVENT_CHANGED, 1}};
    ear_t ear = {0};

    ck_assert(!is_readable(a));
    llmq_bus_publish(bus, two, 2);
    ck_assert(is_readable(a) && is_readable(b));
    ck_assert_int_eq(llmq_bus_read(&ear.missed, a, hear, &ear, 1), 1);
    ck_assert_int_eq(ear.last.what, LLMQ_EVENT_GROWN);
    ck_assert_int_eq(ear.last.foreign, 0);
    ck_assert_str_eq(ear.data, "{\"a\":1}");
    ck_assert_int_eq(read_all(a).last.seq, 2);
    ear = read_all(b);
    ck_assert_int_eq(ear.n, 2);
    ck_assert_int_eq(ear.missed, 0);
    ck_assert_ptr_null(ear.last.data);
    llmq_bus_relay(bus, two, 1);
    ear = read_all(b);
    ck_assert(ear.last.foreign);
    ck_assert_uint_eq(stats_of(bus).published, 2);
    ck_assert_uint_eq(stats_of(bus).foreign, 1);
}
END_TEST

START_TEST(long_data_stays_behind)
{
    llmq_bus_t *bus = bus_in(memory_of());
    llmq_bus_reader_t *r = listener(bus, test_pool);
    llmq_event_t e = {9, 1, NULL, LLMQ_EVENT_DATA_MAX + 1, LLMQ_EVENT_GROWN, 0};
    char *data = calloc(1, LLMQ_EVENT_DATA_MAX + 1);
    ear_t ear;

    e.data = data;
    llmq_bus_publish(bus, &e, 1);
    ear = read_all(r);
    ck_assert_int_eq(ear.n, 1);
    ck_assert_uint_eq(ear.last.len, 0);
    ck_assert_ptr_null(ear.last.data);
    e.len--;
    llmq_bus_publish(bus, &e, 1);
    ck_assert_uint_eq(read_all(r).last.len, LLMQ_EVENT_DATA_MAX);
    free(data);
}
END_TEST

START_TEST(who_falls_behind_hears_it)
{
    llmq_bus_t *bus = bus_in(memory_of());
    llmq_bus_reader_t *slow = listener(bus, test_pool);
    ear_t ear;
    int i;

    for (i = 0; i < 4000; i++)
        tell(bus, i);
    ear = read_all(slow);
    ck_assert_int_eq(ear.missed, LLMQ_BUS_BEHIND);
    ck_assert_int_eq(ear.n, 0);
    ck_assert_uint_eq(stats_of(bus).overruns, 1);
    tell(bus, 7);
    ear = read_all(slow);
    ck_assert_int_eq(ear.missed, 0);
    ck_assert_int_eq(ear.last.seq, 7);
}
END_TEST

START_TEST(places_are_few_and_come_back)
{
    llmq_bus_t *bus = bus_in(memory_of());
    llmq_bus_reader_t *r;
    apr_pool_t *p;
    int i;

    apr_pool_create(&p, test_pool);
    for (i = 0; i < READERS; i++)
        listener(bus, p);
    ck_assert_int_eq(llmq_bus_attach(&r, bus, test_pool), LLMQ_EFULL);
    apr_pool_destroy(p);
    ck_assert(!llmq_bus_is_wanted(bus));
    listener(bus, test_pool);
}
END_TEST

START_TEST(the_dead_want_nothing)
{
    llmq_bus_t *bus = bus_in(memory_of());
    llmq_bus_reader_t *r;
    pid_t child = fork();

    if (child == 0) {
        listener(bus, test_pool);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    ck_assert(llmq_bus_is_wanted(bus));
    ck_assert_int_eq(llmq_bus_attach(&r, bus, test_pool), APR_SUCCESS);
    ck_assert(!llmq_bus_is_wanted(bus));
}
END_TEST

START_TEST(a_restart_keeps_what_is_there)
{
    void *memory = memory_of();
    llmq_bus_t *before = bus_in(memory);
    llmq_bus_reader_t *r = listener(before, test_pool);
    llmq_bus_t *after = bus_in(memory);

    tell(after, 11);
    ck_assert_int_eq(read_all(r).last.seq, 11);
    ck_assert_uint_eq(stats_of(after).published, 1);
}
END_TEST

START_TEST(links_are_told_and_end_with_their_process)
{
    llmq_bus_t *bus = bus_in(memory_of());
    llmq_bus_reader_t *r = listener(bus, test_pool);
    pid_t child;

    ck_assert_int_eq(stats_of(bus).linked, 0);
    llmq_bus_set_linked(bus, 1);
    ck_assert_int_eq(stats_of(bus).linked, 1);
    ck_assert(is_readable(r));
    ck_assert_int_eq(read_all(r).missed, 1);
    llmq_bus_set_linked(bus, 1);
    ck_assert(!is_readable(r));
    ck_assert_int_eq(read_all(r).missed, 0);
    child = fork();
    if (child == 0) {
        llmq_bus_set_linked(bus, 0); /* it is not this one's */
        _exit(stats_of(bus).linked == 1 ? 0 : 1);
    }
    ck_assert(waitpid(child, &(int){0}, 0) == child && stats_of(bus).linked == 1);
    llmq_bus_set_linked(bus, 0);
    ck_assert_int_eq(stats_of(bus).linked, 0);
    ck_assert_int_eq(read_all(r).missed, 1);
    child = fork();
    if (child == 0) {
        llmq_bus_set_linked(bus, 1);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    ck_assert_int_eq(stats_of(bus).linked, 0);
}
END_TEST

/* ---- many processes ---- */

#define TELLERS 4
#define TOLD    5000

/* Sleeps on the descriptor for as long as it takes: a ring that is lost shows. */
static int listen_to_all(llmq_bus_t *bus, int ready)
{
    llmq_bus_reader_t *r = listener(bus, test_pool);
    ear_t ear = {0};

    if (write(ready, "r", 1) != 1)
        return 3;
    while (!ear.missed && ear.n < TELLERS * TOLD) {
        struct pollfd pfd = {.fd = llmq_bus_fd(r), .events = POLLIN};

        if (poll(&pfd, 1, 60000) != 1)
            return 1;
        while (llmq_bus_read(&ear.missed, r, hear, &ear, 50) == 50)
            continue;
    }
    return ear.missed ? 2 : 0;
}

/* A teller waits for the slowest now and then, as the ring must not overrun here. */
START_TEST(nobody_sleeps_through_an_event)
{
    apr_size_t big = (apr_size_t)4 * 1024 * 1024;
    void *memory = mmap(NULL, llmq_bus_size(big), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    llmq_bus_t *bus = NULL;
    int ready[2], i, k, status;
    pid_t child;
    char byte;

    ck_assert_int_eq(llmq_bus_create(&bus, memory, big, READERS, test_pool), APR_SUCCESS);
    ck_assert_int_eq(pipe(ready), 0);
    for (i = 0; i < 3; i++) {
        if (fork() == 0)
            _exit(listen_to_all(bus, ready[1]));
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    }
    for (i = 0; i < TELLERS; i++) {
        if (fork() == 0) {
            for (k = 0; k < TOLD; k++) {
                tell(bus, k);
                if (k % 500 == i)
                    usleep(200);
            }
            _exit(0);
        }
    }
    while ((child = wait(&status)) > 0)
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                      "process %d ended with %x", (int)child, (unsigned)status);
    ck_assert_uint_eq(stats_of(bus).published, TELLERS * TOLD);
}
END_TEST

TCase *case_bus(void)
{
    TCase *tc = test_case("bus");

    tcase_add_test(tc, topics_differ_and_stay);
    tcase_add_test(tc, nothing_is_told_while_nobody_wants);
    tcase_add_test(tc, every_listener_is_told_in_order);
    tcase_add_test(tc, long_data_stays_behind);
    tcase_add_test(tc, who_falls_behind_hears_it);
    tcase_add_test(tc, places_are_few_and_come_back);
    tcase_add_test(tc, the_dead_want_nothing);
    tcase_add_test(tc, a_restart_keeps_what_is_there);
    tcase_add_test(tc, links_are_told_and_end_with_their_process);
    tcase_add_test(tc, nobody_sleeps_through_an_event);
    return tc;
}
