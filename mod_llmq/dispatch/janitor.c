#include "dispatch/janitor.h"

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/completion_reaper.h"
#include "dispatch/reaper.h"
#include "dispatch/session_reaper.h"
#include "dispatch/walk.h"
#include "queue/queue_job.h"
#include "store/store_idem.h"
#include "store/store_job.h"
#include "store/store_node.h"

#define SAFETY_INTERVAL apr_time_from_sec(60) /* a rebuild nobody asked for */
#define ADMISSION_AGE   apr_time_from_sec(60)
#define PRUNE_INTERVAL  apr_time_from_sec(10) /* of expired idempotency keys */
#define PRUNE_MAX       1000

struct llmq_janitor_t {
    llmq_dispatch_t *d;
    apr_pool_t *scratch;
    llmq_reaper_t *reaper;
    llmq_session_reaper_t *session_reaper;
    llmq_completion_reaper_t *completion_reaper;
    apr_uint32_t deaths_seen; /* take-overs done up to this number of deaths */
    int took_over;            /* non-zero after the first */
    int totals_set;
    apr_time_t next_beat;
    apr_time_t next_safety;
    apr_time_t next_prune;
};

llmq_janitor_t *llmq_janitor_create(llmq_dispatch_t *d, apr_pool_t *p)
{
    llmq_janitor_t *j = apr_pcalloc(p, sizeof(*j));

    j->d = d;
    j->reaper = llmq_reaper_create(d->janitor_store, d->conf->cleanup_interval, p);
    j->session_reaper = llmq_session_reaper_create(d->janitor_store, d->conf->session_ttl,
                                                   d->conf->cleanup_interval, p);
    j->completion_reaper = llmq_completion_reaper_create(
        d->janitor_store, d->conf->completion_ttl, d->conf->cleanup_interval, p);
    j->next_safety = llmq_clock_now() + SAFETY_INTERVAL;
    j->scratch = llmq_dispatch_inner_pool(p);
    return j;
}

static apr_status_t beat(llmq_janitor_t *j)
{
    llmq_dispatch_t *d = j->d;
    apr_time_t now = llmq_clock_now();
    int adopted = 0;
    apr_status_t rv;

    if (now < j->next_beat) {
        return APR_SUCCESS;
    }
    rv = llmq_store_node_beat(d->janitor_store, &adopted, now, j->scratch);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    j->next_beat = now + d->conf->store.node_timeout / 3;
    if (adopted) {
        LLMQ_LOG(LLMQ_LOG_NOTICE, 0,
                 LLMQ_NO(0709) "took over %d messages of nodes that are silent", adopted);
        llmq_queue_suspect(d->queue);
        llmq_queue_suspect(d->tasks);
    }
    return APR_SUCCESS;
}

/* ---- what dead dispatchers ran ---- */

/* Before we have taken anything, an entry under our pid is that of a dead namesake. What a
 * worker has under a lease is no dispatcher's. */
static int is_orphan(llmq_janitor_t *j, const llmq_entry_t *e)
{
    llmq_dispatch_t *d = j->d;

    if (e->lease_until) {
        return 0;
    }
    return e->owner == d->owner ? !j->took_over
                                : !d->host.owner_alive(d->host.ctx, e->owner);
}

/* The fence is raised in the store before the entry is ready again: should its old owner
 * live against all evidence, its result will change nothing. */
static apr_status_t take_over_queue(llmq_janitor_t *j, llmq_queue_t *q, int *ptaken)
{
    llmq_entry_t *orphans;
    const char **ids;
    int n_running = 0;
    int n = 0;
    int i;
    apr_status_t rv = llmq_queue_running(&orphans, &n_running, q, 0, j->scratch);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    ids = apr_palloc(j->scratch, sizeof(*ids) * (apr_size_t)(n_running + 1));
    for (i = 0; i < n_running; i++) {
        if (is_orphan(j, &orphans[i])) {
            orphans[n] = orphans[i];
            ids[n] = orphans[n].id;
            n++;
        }
    }
    if (n) {
        rv = llmq_store_job_fence(j->d->janitor_store, ids, n, j->scratch);
    }
    for (i = 0; rv == APR_SUCCESS && i < n; i++) {
        llmq_queue_requeue(q, orphans[i].id, orphans[i].attempt, orphans[i].attempt + 1,
                           0);
    }
    *ptaken += rv == APR_SUCCESS ? n : 0;
    return rv;
}

