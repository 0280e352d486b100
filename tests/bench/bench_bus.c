/*
 * Cost of telling on the bus, and of hearing: one process tells events of some bytes while
 * nobody listens, while one listens that reads now and then, and while one sleeps on its
 * bell each time; then several processes tell at once while one reads. One JSON line tells
 * what came of it, nanoseconds for each event.
 *
 *   bench_bus [BYTES [WRITERS]]
 *   bench_bus 500 4
 */
#include "bus/bus.h"

#include <apr_general.h>
#include <apr_strings.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RING   ((apr_size_t)4 * 1024 * 1024)
#define ROUNDS 1000000
#define CHUNK  1000

static llmq_bus_t *bus;
static llmq_event_t event = {77, 1, NULL, 0, LLMQ_EVENT_GROWN, 0};

static double now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void hear(void *ctx, const llmq_event_t *e)
{
    *(apr_uint64_t *)ctx += e->topic;
}

static int read_all(llmq_bus_reader_t *r)
{
    apr_uint64_t sum = 0;
    int missed = 0, n, all = 0;

    do {
        n = llmq_bus_read(&missed, r, hear, &sum, CHUNK);
        all += n;
    } while (n == CHUNK);
    return all;
}

static double tell(int rounds)
{
    double begun = now_ns();
    int i;

    for (i = 0; i < rounds; i++)
        llmq_bus_publish(bus, &event, 1);
    return (now_ns() - begun) / rounds;
}

/* The reader looks after each chunk, as one that is always busy; both costs. */
static double tell_and_hear(llmq_bus_reader_t *r, double *pread)
{
    double told = 0, heard = 0;
    int i;

    for (i = 0; i < ROUNDS / CHUNK; i++) {
        double begun;

        told += tell(CHUNK) * CHUNK;
        begun = now_ns();
        read_all(r);
        heard += now_ns() - begun;
    }
    *pread = heard / ROUNDS;
    return told / ROUNDS;
}

/* Each event finds the reader asleep: the bell is rung each time. */
static double tell_sleeper(llmq_bus_reader_t *r)
{
    double told = 0;
    int i;

    for (i = 0; i < ROUNDS / 10; i++) {
        told += tell(1);
        read_all(r);
    }
    return told / (ROUNDS / 10.0);
}

/* Several at once, this process reading; until the last has ended. */
static double tell_together(llmq_bus_reader_t *r, int writers, int *pheard)
{
    double begun = now_ns();
    int i, left = writers;

    for (i = 0; i < writers; i++) {
        if (fork() == 0) {
            tell(ROUNDS);
            _exit(0);
        }
    }
    *pheard = 0;
    while (left > 0) {
        struct pollfd pfd = {.fd = llmq_bus_fd(r), .events = POLLIN};

        poll(&pfd, 1, 10);
        *pheard += read_all(r);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            left--;
    }
    return (now_ns() - begun) / ((double)writers * ROUNDS);
}

int main(int argc, char **argv)
{
    int bytes = argc > 1 ? atoi(argv[1]) : 500, writers = argc > 2 ? atoi(argv[2]) : 4;
    double nobody, one, reading, sleeper, together;
    llmq_bus_reader_t *r;
    apr_pool_t *p;
    char *data;
    int heard;

    apr_initialize();
    apr_pool_create(&p, NULL);
    if (bytes < 0 || bytes > LLMQ_EVENT_DATA_MAX || writers < 1
        || llmq_bus_create(&bus,
                           mmap(NULL, llmq_bus_size(RING), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0),
                           RING, 4, p)
               != APR_SUCCESS
        || llmq_bus_attach(&r, bus, p) != APR_SUCCESS)
        return 1;
    data = apr_palloc(p, (apr_size_t)bytes + 1);
    memset(data, 'x', (apr_size_t)bytes);
    event.data = data;
    event.len = (apr_size_t)bytes;
    nobody = tell(ROUNDS * 10);
    llmq_bus_want(r, 1);
    read_all(r);
    one = tell_and_hear(r, &reading);
    sleeper = tell_sleeper(r);
    together = tell_together(r, writers, &heard);
    printf("{\"bytes\":%d,\"tell_nobody_ns\":%.1f,\"tell_ns\":%.0f,\"hear_ns\":%.0f,"
           "\"tell_sleeper_ns\":%.0f,\"writers\":%d,\"together_ns\":%.0f,"
           "\"heard_percent\":%.1f}\n",
           bytes, nobody, one, reading, sleeper, writers, together,
           100.0 * heard / ((double)writers * ROUNDS));
    return 0;
}
