/* The queue against a plain model of the same promises: arrays, scans and no
 * cleverness. A seed is the loop index of the test, which a failure names. */
#include "queue/queue.h"

#include "base/clock.h"
#include "support_queue.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define JOBS       150
#define KEYS       5
#define CHAINS     9 /* 0 is none */
#define SIZE       20
#define CONCURRENT 6
#define STEPS      6000
#define SEEDS      12

typedef struct mjob_t {
    llmq_entry_t e; /* state FREE: not in the queue */
    apr_uint64_t seq;
    int tried;
    int answered; /* runs no more, waits for its ack */
} mjob_t;

typedef struct model_t {
    llmq_queue_t *q;
    apr_time_t now;
    apr_uint64_t seq;
    mjob_t job[JOBS];
    int chain[CHAINS][JOBS]; /* jobs in order */
    int chain_len[CHAINS];
    apr_uint64_t ring[LLMQ_LEVEL_COUNT][KEYS]; /* keys by turn */
    int ring_len[LLMQ_LEVEL_COUNT];
    int admitted[LLMQ_LEVEL_COUNT];
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
} model_t;

static int chance(int n)
{
    return (int)(random() % n);
}

static int count_state(const model_t *m, int level, int state)
{
    int i, n = 0;

    for (i = 0; i < JOBS; i++)
        n += m->job[i].e.state == state && m->job[i].e.level == level;
    return n;
}

static int count_calls(const model_t *m, int level)
{
    int i, n = count_state(m, level, LLMQ_ENTRY_RUNNING);

    for (i = 0; i < JOBS; i++)
        n -= m->job[i].answered && m->job[i].e.level == level;
    return n;
}

static int is_full(const model_t *m, int level)
{
    return m->admitted[level] + count_state(m, level, LLMQ_ENTRY_READY)
               + count_state(m, level, LLMQ_ENTRY_BLOCKED)
               + count_state(m, level, LLMQ_ENTRY_DELAYED)
           >= SIZE;
}

/* The ready job of a key that was put first; -1 if none. */
static int first_ready(const model_t *m, int level, apr_uint64_t key)
{
    int i, best = -1;

    for (i = 0; i < JOBS; i++) {
        const llmq_entry_t *e = &m->job[i].e;

        if (e->state == LLMQ_ENTRY_READY && e->level == level && e->key == key
            && (best < 0 || m->job[i].seq < m->job[best].seq))
            best = i;
    }
    return best;
}

static void ring_drop(model_t *m, int level, apr_uint64_t key)
{
    int i, n = 0;

    for (i = 0; i < m->ring_len[level]; i++)
        if (m->ring[level][i] != key)
            m->ring[level][n++] = m->ring[level][i];
    m->ring_len[level] = n;
}

static void set_state(model_t *m, int j, int state)
{
    llmq_entry_t *e = &m->job[j].e;

    m->job[j].answered = 0;
    if (state == LLMQ_ENTRY_READY && first_ready(m, e->level, e->key) < 0)
        m->ring[e->level][m->ring_len[e->level]++] = e->key;
    if (e->state == LLMQ_ENTRY_READY && state != LLMQ_ENTRY_READY) {
        e->state = (unsigned char)state;
        if (first_ready(m, e->level, e->key) < 0)
            ring_drop(m, e->level, e->key);
    }
    e->state = (unsigned char)state;
}

static void activate(model_t *m, int j)
{
    set_state(m, j, m->job[j].e.run_at > m->now ? LLMQ_ENTRY_DELAYED : LLMQ_ENTRY_READY);
}

static void chain_insert(model_t *m, int j, int at)
{
    apr_uint64_t c = m->job[j].e.chain;

    memmove(&m->chain[c][at + 1], &m->chain[c][at],
            sizeof(int) * (size_t)(m->chain_len[c] - at));
    m->chain[c][at] = j;
    m->chain_len[c]++;
}

/* Hang into the chain; returns its position. */
static int enchain(model_t *m, int j, int flags)
{
    apr_uint64_t c = m->job[j].e.chain;
    int at = m->chain_len[c];

    if (!c)
        return 0;
    while (at > 0 && flags == 0 && !m->job[m->chain[c][at - 1]].tried
           && m->job[j].e.put_at < m->job[m->chain[c][at - 1]].e.put_at)
        at--;
    if (flags & LLMQ_PUT_RUNNING)
        at = 0;
    chain_insert(m, j, at);
    if (at == 0 && m->chain_len[c] > 1
        && m->job[m->chain[c][1]].e.state != LLMQ_ENTRY_BLOCKED)
        set_state(m, m->chain[c][1], LLMQ_ENTRY_BLOCKED);
    return at;
}