static apr_status_t take_over(llmq_janitor_t *j)
{
    llmq_dispatch_t *d = j->d;
    apr_uint32_t deaths = d->host.deaths(d->host.ctx);
    int n = 0;
    apr_status_t rv;

    if (j->took_over && deaths == j->deaths_seen) {
        return APR_SUCCESS;
    }
    rv = take_over_queue(j, d->queue, &n);
    if (rv == APR_SUCCESS) {
        rv = take_over_queue(j, d->tasks, &n);
    }
    if (n) {
        LLMQ_LOG(LLMQ_LOG_NOTICE, 0,
                 LLMQ_NO(0710) "took over %d messages of a dispatcher that died", n);
    }
    if (rv == APR_SUCCESS) {
        j->took_over = 1;
        j->deaths_seen = deaths;
    }
    return rv;
}

/* ---- rebuilding ---- */

static void set_tenant_totals(llmq_queue_t *q, const llmq_totals_t *of)
{
    apr_uint64_t tenant = llmq_queue_job_tenant(of->tenant);
    int l;

    LLMQ_EACH_LEVEL (l) {
        llmq_queue_totals_t totals = {of->completed[l], of->failed[l]};

        llmq_queue_set_totals(q, tenant, (llmq_level_e)l, &totals);
    }
}

static apr_status_t set_totals(llmq_janitor_t *j)
{
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    llmq_totals_t *totals;
    apr_status_t rv;
    int n;
    int i;

    rv = llmq_queue_stats(stats, j->d->queue);
    if (rv != APR_SUCCESS || j->totals_set || stats[0].total_taken > 0) {
        j->totals_set = rv == APR_SUCCESS;
        return rv; /* a queue that has given work counts by itself */
    }
    rv = llmq_store_job_totals(&totals, &n, j->d->janitor_store, j->scratch);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (i = 0; i < n; i++) {
        set_tenant_totals(j->d->queue, &totals[i]);
    }
    j->totals_set = 1;
    return APR_SUCCESS;
}

/* The calls of this dispatcher outlive a reset: the queue must know that they run, or they
 * would be begun a second time. */
static void put_in_flight(llmq_dispatch_t *d, llmq_queue_t *q)
{
    llmq_attempt_t *a;

    APR_RING_FOREACH(a, &d->in_flight, llmq_attempt_t, in_flight)
    {
        if (a->queue == q) {
            llmq_queue_put(q, &a->entry, 1, LLMQ_PUT_RUNNING);
        }
    }
}

static void mend(llmq_dispatch_t *d, llmq_kind_e kind)
{
    llmq_queue_t *q = llmq_dispatch_inner_queue(d, kind);

    if (llmq_queue_is_damaged(q)) {
        LLMQ_LOG(
            LLMQ_LOG_WARNING, 0,
            LLMQ_NO(0711) "a process died inside the queue's lock: the queue is built"
                          " anew from the database");
        apr_thread_mutex_lock(d->line[kind].taking);
        apr_thread_mutex_lock(d->lock);
        llmq_queue_reset(q);
        put_in_flight(d, q);
        apr_thread_mutex_unlock(d->lock);
        apr_thread_mutex_unlock(d->line[kind].taking);
    }
}

/* A full portion means that there are more: the next tick goes on. */
static void prune(llmq_janitor_t *j, apr_time_t now)
{
    int n = 0;

    if (now >= j->next_prune) {
        llmq_store_idem_prune(&n, j->d->janitor_store, now, PRUNE_MAX, j->scratch);
        j->next_prune = n == PRUNE_MAX ? now : now + PRUNE_INTERVAL;
    }
}

/* What may have been missed is looked for now and then, asked or not. */
static void be_safe(llmq_queue_t *q)
{
    llmq_queue_forget_admissions(q, ADMISSION_AGE);
    llmq_queue_suspect(q);
}

static apr_status_t rebuild(llmq_janitor_t *j)
{
    apr_status_t rv = llmq_walk_if_needed(j->d, LLMQ_KIND_MESSAGE, j->scratch);

    return rv == APR_SUCCESS ? llmq_walk_if_needed(j->d, LLMQ_KIND_TASK, j->scratch) : rv;
}

apr_status_t llmq_janitor_tick(llmq_janitor_t *j)
{
    apr_time_t now = llmq_clock_now();
    apr_status_t rv;

    apr_pool_clear(j->scratch);
    if (now >= j->next_safety) {
        j->next_safety = now + SAFETY_INTERVAL;
        be_safe(j->d->queue);
        be_safe(j->d->tasks);
    }
    mend(j->d, LLMQ_KIND_MESSAGE);
    mend(j->d, LLMQ_KIND_TASK);
    if ((rv = beat(j)) == APR_SUCCESS && (rv = set_totals(j)) == APR_SUCCESS
        && (rv = rebuild(j)) == APR_SUCCESS) {
        rv = take_over(j);
        prune(j, now);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_reaper_tick(j->reaper, now, j->scratch);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_session_reaper_tick(j->session_reaper, now, j->scratch);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_completion_reaper_tick(j->completion_reaper, now, j->scratch);
    }
    return rv;
}
