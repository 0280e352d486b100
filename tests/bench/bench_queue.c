/*
 * Cost and rate of the shared queue. First one process alone: nanoseconds per entry of
 * put, take and ack, for a batch of one and for the given batch, with a backlog of half
 * of it standing. Then processes that put, each in batches with a place for every entry,
 * against one that takes and acks. One JSON line tells what came of it.
 *
 *   bench_queue [PUTTERS [BATCH [ENTRIES [MECHANISM]]]]
 *   bench_queue 4 16 1000000 default|pthread|fcntl|flock|sysvsem
 */
#include "queue/queue.h"

#include <apr_general.h>
#include <apr_strings.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH_MAX 1024
#define BACKLOG   16000
#define KEYS      64
#define CHAINS    4096
#define LOCK_FILE "bench_queue.lock"

typedef struct options_t {
    int putters;
    int batch;
    int entries;
    const char *mech;
} options_t;

typedef struct cost_t {
    double put_ns;
    double take_ns;
    double ack_ns;
} cost_t;

static llmq_queue_t *queue;
static apr_global_mutex_t *mutex;

static double now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_queue: %s\n", what);
    exit(EXIT_FAILURE);
}

static apr_lockmech_e mech_of(const char *name)
{
    static const struct {
        const char *name;
        apr_lockmech_e mech;
    } mechs[] = {{"default", APR_LOCK_DEFAULT},
                 {"pthread", APR_LOCK_PROC_PTHREAD},
                 {"fcntl", APR_LOCK_FCNTL},
                 {"flock", APR_LOCK_FLOCK},
                 {"sysvsem", APR_LOCK_SYSVSEM}};
    size_t i;

    for (i = 0; i < sizeof(mechs) / sizeof(mechs[0]); i++)
        if (!strcmp(mechs[i].name, name))
            return mechs[i].mech;
    die("unknown mechanism");
    return APR_LOCK_DEFAULT;
}

static void create(const char *mech, apr_pool_t *p)
{
    llmq_queue_conf_t conf = {.ageing = 60 * APR_USEC_PER_SEC};
    apr_size_t size;
    int wake[2], l;
    void *segment;

    LLMQ_EACH_LEVEL (l) {
        conf.level[l].max_size = 20000;
        conf.level[l].max_concurrent = 20000;
    }
    size = llmq_queue_segment_size(&conf);
    segment = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (segment == MAP_FAILED || pipe2(wake, O_NONBLOCK | O_CLOEXEC) != 0
        || apr_global_mutex_create(&mutex, LOCK_FILE, mech_of(mech), p) != 0
        || llmq_queue_create(&queue, segment, mutex, wake[0], wake[1], &conf, p) != 0)
        die("cannot create the queue");
}

static void fill(llmq_entry_t *e, int putter, int i)
{
    memset(e, 0, sizeof(*e));
    snprintf(e->id, sizeof(e->id), "msg_%08d%018d", putter, i);
    e->level = (unsigned char)(1 + i % 4);
    e->kind = LLMQ_KIND_MESSAGE;
    e->key = 1 + (apr_uint64_t)i * 2654435761u % KEYS;
    e->chain = i % 2 ? 1 + (apr_uint64_t)i * 40503u % CHAINS : 0;
    e->put_at = 1;
}

static void put_some(int putter, int from, int n)
{
    static llmq_entry_t batch[BATCH_MAX];
    int i;

    for (i = 0; i < n; i++) {
        fill(&batch[i], putter, from + i);
        while (llmq_queue_admit(queue, 0, batch[i].level) != APR_SUCCESS)
            usleep(100);
    }
    if (llmq_queue_put(queue, batch, n, LLMQ_PUT_ADMITTED) != APR_SUCCESS)
        die("put failed");
}

static int take_some(llmq_entry_t *out, int max)
{
    int n;

    if (llmq_queue_take(out, &n, queue, max, 1) != APR_SUCCESS)
        die("take failed");
    return n;
}