static void leave(model_t *m, int j)
{
    apr_uint64_t c = m->job[j].e.chain;
    int i, at = 0;

    set_state(m, j, LLMQ_ENTRY_FREE);
    if (!c)
        return;
    while (m->chain[c][at] != j)
        at++;
    m->chain_len[c]--;
    for (i = at; i < m->chain_len[c]; i++)
        m->chain[c][i] = m->chain[c][i + 1];
    if (at == 0 && m->chain_len[c] > 0)
        activate(m, m->chain[c][0]);
}

static void make_due(model_t *m)
{
    for (;;) {
        int i, best = -1;

        for (i = 0; i < JOBS; i++) {
            const mjob_t *a = &m->job[i], *b = &m->job[best < 0 ? 0 : best];

            if (a->e.state != LLMQ_ENTRY_DELAYED || a->e.run_at > m->now)
                continue;
            if (best < 0 || a->e.run_at < b->e.run_at
                || (a->e.run_at == b->e.run_at && a->seq < b->seq))
                best = i;
        }
        if (best < 0)
            return;
        if (!m->job[best].tried)
            m->job[best].seq = ++m->seq;
        activate(m, best);
    }
}

static apr_time_t some_time(const model_t *m)
{
    return chance(4) ? 0 : m->now + chance(60) - 20;
}

static int chain_runs(const model_t *m, apr_uint64_t c)
{
    return c && m->chain_len[c] && m->job[m->chain[c][0]].e.state == LLMQ_ENTRY_RUNNING;
}

static void model_put(model_t *m, int j, const llmq_entry_t *e, int flags)
{
    mjob_t *job = &m->job[j];

    if (flags & LLMQ_PUT_ADMITTED)
        m->admitted[e->level]--;
    if (job->e.state != LLMQ_ENTRY_FREE || (flags == 0 && is_full(m, e->level))
        || ((flags & LLMQ_PUT_RUNNING) && chain_runs(m, e->chain)))
        return;
    job->e = *e;
    job->e.state = LLMQ_ENTRY_FREE;
    job->seq = ++m->seq;
    job->tried = (flags & LLMQ_PUT_RUNNING) != 0;
    m->stats[e->level].total_put++;
    if (enchain(m, j, flags) > 0)
        set_state(m, j, LLMQ_ENTRY_BLOCKED);
    else if (flags & LLMQ_PUT_RUNNING)
        set_state(m, j, LLMQ_ENTRY_RUNNING);
    else
        activate(m, j);
}

static void step_put(model_t *m, int j)
{
    llmq_entry_t e =
        queue_entry(apr_psprintf(test_pool, "m%d", j), 1 + chance(4),
                    (apr_uint64_t)chance(KEYS), (apr_uint64_t)chance(CHAINS));
    int flags = chance(2) ? LLMQ_PUT_ADMITTED : chance(8) ? 0 : LLMQ_PUT_RUNNING;
    apr_status_t rv;

    e.run_at = some_time(m);
    e.put_at = m->now - chance(50);
    e.attempt = (apr_uint32_t)chance(3);
    if (flags & LLMQ_PUT_RUNNING) {
        e.owner = 5;
        e.taken_at = m->now - 3;
    }
    if (flags & LLMQ_PUT_ADMITTED) {
        rv = llmq_queue_admit(m->q, 0, e.level);
        ck_assert_int_eq(rv, is_full(m, e.level) ? LLMQ_EFULL : APR_SUCCESS);
        if (rv != APR_SUCCESS)
            return;
        m->admitted[e.level]++;
        if (chance(8) == 0) {
            llmq_queue_dismiss(m->q, 0, e.level);
            m->admitted[e.level]--;
            return;
        }
    }
    ck_assert_int_eq(llmq_queue_put(m->q, &e, 1, flags), APR_SUCCESS);
    model_put(m, j, &e, flags);
}

