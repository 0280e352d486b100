/* Many processes, then many threads, put and take at once. */
#include "queue/queue.h"

#include "support_queue.h"

#include <apr_atomic.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PUTTERS 4
#define TAKERS  2
#define EACH    5000
#define CROWD   40 /* chains, shared by all putters */

typedef struct crowd_t {
    apr_uint32_t taken[PUTTERS][EACH];
    apr_uint32_t runs[CROWD];          /* entries of the chain that run */
    apr_uint32_t last[CROWD][PUTTERS]; /* under the chain's exclusiveness */
    apr_uint32_t done;
    apr_uint32_t wrong;
} crowd_t;

/* Half of the entries stand in chains, half in keys of their putter; levels by key, since
 * the order of a key is that of one level. */
static llmq_entry_t crowd_entry(int putter, int i)
{
    char id[32];
    int key = i / 2 % 8;
    apr_uint64_t chain = i % 2 ? 1 + (apr_uint64_t)(i * 7 % CROWD) : 0;

    apr_snprintf(id, sizeof(id), "%d-%d", putter, i);
    return queue_entry(id, 1 + key % 4, 1 + (apr_uint64_t)(putter * 8 + key), chain);
}

static void crowd_put(llmq_queue_t *q, int putter)
{
    int i;

    for (i = 0; i < EACH; i++) {
        llmq_entry_t e = crowd_entry(putter, i);

        while (llmq_queue_admit(q, 0, e.level) != APR_SUCCESS)
            usleep(200);
        if (llmq_queue_put(q, &e, 1, LLMQ_PUT_ADMITTED) != APR_SUCCESS)
            return;
    }
}

/* One taken entry: taken once, alone in its chain, after its predecessors. */
static void crowd_check(crowd_t *c, const llmq_entry_t *e, int (*seen)[32])
{
    int putter, i;

    if (sscanf(e->id, "%d-%d", &putter, &i) != 2
        || apr_atomic_inc32(&c->taken[putter][i]) != 0) {
        apr_atomic_inc32(&c->wrong);
        return;
    }
    if (e->chain) {
        apr_uint32_t *last = &c->last[e->chain - 1][putter];

        if (apr_atomic_inc32(&c->runs[e->chain - 1]) != 0 || *last > (apr_uint32_t)i)
            apr_atomic_inc32(&c->wrong);
        *last = (apr_uint32_t)i;
        return;
    }
    /* Two takers may overtake one another after the take; each for itself sees order. */
    if ((*seen)[e->key - 1] > i)
        apr_atomic_inc32(&c->wrong);
    (*seen)[e->key - 1] = i;
}

static void crowd_take(llmq_queue_t *q, crowd_t *c)
{
    int seen[32] = {0}, i, n;
    llmq_entry_t out[7];
    llmq_queue_ack_t acks[7];

    while (apr_atomic_read32(&c->done) < PUTTERS * EACH) {
        if (llmq_queue_take(out, &n, q, 7, 3) != APR_SUCCESS)
            return;
        if (n == 0)
            llmq_queue_wait(q, 20000);
        for (i = 0; i < n; i++) {
            crowd_check(c, &out[i], &seen);
            acks[i].id = out[i].id;
            acks[i].attempt = 0;
            acks[i].how = LLMQ_ACK_COMPLETED;
            if (out[i].chain)
                apr_atomic_dec32(&c->runs[out[i].chain - 1]);
        }
        llmq_queue_ack(q, acks, n);
        apr_atomic_add32(&c->done, (apr_uint32_t)n);
    }
}

static void crowd_verify(llmq_queue_t *q, const crowd_t *c)
{
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    int i, k;

    ck_queue(q);
    ck_assert_uint_eq(c->wrong, 0);
    for (i = 0; i < PUTTERS; i++)
        for (k = 0; k < EACH; k++)
            ck_assert_uint_eq(c->taken[i][k], 1);
    ck_assert_int_eq(llmq_queue_stats(stats, q), APR_SUCCESS);
    ck_assert_uint_eq(stats[0].total_put, PUTTERS * EACH);
    ck_assert_uint_eq(stats[0].total_taken, PUTTERS * EACH);
    ck_assert_uint_eq(stats[0].total_completed, PUTTERS * EACH);
    ck_assert_uint_eq(stats[0].ready + stats[0].running + stats[0].blocked, 0);
}

static const apr_lockmech_e mechs[] = {APR_LOCK_DEFAULT, APR_LOCK_FCNTL};

START_TEST(processes_take_each_entry_once_and_in_order)
{
    queue_rig_t *rig = queue_rig_with(1500, 20, mechs[_i]);
    crowd_t *c =
        mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int i, status;

    ck_assert(c != MAP_FAILED);
    for (i = 0; i < PUTTERS + TAKERS; i++) {
        if (fork() != 0)
            continue;
        queue_rig_child(rig);
        if (i < PUTTERS)
            crowd_put(rig->q, i);
        else
            crowd_take(rig->q, c);
        _exit(0);
    }
    for (i = 0; i < PUTTERS + TAKERS; i++) {
        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    crowd_verify(rig->q, c);
}
END_TEST

typedef struct worker_t {
    llmq_queue_t *q;
    crowd_t *c;
    int putter; /* -1 takes */
} worker_t;

static void *APR_THREAD_FUNC worker_run(apr_thread_t *thread, void *data)
{
    worker_t *w = data;

    (void)thread;
    if (w->putter >= 0)
        crowd_put(w->q, w->putter);
    else
        crowd_take(w->q, w->c);
    return NULL;
}

START_TEST(threads_take_each_entry_once_and_in_order)
{
    queue_rig_t *rig = queue_rig_with(1500, 20, mechs[_i]);
    crowd_t *c = apr_pcalloc(test_pool, sizeof(*c));
    apr_thread_t *thread[PUTTERS + TAKERS];
    worker_t worker[PUTTERS + TAKERS];
    apr_status_t rv;
    int i;

    for (i = 0; i < PUTTERS + TAKERS; i++) {
        worker[i].q = rig->q;
        worker[i].c = c;
        worker[i].putter = i < PUTTERS ? i : -1;
        ck_assert_int_eq(
            apr_thread_create(&thread[i], NULL, worker_run, &worker[i], test_pool), 0);
    }
    for (i = 0; i < PUTTERS + TAKERS; i++)
        ck_assert_int_eq(apr_thread_join(&rv, thread[i]), 0);
    crowd_verify(rig->q, c);
}
END_TEST

TCase *case_queue_crowd(void)
{
    TCase *tc = test_case("queue_crowd");

    tcase_add_loop_test(tc, processes_take_each_entry_once_and_in_order, 0, 2);
    tcase_add_loop_test(tc, threads_take_each_entry_once_and_in_order, 0, 2);
    return tc;
}
