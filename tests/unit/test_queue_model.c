/* The queue against the plain model of support_model.h. A seed is the loop index of the test,
 * which a failure names. */
#include "queue/queue_claim.h"

#include "base/clock.h"
#include "support_model.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define STEPS 6000
#define SEEDS 12

/* ---- putting ---- */

static apr_time_t some_time(const model_t *m)
{
    return model_chance(4) ? 0 : m->now + model_chance(60) - 20;
}

/* None that another waiting job has, as their order would not be defined. */
static apr_time_t some_deadline(const model_t *m)
{
    apr_time_t deadline = m->now + model_chance(400);
    int i;

    if (model_chance(3))
        return 0;
    for (i = 0; i < MODEL_JOBS; i++)
        if (m->job[i].e.state != LLMQ_ENTRY_FREE && m->job[i].e.deadline == deadline)
            return 0;
    return deadline;
}

static void step_put(model_t *m, int j)
{
    int tenant = model_chance(MODEL_TENANTS);
    llmq_entry_t e = queue_entry(apr_psprintf(test_pool, "m%d", j), 1 + model_chance(4),
                                 (apr_uint64_t)(10 * tenant + model_chance(MODEL_KEYS)),
                                 (apr_uint64_t)model_chance(MODEL_CHAINS));
    int flags = model_chance(2)   ? LLMQ_PUT_ADMITTED
                : model_chance(8) ? 0
                                  : LLMQ_PUT_RUNNING;
    apr_status_t rv;

    e.run_at = some_time(m);
    e.put_at = m->now - model_chance(50);
    e.alone = 1; /* holds have tests of their own */
    e.attempt = (apr_uint32_t)model_chance(3);
    e.tenant = model_hash_of(tenant);
    e.weight = (apr_uint32_t)model_chance(4);
    e.key_cap = model_chance(3) ? 0 : 1 + (apr_uint32_t)model_chance(3);
    e.deadline = some_deadline(m);
    if (flags & LLMQ_PUT_RUNNING) {
        e.owner = 5;
        e.taken_at = m->now - 3;
        e.lease_until = model_chance(2) ? m->now + model_chance(300) : 0;
    }
    if (flags & LLMQ_PUT_ADMITTED) {
        rv = llmq_queue_admit(m->q, e.tenant, e.level);
        ck_assert_int_eq(rv,
                         model_is_full(m, tenant, e.level) ? LLMQ_EFULL : APR_SUCCESS);
        if (rv != APR_SUCCESS)
            return;
        m->level[e.level].lane[tenant].admitted++;
        if (model_chance(8) == 0) {
            llmq_queue_dismiss(m->q, e.tenant, e.level);
            m->level[e.level].lane[tenant].admitted--;
            return;
        }
    }
    ck_assert_int_eq(llmq_queue_put(m->q, &e, 1, flags), APR_SUCCESS);
    model_put(m, j, &e, flags);
}

/* ---- taking ---- */

static apr_status_t take(llmq_entry_t *out, int *pn, const model_t *m, int max,
                         const model_filter_t *f, apr_time_t lease_until)
{
    apr_uint64_t tenants[MODEL_TENANTS];
    llmq_queue_filter_t filter = {tenants, 0, f->levels};
    int t;

    if (!f->is_set)
        return llmq_queue_take(out, pn, m->q, max, 9);
    for (t = 0; t < MODEL_TENANTS; t++)
        if (f->tenants >> t & 1)
            tenants[filter.n_tenants++] = model_hash_of(t);
    return llmq_queue_take_from(out, pn, m->q, max, 9, lease_until, &filter);
}

static void step_take(model_t *m)
{
    model_filter_t f = {
        (unsigned)model_chance(1 << MODEL_TENANTS),
        model_chance(2) ? 0 : (unsigned)model_chance(1 << LLMQ_LEVEL_COUNT) & ~1U,
        model_chance(2)};
    apr_time_t lease_until = f.is_set && model_chance(3) ? m->now + model_chance(300) : 0;
    llmq_entry_t out[5];
    int n, i = 0, max = 1 + model_chance(5), level;

    ck_assert_int_eq(take(out, &n, m, max, &f, lease_until), APR_SUCCESS);
    model_make_due(m);
    while (i < max && (level = model_next_level(m, &f)) != 0) {
        int j = model_take(m, level, &f, lease_until);

        ck_assert_int_lt(i, n);
        ck_assert_str_eq(out[i].id, m->job[j].e.id);
        ck_assert_int_eq(memcmp(&out[i++], &m->job[j].e, sizeof(out[0])), 0);
    }
    ck_assert_int_eq(i, n);
}