static void model_start(model_t *m, int level, int j)
{
    mjob_t *job = &m->job[j];
    apr_time_t from = job->e.put_at > job->e.run_at ? job->e.put_at : job->e.run_at;
    llmq_queue_stats_t *s = &m->stats[level];

    ring_drop(m, level, job->e.key);
    m->ring[level][m->ring_len[level]++] = job->e.key;
    set_state(m, j, LLMQ_ENTRY_RUNNING);
    job->e.owner = 9;
    job->e.taken_at = m->now;
    if (!job->tried) {
        s->total_taken++;
        s->wait_sum += m->now - from;
        if (m->now - from > s->wait_max)
            s->wait_max = m->now - from;
    }
    job->tried = 1;
}

static void step_take(model_t *m)
{
    llmq_entry_t out[5];
    int n, i = 0, max = 1 + chance(5), l;

    ck_assert_int_eq(llmq_queue_take(out, &n, m->q, max, 9), APR_SUCCESS);
    make_due(m);
    LLMQ_EACH_LEVEL (l) {
        while (i < max && m->ring_len[l] && count_calls(m, l) < CONCURRENT) {
            int j = first_ready(m, l, m->ring[l][0]);

            model_start(m, l, j);
            ck_assert_int_lt(i, n);
            ck_assert_int_eq(memcmp(&out[i++], &m->job[j].e, sizeof(out[0])), 0);
        }
    }
    ck_assert_int_eq(i, n);
}

static void step_ack(model_t *m, int j)
{
    mjob_t *job = &m->job[j];
    llmq_queue_ack_t ack;

    ack.id = apr_psprintf(test_pool, "m%d", j);
    ack.attempt = job->e.attempt + (apr_uint32_t)chance(3) - 1;
    ack.how = (llmq_ack_e)chance(3);
    ck_assert_int_eq(llmq_queue_ack(m->q, &ack, 1), APR_SUCCESS);
    if (job->e.state != LLMQ_ENTRY_RUNNING || ack.attempt < job->e.attempt)
        return;
    if (!job->e.canceled && ack.how == LLMQ_ACK_COMPLETED)
        m->stats[job->e.level].total_completed++;
    if (!job->e.canceled && ack.how == LLMQ_ACK_FAILED)
        m->stats[job->e.level].total_failed++;
    leave(m, j);
}

