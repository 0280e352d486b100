#include "dispatch/janitor.h"

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/reaper.h"
#include "queue/queue_job.h"
#include "store/store_idem.h"
#include "store/store_job.h"
#include "store/store_node.h"

#define PAGE            1000                  /* rows of one step of a rebuild */
#define SAFETY_INTERVAL apr_time_from_sec(60) /* a rebuild nobody asked for */
#define ADMISSION_AGE   apr_time_from_sec(60)
#define PRUNE_INTERVAL  apr_time_from_sec(10) /* of expired idempotency keys */
#define PRUNE_MAX       1000

struct llmq_janitor_t {
    llmq_dispatch_t *d;
    apr_pool_t *scratch;
    llmq_reaper_t *reaper;
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
    }
    return APR_SUCCESS;
}

/* ---- what dead dispatchers ran ---- */

/* Before we have taken anything, an entry under our pid is that of a dead namesake. */
static int is_orphan(llmq_janitor_t *j, const llmq_entry_t *e)
{
    llmq_dispatch_t *d = j->d;

    return e->owner == d->owner ? !j->took_over
                                : !d->host.owner_alive(d->host.ctx, e->owner);
}

/* The fence is raised in the store before the entry is ready again: should its old owner
 * live against all evidence, its result will change nothing. */
static apr_status_t take_over(llmq_janitor_t *j)
{
    llmq_dispatch_t *d = j->d;
    apr_uint32_t deaths = d->host.deaths(d->host.ctx);
    llmq_entry_t *orphans;
    const char **ids;
    apr_status_t rv;
    int n_running = 0;
    int n = 0;
    int i;

    if (j->took_over && deaths == j->deaths_seen) {
        return APR_SUCCESS;
    }
    rv = llmq_queue_running(&orphans, &n_running, d->queue, 0, j->scratch);
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
        rv = llmq_store_job_fence(d->janitor_store, ids, n, j->scratch);
    }
    for (i = 0; rv == APR_SUCCESS && i < n; i++) {
        llmq_queue_requeue(d->queue, orphans[i].id, orphans[i].attempt,
                           orphans[i].attempt + 1, 0);
    }
    if (rv == APR_SUCCESS) {
        j->took_over = 1;
        j->deaths_seen = deaths;
        if (n) {
            LLMQ_LOG(LLMQ_LOG_NOTICE, 0,
                     LLMQ_NO(0710) "took over %d messages of a dispatcher that died", n);
        }
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

static void entry_of_row(llmq_entry_t *e, const llmq_backlog_t *row)
{
    llmq_job_t job = {0};

    job.id = row->id;
    job.tenant = row->tenant;
    job.chain = row->chain;
    job.user = row->user;
    job.created_at = row->created_at;
    job.run_at = row->run_at;
    job.attempt = row->attempt;
    job.kind = row->kind;
    job.level = row->level;
    job.fair_key = row->fair_key;
    job.weight = row->weight;
    job.key_cap = row->key_cap;
    job.deadline = row->deadline;
    job.parallel = row->parallel;
    llmq_queue_job_entry(e, &job);
}

static apr_status_t put_page(llmq_janitor_t *j, apr_int64_t *after, int *pn)
{
    llmq_backlog_t *rows;
    llmq_entry_t *entries;
    apr_status_t rv;
    int i;

    rv = llmq_store_job_backlog(&rows, pn, j->d->janitor_store, *after, PAGE, j->scratch);
    if (rv != APR_SUCCESS || *pn == 0) {
        return rv;
    }
    entries = apr_palloc(j->scratch, sizeof(*entries) * (apr_size_t)*pn);
    for (i = 0; i < *pn; i++) {
        entry_of_row(&entries[i], &rows[i]);
    }
    *after = rows[*pn - 1].seq;
    rv = llmq_queue_put(j->d->queue, entries, *pn, LLMQ_PUT_WALK);
    if (rv == APR_EINVAL) {
        /* Not of this version's making; whoever wrote it must mend it. */
        LLMQ_LOG(LLMQ_LOG_ERR, 0,
                 LLMQ_NO(0714) "the database holds a message without a proper id or level"
                               " (seq up to %" APR_INT64_T_FMT "), it is passed over",
                 *after);
        rv = APR_SUCCESS;
    }
    return rv;
}

/* The calls of this dispatcher outlive a reset: the queue must know that they run, or they
 * would be begun a second time. */
static void put_in_flight(llmq_dispatch_t *d)
{
    llmq_attempt_t *a;

    APR_RING_FOREACH(a, &d->in_flight, llmq_attempt_t, in_flight)
    {
        llmq_queue_put(d->queue, &a->entry, 1, LLMQ_PUT_RUNNING);
    }
}

static void mend(llmq_dispatch_t *d)
{
    if (llmq_queue_is_damaged(d->queue)) {
        LLMQ_LOG(
            LLMQ_LOG_WARNING, 0,
            LLMQ_NO(0711) "a process died inside the queue's lock: the queue is built"
                          " anew from the database");
        apr_thread_mutex_lock(d->taking);
        apr_thread_mutex_lock(d->lock);
        llmq_queue_reset(d->queue);
        put_in_flight(d);
        apr_thread_mutex_unlock(d->lock);
        apr_thread_mutex_unlock(d->taking);
    }
}

static apr_status_t rebuild(llmq_janitor_t *j)
{
    llmq_queue_t *q = j->d->queue;
    apr_int64_t after = 0;
    apr_status_t rv;
    int n;

    if (!llmq_queue_needs_rebuild(q)) {
        return APR_SUCCESS;
    }
    llmq_queue_rebuild_begin(q);
    do {
        rv = put_page(j, &after, &n);
        apr_pool_clear(j->scratch);
    } while (rv == APR_SUCCESS && n == PAGE && j->d->asked == LLMQ_ASKED_NOTHING);
    llmq_queue_rebuild_end(q, rv == APR_SUCCESS && n < PAGE);
    LLMQ_LOG(LLMQ_LOG_DEBUG, rv, LLMQ_NO(0712) "walked over the database's backlog");
    return rv;
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

apr_status_t llmq_janitor_tick(llmq_janitor_t *j)
{
    apr_time_t now = llmq_clock_now();
    apr_status_t rv;

    apr_pool_clear(j->scratch);
    if (now >= j->next_safety) {
        j->next_safety = now + SAFETY_INTERVAL;
        llmq_queue_forget_admissions(j->d->queue, ADMISSION_AGE);
        llmq_queue_suspect(j->d->queue);
    }
    mend(j->d);
    if ((rv = beat(j)) == APR_SUCCESS && (rv = set_totals(j)) == APR_SUCCESS
        && (rv = rebuild(j)) == APR_SUCCESS) {
        rv = take_over(j);
        prune(j, now);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_reaper_tick(j->reaper, now, j->scratch);
    }
    return rv;
}