static void step_take_id(model_t *m, int j)
{
    apr_time_t lease_until = model_chance(2) ? m->now + model_chance(300) : 0;
    llmq_entry_t out;
    apr_status_t rv =
        llmq_queue_take_id(&out, m->q, apr_psprintf(test_pool, "m%d", j), 9, lease_until);

    model_make_due(m);
    switch (m->job[j].e.state) {
    case LLMQ_ENTRY_FREE: ck_assert_int_eq(rv, APR_NOTFOUND); return;
    case LLMQ_ENTRY_RUNNING: ck_assert_int_eq(rv, LLMQ_EBUSY); return;
    case LLMQ_ENTRY_BLOCKED: ck_assert_int_eq(rv, LLMQ_ESTATE); return;
    default: break;
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    model_set_state(m, j, LLMQ_ENTRY_RUNNING);
    model_heed(m, j);
    model_settle_job(m, j);
    model_begin(m, j, lease_until);
    ck_assert_int_eq(memcmp(&out, &m->job[j].e, sizeof(out)), 0);
}

/* ---- leases ---- */

static void step_lease(model_t *m, int j)
{
    model_job_t *job = &m->job[j];
    apr_uint32_t attempt = job->e.attempt + (model_chance(4) == 0);
    apr_uint32_t next = attempt + (apr_uint32_t)model_chance(2);
    apr_time_t until = model_chance(4) ? m->now + model_chance(300) : 0;
    apr_status_t rv =
        llmq_queue_lease(m->q, apr_psprintf(test_pool, "m%d", j), attempt, next, until);

    if (job->e.state != LLMQ_ENTRY_RUNNING || attempt != job->e.attempt) {
        ck_assert_int_eq(rv, APR_NOTFOUND);
        return;
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    job->e.attempt = next;
    job->e.lease_until = until;
}

/* ---- ends and other tries ---- */

static void step_expire(model_t *m)
{
    llmq_entry_t out[3];
    int n, i = 0, max = 1 + model_chance(3), j;

    ck_assert_int_eq(llmq_queue_take_expired(out, &n, m->q, max, 9), APR_SUCCESS);
    while (i < max && (j = model_first_expired(m)) >= 0) {
        model_expire(m, j);
        ck_assert_int_lt(i, n);
        ck_assert_int_eq(memcmp(&out[i++], &m->job[j].e, sizeof(out[0])), 0);
    }
    ck_assert_int_eq(i, n);
}

static void step_ack(model_t *m, int j)
{
    model_job_t *job = &m->job[j];
    llmq_queue_ack_t ack;

    ack.id = apr_psprintf(test_pool, "m%d", j);
    ack.attempt = job->e.attempt + (apr_uint32_t)model_chance(3) - 1;
    ack.how = (llmq_ack_e)model_chance(3);
    ck_assert_int_eq(llmq_queue_ack(m->q, &ack, 1), APR_SUCCESS);
    if (job->e.state != LLMQ_ENTRY_RUNNING || ack.attempt < job->e.attempt)
        return;
    if (!job->e.canceled && ack.how == LLMQ_ACK_COMPLETED)
        m->level[job->e.level].lane[job->tenant].stats.total_completed++;
    if (!job->e.canceled && ack.how == LLMQ_ACK_FAILED)
        m->level[job->e.level].lane[job->tenant].stats.total_failed++;
    model_leave(m, j, LLMQ_ENTRY_FREE);
}

static void step_requeue(model_t *m, int j)
{
    model_job_t *job = &m->job[j];
    apr_uint32_t attempt = job->e.attempt + (model_chance(4) == 0);
    apr_time_t run_at = some_time(m);
    apr_status_t rv = llmq_queue_requeue(m->q, apr_psprintf(test_pool, "m%d", j), attempt,
                                         attempt + 1, run_at);

    if (job->e.state != LLMQ_ENTRY_RUNNING || attempt != job->e.attempt) {
        ck_assert_int_eq(rv, APR_NOTFOUND);
        return;
    }
    if (job->e.canceled) {
        ck_assert_int_eq(rv, APR_NOTFOUND);
        model_leave(m, j, LLMQ_ENTRY_FREE);
        return;
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    job->e.attempt = attempt + 1;
    job->e.run_at = run_at;
    job->e.owner = 0;
    job->e.taken_at = 0;
    job->e.lease_until = 0;
    model_activate(m, j);
}

static void step_answered(model_t *m, int j)
{
    model_job_t *job = &m->job[j];
    apr_uint32_t attempt = job->e.attempt + (model_chance(4) == 0);
    apr_status_t rv =
        llmq_queue_answered(m->q, apr_psprintf(test_pool, "m%d", j), attempt);

    if (job->e.state != LLMQ_ENTRY_RUNNING || attempt != job->e.attempt)
        ck_assert_int_eq(rv, APR_NOTFOUND);
    else {
        ck_assert_int_eq(rv, APR_SUCCESS);
        if (job->answered)
            return;
        job->answered = 1;
        model_settle_job(m, j);
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
    default: ck_assert_int_eq(rv, APR_SUCCESS); model_leave(m, j, LLMQ_ENTRY_FREE);
    }
}

static void step_reprioritise(model_t *m, int j)
{
    int level = 1 + model_chance(4), state = m->job[j].e.state;
    apr_status_t rv =
        llmq_queue_reprioritise(m->q, apr_psprintf(test_pool, "m%d", j), level);

    if (state == LLMQ_ENTRY_FREE)
        ck_assert_int_eq(rv, APR_NOTFOUND);
    else if (state == LLMQ_ENTRY_RUNNING)
        ck_assert_int_eq(rv, LLMQ_EBUSY);
    else if (m->job[j].e.level == level)
        ck_assert_int_eq(rv, APR_SUCCESS);
    else if (model_is_full(m, m->job[j].tenant, level))
        ck_assert_int_eq(rv, LLMQ_EFULL);
    else {
        ck_assert_int_eq(rv, APR_SUCCESS);
        model_set_state(m, j, LLMQ_ENTRY_FREE);
        m->job[j].e.level = (unsigned char)level;
        m->job[j].seq = ++m->seq;
        if (state == LLMQ_ENTRY_BLOCKED)
            model_set_state(m, j, LLMQ_ENTRY_BLOCKED);
        else
            model_activate(m, j);
    }
}

/* ---- settings ---- */

static void step_pause(model_t *m)
{
    int tenant = model_chance(MODEL_TENANTS), level = 1 + model_chance(4),
        on = model_chance(3) == 0;

    ck_assert_int_eq(
        llmq_queue_pause(m->q, model_hash_of(tenant), (llmq_level_e)level, on),
        APR_SUCCESS);
    m->level[level].lane[tenant].paused = on;
    model_settle_lane(m, tenant, level);
    ck_assert_int_eq(
        llmq_queue_is_paused(m->q, model_hash_of(tenant), (llmq_level_e)level) != 0, on);
}

static void step_concurrency(model_t *m)
{
    int level = 1 + model_chance(4), n = 1 + model_chance(MODEL_CONCURRENT), t;

    ck_assert_int_eq(
        llmq_queue_set_concurrency(m->q, (llmq_level_e)level, (apr_uint32_t)n),
        APR_SUCCESS);
    m->level[level].concurrency = n;
    for (t = 0; t < MODEL_TENANTS; t++)
        model_settle_lane(m, t, level);
}

/* ---- comparing ---- */

static void compare_leases(const model_t *m)
{
    llmq_entry_t *due = NULL;
    int n, j, ended = 0;

    ck_assert_int_eq(llmq_queue_lease_due(&due, &n, m->q, m->now, test_pool), 0);
    for (j = 0; j < MODEL_JOBS; j++)
        ended += m->job[j].e.state != LLMQ_ENTRY_FREE && m->job[j].e.lease_until
                 && m->job[j].e.lease_until <= m->now;
    ck_assert_int_eq(n, ended);
    for (j = 0; j < n; j++) {
        const model_job_t *job = &m->job[atoi(due[j].id + 1)];

        ck_assert_int_eq(memcmp(&due[j], &job->e, sizeof(job->e)), 0);
        ck_assert(j == 0 || due[j - 1].lease_until <= due[j].lease_until);
    }
}

static void compare_jobs(const model_t *m)
{
    int j;

    for (j = 0; j < MODEL_JOBS; j++) {
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

static void compare_lane(const model_t *m, int tenant, int l, const llmq_queue_stats_t *s)
{
    const llmq_queue_stats_t *mine = &m->level[l].lane[tenant].stats;

    ck_assert_uint_eq(s->ready, model_count(m, tenant, l, LLMQ_ENTRY_READY));
    ck_assert_uint_eq(s->blocked, model_count(m, tenant, l, LLMQ_ENTRY_BLOCKED));
    ck_assert_uint_eq(s->delayed, model_count(m, tenant, l, LLMQ_ENTRY_DELAYED));
    ck_assert_uint_eq(s->running, model_calls(m, tenant, l));
    ck_assert_uint_eq(s->concurrency, m->level[l].concurrency);
    ck_assert_uint_eq(s->total_put, mine->total_put);
    ck_assert_uint_eq(s->total_taken, mine->total_taken);
    ck_assert_uint_eq(s->total_completed, mine->total_completed);
    ck_assert_uint_eq(s->total_failed, mine->total_failed);
    ck_assert_int_eq(s->wait_sum, mine->wait_sum);
    ck_assert_int_eq(s->wait_max, mine->wait_max);
}

static void compare_stats(const model_t *m)
{
    llmq_queue_stats_t all[LLMQ_LEVEL_COUNT], own[LLMQ_LEVEL_COUNT];
    apr_uint64_t put[LLMQ_LEVEL_COUNT] = {0}, running[LLMQ_LEVEL_COUNT] = {0};
    int l, t;

    for (t = 0; t < MODEL_TENANTS; t++) {
        ck_assert_int_eq(llmq_queue_tenant_stats(own, m->q, model_hash_of(t)),
                         APR_SUCCESS);
        LLMQ_EACH_LEVEL (l) {
            compare_lane(m, t, l, &own[l]);
            put[l] += own[l].total_put;
            running[l] += own[l].running;
        }
    }
    ck_assert_int_eq(llmq_queue_stats(all, m->q), APR_SUCCESS);
    LLMQ_EACH_LEVEL (l) {
        ck_assert_uint_eq(all[l].total_put, put[l]);
        ck_assert_uint_eq(all[l].running, running[l]);
    }
}

/* ---- all of it ---- */

static void one_step(model_t *m)
{
    int j = model_chance(MODEL_JOBS), what = model_chance(100);
    if (what < 36)
        step_put(m, j);
    else if (what < 57)
        step_take(m);
    else if (what < 67)
        step_ack(m, j);
    else if (what < 74)
        step_requeue(m, j);
    else if (what < 78)
        step_answered(m, j);
    else if (what < 81)
        step_cancel(m, j);
    else if (what < 87)
        step_reprioritise(m, j);
    else if (what < 90)
        step_expire(m);
    else if (what < 92)
        step_pause(m);
    else if (what < 94)
        step_concurrency(m);
    else if (what < 96)
        step_take_id(m, j);
    else if (what < 98)
        step_lease(m, j);
    else
        llmq_clock_set(m->now += model_chance(60));
}

/* Bounds over all levels in every other run, as they keep others from being reached. */
static llmq_queue_t *create_queue(model_t *m, int bounded)
{
    llmq_queue_tenant_conf_t tenants[] = {model_named[0], model_named[1]};
    llmq_queue_conf_t conf = {.ageing = MODEL_AGEING,
                              .reserve = MODEL_RESERVE,
                              .max_running = bounded ? 8 : 0,
                              .max_tenants = MODEL_TENANTS,
                              .tenants = tenants,
                              .n_tenants = 2};
    int l, t;

    if (!bounded)
        tenants[0].max_running_total = 0;
    m->most = bounded ? 8 : MODEL_JOBS;
    m->most_of_first = bounded ? (int)model_named[0].max_running_total : MODEL_JOBS;
    LLMQ_EACH_LEVEL (l) {
        conf.level[l].max_size = MODEL_SIZE;
        conf.level[l].max_concurrent = MODEL_CONCURRENT;
        m->level[l].concurrency = MODEL_CONCURRENT;
        for (t = 0; t < MODEL_TENANTS; t++)
            m->level[l].lane[t].in = MODEL_NONE;
    }
    return queue_rig_conf(&conf)->q;
}

START_TEST(thousands_of_random_calls_do_what_the_model_does)
{
    model_t *m = apr_pcalloc(test_pool, sizeof(*m));
    int step;

    srandom((unsigned)_i);
    m->now = QUEUE_NOW;
    llmq_clock_set(m->now);
    m->q = create_queue(m, _i % 2);
    for (step = 0; step < STEPS; step++) {
        const char *bad;

        one_step(m);
        bad = queue_check(m->q);
        ck_assert_msg(!bad, "seed %d, step %d: %s", _i, step, bad);
        if (step % 20 == 0) {
            compare_jobs(m);
            compare_stats(m);
            compare_leases(m);
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