static void step_requeue(model_t *m, int j)
{
    mjob_t *job = &m->job[j];
    apr_uint32_t attempt = job->e.attempt + (chance(4) == 0);
    apr_time_t run_at = some_time(m);
    apr_status_t rv = llmq_queue_requeue(m->q, apr_psprintf(test_pool, "m%d", j), attempt,
                                         attempt + 1, run_at);

    if (job->e.state != LLMQ_ENTRY_RUNNING || attempt != job->e.attempt) {
        ck_assert_int_eq(rv, APR_NOTFOUND);
        return;
    }
    if (job->e.canceled) {
        ck_assert_int_eq(rv, APR_NOTFOUND);
        leave(m, j);
        return;
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    job->e.attempt = attempt + 1;
    job->e.run_at = run_at;
    job->e.owner = 0;
    job->e.taken_at = 0;
    activate(m, j);
}

static void step_answered(model_t *m, int j)
{
    mjob_t *job = &m->job[j];
    apr_uint32_t attempt = job->e.attempt + (chance(4) == 0);
    apr_status_t rv =
        llmq_queue_answered(m->q, apr_psprintf(test_pool, "m%d", j), attempt);

    if (job->e.state != LLMQ_ENTRY_RUNNING || attempt != job->e.attempt)
        ck_assert_int_eq(rv, APR_NOTFOUND);
    else {
        ck_assert_int_eq(rv, APR_SUCCESS);
        job->answered = 1;
    }
}

static void step_cancel(model_t *m, int j)
{
    apr_status_t rv = llmq_queue_cancel(m->q, apr_psprintf(test_pool, "m%d", j));

    switch (m->job[j].e.state) {
    case LLMQ_ENTRY_FREE: ck_assert_int_eq(rv, APR_NOTFOUND); break;
    case LLMQ_ENTRY_RUNNING:
        ck_assert_int_eq(rv, LLMQ_EBUSY);
        m->job[j].e.canceled = 1;
        break;
    default: ck_assert_int_eq(rv, APR_SUCCESS); leave(m, j);
    }
}

static void step_reprioritise(model_t *m, int j)
{
    int level = 1 + chance(4), state = m->job[j].e.state;
    apr_status_t rv =
        llmq_queue_reprioritise(m->q, apr_psprintf(test_pool, "m%d", j), level);

    if (state == LLMQ_ENTRY_FREE)
        ck_assert_int_eq(rv, APR_NOTFOUND);
    else if (state == LLMQ_ENTRY_RUNNING)
        ck_assert_int_eq(rv, LLMQ_EBUSY);
    else if (m->job[j].e.level == level)
        ck_assert_int_eq(rv, APR_SUCCESS);
    else if (is_full(m, level))
        ck_assert_int_eq(rv, LLMQ_EFULL);
    else {
        ck_assert_int_eq(rv, APR_SUCCESS);
        set_state(m, j, LLMQ_ENTRY_FREE);
        m->job[j].e.level = (unsigned char)level;
        m->job[j].seq = ++m->seq;
        if (state == LLMQ_ENTRY_BLOCKED)
            set_state(m, j, LLMQ_ENTRY_BLOCKED);
        else
            activate(m, j);
    }
}

static void compare_jobs(const model_t *m)
{
    int j;

    for (j = 0; j < JOBS; j++) {
        llmq_entry_t e;
        apr_status_t rv = llmq_queue_find(&e, m->q, apr_psprintf(test_pool, "m%d", j));

        if (m->job[j].e.state == LLMQ_ENTRY_FREE)
            ck_assert_int_eq(rv, APR_NOTFOUND);
        else {
            ck_assert_int_eq(rv, APR_SUCCESS);
            ck_assert_int_eq(memcmp(&e, &m->job[j].e, sizeof(e)), 0);
        }
    }
}

static void compare_stats(const model_t *m)
{
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    int l;

    ck_assert_int_eq(llmq_queue_stats(stats, m->q), APR_SUCCESS);
    LLMQ_EACH_LEVEL (l) {
        const llmq_queue_stats_t *s = &m->stats[l];

        ck_assert_uint_eq(stats[l].ready, count_state(m, l, LLMQ_ENTRY_READY));
        ck_assert_uint_eq(stats[l].blocked, count_state(m, l, LLMQ_ENTRY_BLOCKED));
        ck_assert_uint_eq(stats[l].delayed, count_state(m, l, LLMQ_ENTRY_DELAYED));
        ck_assert_uint_eq(stats[l].running, count_calls(m, l));
        ck_assert_uint_eq(stats[l].total_put, s->total_put);
        ck_assert_uint_eq(stats[l].total_taken, s->total_taken);
        ck_assert_uint_eq(stats[l].total_completed, s->total_completed);
        ck_assert_uint_eq(stats[l].total_failed, s->total_failed);
        ck_assert_int_eq(stats[l].wait_sum, s->wait_sum);
        ck_assert_int_eq(stats[l].wait_max, s->wait_max);
    }
}

static void one_step(model_t *m)
{
    int j = chance(JOBS), what = chance(100);

    if (what < 40)
        step_put(m, j);
    else if (what < 60)
        step_take(m);
    else if (what < 70)
        step_ack(m, j);
    else if (what < 78)
        step_requeue(m, j);
    else if (what < 81)
        step_answered(m, j);
    else if (what < 85)
        step_cancel(m, j);
    else if (what < 93)
        step_reprioritise(m, j);
    else
        llmq_clock_set(m->now += chance(20));
}

START_TEST(thousands_of_random_calls_do_what_the_model_does)
{
    model_t *m = apr_pcalloc(test_pool, sizeof(*m));
    int step;

    srandom((unsigned)_i);
    m->now = QUEUE_NOW;
    llmq_clock_set(m->now);
    m->q = queue_rig(SIZE, CONCURRENT)->q;
    for (step = 0; step < STEPS; step++) {
        const char *bad;

        one_step(m);
        bad = queue_check(m->q);
        ck_assert_msg(!bad, "seed %d, step %d: %s", _i, step, bad);
        if (step % 20 == 0) {
            compare_jobs(m);
            compare_stats(m);
        }
    }
}
END_TEST

TCase *case_queue_model(void)
{
    TCase *tc = test_case("queue_model");

    tcase_add_loop_test(tc, thousands_of_random_calls_do_what_the_model_does, 1,
                        SEEDS + 1);
    return tc;
}
