/*
 * Cost of what claims ask of the shared queue: takes with a filter, positions, hints,
 * bells. RECORDS tenant records (each type of task of each tenant is one) hold a standing
 * backlog in all levels; everything that is taken is leased, acked, and put again. One
 * JSON line tells nanoseconds per call, all in one process, so without contention.
 *
 *   bench_claim [RECORDS [ROUNDS]]
 *   bench_claim 64 200000
 */
#include "queue/queue_bell.h"
#include "queue/queue_claim.h"

#include <apr_general.h>
#include <apr_strings.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG     20000
#define RECORDS_MAX 4096
#define BELLS       16
#define LOCK_FILE   "bench_claim.lock"

static llmq_queue_t *queue;
static apr_uint64_t tenants[RECORDS_MAX];
static int n_records;
static int n_put;

static double now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_claim: %s\n", what);
    exit(EXIT_FAILURE);
}

static void create(apr_pool_t *p)
{
    llmq_queue_conf_t conf = {.ageing = 60 * APR_USEC_PER_SEC, .no_figures = 1};
    apr_global_mutex_t *mutex;
    apr_size_t size;
    int wake[2], l;
    void *segment;

    conf.max_tenants = RECORDS_MAX;
    LLMQ_EACH_LEVEL (l) {
        conf.level[l].max_size = 2 * BACKLOG;
        conf.level[l].max_concurrent = BACKLOG;
    }
    size = llmq_queue_segment_size(&conf);
    segment = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (segment == MAP_FAILED || pipe2(wake, O_NONBLOCK | O_CLOEXEC) != 0
        || apr_global_mutex_create(&mutex, LOCK_FILE, APR_LOCK_DEFAULT, p) != 0
        || llmq_queue_create(&queue, segment, mutex, wake[0], wake[1], &conf, p) != 0
        || llmq_queue_bell_create(queue, BELLS, p) != 0)
        die("cannot create the queue");
}

static void put_one(apr_uint64_t tenant, int level)
{
    llmq_entry_t e;

    memset(&e, 0, sizeof(e));
    snprintf(e.id, sizeof(e.id), "task_%026d", n_put);
    e.tenant = tenant;
    e.level = (unsigned char)level;
    e.kind = LLMQ_KIND_TASK;
    e.key = tenant * 31 + (apr_uint64_t)(n_put % 8);
    e.put_at = 1;
    n_put++;
    if (llmq_queue_put(queue, &e, 1, 0) != APR_SUCCESS)
        die("put failed");
}

/* Nanoseconds of one take of one entry with a filter of n tenants (0: none at all). The
 * next claim is for the tenants that follow, so that all are emptied alike. */
static double measure_take(int n, int rounds)
{
    double ns = 0;
    int i;

    for (i = 0; i < rounds; i++) {
        int from = n ? i * n % (n_records - n + 1) : 0;
        llmq_queue_filter_t filter = {&tenants[from], n, 0};
        llmq_queue_ack_t ack = {.how = LLMQ_ACK_COMPLETED};
        double start = now_ns();
        llmq_entry_t e;
        int got;

        llmq_queue_take_from(&e, &got, queue, 1, 1, (apr_time_t)i + 1,
                             n ? &filter : NULL);
        ns += now_ns() - start;
        if (got != 1)
            die("nothing to take");
        ack.id = e.id;
        llmq_queue_ack(queue, &ack, 1);
        put_one(e.tenant, e.level);
    }
    return ns / rounds;
}

static double measure_hint(int n, int rounds)
{
    llmq_queue_filter_t filter = {tenants, n, 1U << LLMQ_LEVEL_LOW};
    double start = now_ns();
    int i, hits = 0;

    for (i = 0; i < rounds; i++)
        hits += llmq_queue_has_ready(queue, &filter) != 0;
    if (hits != rounds)
        die("nothing is ready");
    return (now_ns() - start) / rounds;
}

/* Of the entries that were put @a back ago. */
static double measure_position(int back, int n, int rounds)
{
    llmq_queue_filter_t filter = {tenants, n, 0};
    double start = now_ns();
    int i;

    for (i = 0; i < rounds; i++) {
        char id[64];

        snprintf(id, sizeof(id), "task_%026d", n_put - 1 - back - i % 64);
        (void)llmq_queue_position(queue, id, &filter);
    }
    return (now_ns() - start) / rounds;
}

/* Of putting and cancelling, with that many bells armed. */
static double measure_put(llmq_queue_bell_t **bells, int armed, int rounds)
{
    double ns = 0;
    int i, k;

    for (i = 0; i < rounds; i++) {
        char id[64];
        double start;

        for (k = 0; k < armed; k++)
            llmq_queue_bell_arm(bells[k]);
        snprintf(id, sizeof(id), "task_%026d", n_put);
        start = now_ns();
        put_one(tenants[0], LLMQ_LEVEL_LOW);
        ns += now_ns() - start;
        for (k = 0; k < armed; k++)
            llmq_queue_bell_hush(bells[k]);
        if (llmq_queue_cancel(queue, id) != APR_SUCCESS)
            die("cancel failed");
    }
    return ns / rounds;
}

static void fill(void)
{
    int i;

    for (i = 0; i < n_records; i++)
        tenants[i] = 1000 + (apr_uint64_t)i * 0x9e3779b97f4a7c15u;
    for (i = 0; i < BACKLOG; i++)
        put_one(tenants[i % n_records], 1 + i / n_records % 4);
}

int main(int argc, char **argv)
{
    llmq_queue_bell_t *bells[BELLS];
    int rounds = argc > 2 ? atoi(argv[2]) : 200000, many, i;
    apr_pool_t *p;

    n_records = argc > 1 ? atoi(argv[1]) : 64;
    if (n_records < 1 || n_records > RECORDS_MAX || rounds < 1)
        die("usage: bench_claim [RECORDS [ROUNDS]]");
    many = n_records < LLMQ_QUEUE_FILTER_MAX ? n_records : LLMQ_QUEUE_FILTER_MAX;
    apr_initialize();
    apr_pool_create(&p, NULL);
    create(p);
    fill();
    for (i = 0; i < BELLS; i++)
        if (llmq_queue_bell_attach(&bells[i], queue, p) != APR_SUCCESS)
            die("no bell");
    printf("{\"records\":%d,\"backlog\":%d,\"listed\":%d,"
           "\"position_last_ns\":%.0f,\"position_middle_ns\":%.0f,",
           n_records, BACKLOG, many, measure_position(0, many, rounds),
           measure_position(BACKLOG / 2, many, rounds));
    printf("\"take_ns\":%.0f,\"take_of_1_ns\":%.0f,\"take_of_many_ns\":%.0f,",
           measure_take(0, rounds), measure_take(1, rounds), measure_take(many, rounds));
    printf("\"hint_ns\":%.0f,\"put_ns\":%.0f,\"put_1_armed_ns\":%.0f,"
           "\"put_16_armed_ns\":%.0f}\n",
           measure_hint(many, rounds), measure_put(bells, 0, rounds),
           measure_put(bells, 1, rounds), measure_put(bells, BELLS, rounds / 10 + 1));
    apr_pool_destroy(p);
    apr_terminate();
    return EXIT_SUCCESS;
}
