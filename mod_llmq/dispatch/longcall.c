#include "dispatch/longcall.h"

#include "base/clock.h"
#include "store/store_job.h"

#include <apr_hash.h>

#include <string.h>

#define SLICE 256 /* starts written in one transaction */

/* Whatever comes of it changes nothing: somebody else decides about the job now. */
static void give_up(llmq_attempt_t *a)
{
    if (!a->canceled) {
        a->canceled = 1;
        if (!a->expired) {
            llmq_backend_abort(a->d->engine, &a->call);
        }
    }
}

/* ---- withdrawn and overtaken ---- */

static apr_status_t add_running(apr_hash_t *by_id, llmq_queue_t *q, apr_uint32_t owner,
                                apr_pool_t *p)
{
    llmq_entry_t *running;
    int n = 0;
    int i;
    apr_status_t rv = llmq_queue_running(&running, &n, q, owner, p);

    for (i = 0; i < n; i++) {
        apr_hash_set(by_id, running[i].id, APR_HASH_KEY_STRING, &running[i]);
    }
    return rv;
}

/* What the queues say that we run, by id; NULL if one cannot tell now. */
static apr_hash_t *running_by_id(llmq_dispatch_t *d, apr_pool_t *p)
{
    apr_hash_t *by_id = apr_hash_make(p);
    apr_status_t rv = add_running(by_id, d->queue, d->owner, p);

    if (rv == APR_SUCCESS && d->tasks) {
        rv = add_running(by_id, d->tasks, d->owner, p);
    }
    return rv == APR_SUCCESS ? by_id : NULL;
}

static int is_wanted(const llmq_attempt_t *a, apr_hash_t *by_id)
{
    const llmq_entry_t *e = apr_hash_get(by_id, a->entry.id, APR_HASH_KEY_STRING);

    return e && e->attempt == a->entry.attempt && !e->canceled;
}

/* Under d->lock, as a reset of the queue is, so that none is missing only for the moment
 * between the reset and being put back. */
static void give_up_unwanted(llmq_dispatch_t *d, apr_time_t before, apr_pool_t *p)
{
    apr_hash_t *by_id = running_by_id(d, p);
    llmq_attempt_t *a;

    if (!by_id) {
        return;
    }
    APR_RING_FOREACH(a, &d->in_flight, llmq_attempt_t, in_flight)
    {
        if (a->begun_at > before) {
            break; /* they stand in the order in which they began */
        }
        if (!is_wanted(a, by_id)) {
            give_up(a);
        }
    }
}

/* ---- starts ---- */

static int collect_unwritten(llmq_dispatch_t *d, apr_time_t before, llmq_attempt_t **as)
{
    llmq_attempt_t *a;
    int n = 0;

    APR_RING_FOREACH(a, &d->in_flight, llmq_attempt_t, in_flight)
    {
        if (n == SLICE || a->begun_at > before) {
            break;
        }
        if (!a->start_written && !a->canceled) {
            as[n++] = a;
        }
    }
    return n;
}

static void start_outcome(llmq_outcome_t *o, const llmq_attempt_t *a)
{
    memset(o, 0, sizeof(*o));
    o->id = a->call.id;
    o->attempt = o->next_attempt = a->job.attempt;
    o->retry_count = a->job.retry_count;
    o->started_at = a->begun_at;
    o->status = LLMQ_STATUS_PROCESSING;
}

/* A start that cannot be written is no loss, the next look tries again; one that is not
 * accepted belongs to a job that somebody took away. */
static apr_status_t write_starts(llmq_store_t *store, llmq_attempt_t **as, int n,
                                 apr_pool_t *p)
{
    llmq_outcome_t *o = apr_palloc(p, sizeof(*o) * (apr_size_t)n);
    apr_status_t rv;
    int i;

    for (i = 0; i < n; i++) {
        start_outcome(&o[i], as[i]);
    }
    rv = llmq_store_job_finish(store, o, n, p);
    for (i = 0; rv == APR_SUCCESS && i < n; i++) {
        as[i]->start_written = 1;
        if (!o[i].accepted) {
            give_up(as[i]);
        }
    }
    return rv;
}

void llmq_longcall_look_after(llmq_dispatch_t *d, llmq_store_t *store, apr_pool_t *p)
{
    apr_time_t before = llmq_clock_now() - LLMQ_LONGCALL_AGE;
    llmq_attempt_t *as[SLICE];
    int n;

    apr_thread_mutex_lock(d->lock);
    if (!APR_RING_EMPTY(&d->in_flight, llmq_attempt_t, in_flight)
        && APR_RING_FIRST(&d->in_flight)->begun_at <= before) {
        give_up_unwanted(d, before, p);
    }
    apr_thread_mutex_unlock(d->lock);
    do {
        apr_thread_mutex_lock(d->lock);
        n = collect_unwritten(d, before, as);
        apr_thread_mutex_unlock(d->lock);
    } while (n > 0 && write_starts(store, as, n, p) == APR_SUCCESS && n == SLICE);
}