static void ack_some(const llmq_entry_t *taken, int n)
{
    static llmq_queue_ack_t acks[BATCH_MAX];
    int i;

    for (i = 0; i < n; i++) {
        acks[i].id = taken[i].id;
        acks[i].attempt = taken[i].attempt;
        acks[i].how = LLMQ_ACK_COMPLETED;
    }
    if (llmq_queue_ack(queue, acks, n) != APR_SUCCESS)
        die("ack failed");
}

/* Alone, with a backlog that stays. The putting side includes admitting and filling. */
static cost_t measure(int putter, int batch, int entries)
{
    static llmq_entry_t taken[BATCH_MAX];
    cost_t cost = {0, 0, 0};
    int done = 0, i;

    for (i = 0; i < BACKLOG; i += BATCH_MAX)
        put_some(putter + 1, i, BATCH_MAX);
    while (done < entries) {
        double t0 = now_ns(), t1, t2;
        int n;

        put_some(putter, done, batch);
        t1 = now_ns();
        n = take_some(taken, batch);
        t2 = now_ns();
        ack_some(taken, n);
        cost.put_ns += t1 - t0;
        cost.take_ns += t2 - t1;
        cost.ack_ns += now_ns() - t2;
        done += batch;
    }
    for (i = 1; i > 0;) {
        i = take_some(taken, BATCH_MAX);
        ack_some(taken, i);
    }
    cost.put_ns /= done;
    cost.take_ns /= done;
    cost.ack_ns /= done;
    return cost;
}

static void run_putter(const options_t *o, int putter, apr_pool_t *p)
{
    int each = o->entries / o->putters, i;

    if (apr_global_mutex_child_init(&mutex, LOCK_FILE, p) != 0)
        die("cannot attach to the mutex");
    for (i = 0; i + o->batch <= each; i += o->batch)
        put_some(100 + putter, i, o->batch);
    _exit(EXIT_SUCCESS);
}

static double run_crowd(const options_t *o, apr_pool_t *p)
{
    static llmq_entry_t taken[BATCH_MAX];
    int i, total = o->entries / o->putters / o->batch * o->batch * o->putters;
    double start = now_ns(), end;

    for (i = 0; i < o->putters; i++)
        if (fork() == 0)
            run_putter(o, i, p);
    for (i = 0; i < total;) {
        int n = take_some(taken, o->batch);

        if (n == 0)
            llmq_queue_wait(queue, APR_USEC_PER_SEC);
        ack_some(taken, n);
        i += n;
    }
    end = now_ns();
    while (wait(NULL) > 0)
        continue;
    return total / ((end - start) / 1e9);
}

static int number(int argc, char **argv, int i, int otherwise, int max)
{
    int n = argc > i ? atoi(argv[i]) : otherwise;

    if (n < 1 || n > max)
        die("usage: bench_queue [PUTTERS [BATCH [ENTRIES [MECHANISM]]]]");
    return n;
}

int main(int argc, char **argv)
{
    options_t o;
    apr_pool_t *p;
    cost_t one, many;

    o.putters = number(argc, argv, 1, 4, 1000);
    o.batch = number(argc, argv, 2, 16, BATCH_MAX);
    o.entries = number(argc, argv, 3, 1000000, 100000000);
    o.mech = argc > 4 ? argv[4] : "default";
    apr_initialize();
    apr_pool_create(&p, NULL);
    create(o.mech, p);
    one = measure(1, 1, 200000);
    many = measure(3, o.batch, 400000);
    printf("{\"mechanism\":\"%s\",\"backlog\":%d,"
           "\"single\":{\"put_ns\":%.0f,\"take_ns\":%.0f,\"ack_ns\":%.0f},"
           "\"batch\":%d,"
           "\"batched\":{\"put_ns\":%.0f,\"take_ns\":%.0f,\"ack_ns\":%.0f},",
           o.mech, BACKLOG, one.put_ns, one.take_ns, one.ack_ns, o.batch, many.put_ns,
           many.take_ns, many.ack_ns);
    fflush(stdout);
    printf("\"putters\":%d,\"entries_per_second\":%.0f}\n", o.putters, run_crowd(&o, p));
    apr_pool_destroy(p);
    apr_terminate();
    return EXIT_SUCCESS;
}
