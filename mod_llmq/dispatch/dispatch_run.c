/* The story of a job in the dispatcher. Read run_batch() from top to bottom. */
#include "dispatch/dispatch_run.h"

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/context.h"
#include "dispatch/deadline.h"
#include "dispatch/dispatch_inner.h"
#include "queue/queue_job.h"
#include "store/store_job.h"

#include <apr_atomic.h>

#include <stdlib.h>

#define STORE_PAUSE    apr_time_from_sec(1)    /* between tries to reach the database */
#define MAX_UNFINISHED 512                     /* outcomes that wait for the database */
#define LONGEST_WAIT   apr_time_from_msec(500) /* safety net under the wake-ups */

/* Runs on the engine's thread, or inside llmq_backend_start() for kinds that answer at
 * once: from here on the attempt is the finisher's. */
static void on_done(llmq_call_t *call)
{
    llmq_attempt_t *a = call->ctx;
    llmq_dispatch_t *d = a->d;

    llmq_endpoint_done(d->endpoints, &a->place, call);
    llmq_pace_note(d->pace, a->job.level, call, a->begun_at);
    if (!call->ok && apr_atomic_read32(&d->winding_up)) {
        a->handed_back = 1;
    }
    llmq_queue_answered(d->queue, a->entry.id, a->entry.attempt);
    llmq_finisher_put(d->finisher, a);
    llmq_queue_wake(d->queue);
}

/* Who counts the end of a job that is found final? Its dispatcher wrote the end under the
 * fence that it ran with and died before it could tell the queue: then nobody has. An end
 * told from outside raised the fence, and whoever told it counts it, before or after the
 * queue let go of the entry. */
static llmq_ack_e how_it_ended(const llmq_entry_t *entry, const llmq_job_t *job)
{
    if (!job || (apr_uint32_t)job->attempt > entry->attempt) {
        return LLMQ_ACK_GONE;
    }
    return job->status == LLMQ_STATUS_COMPLETED ? LLMQ_ACK_COMPLETED
           : job->status == LLMQ_STATUS_TIMEOUT ? LLMQ_ACK_TIMEOUT
                                                : LLMQ_ACK_FAILED;
}

/* Not to be done: withdrawn or taken by somebody (no job), or done already. */
static void drop(llmq_dispatch_t *d, const llmq_entry_t *entry, const llmq_job_t *job)
{
    llmq_queue_ack_t ack = {entry->id, entry->attempt, how_it_ended(entry, job)};

    LLMQ_LOG(LLMQ_LOG_DEBUG, 0, LLMQ_NO(0701) "msg[%s] is not to be done any more",
             entry->id);
    llmq_queue_ack(d->queue, &ack, 1);
}

static void give_back(llmq_dispatch_t *d, const llmq_entry_t *entry)
{
    llmq_queue_requeue(d->queue, entry->id, entry->attempt, entry->attempt, 0);
}

static void start(llmq_dispatch_t *d, const llmq_entry_t *entry, const llmq_job_t *job,
                  const llmq_chat_past_t *past)
{
    llmq_endpoint_place_t place;
    llmq_attempt_t *a = NULL;

    llmq_endpoint_pick(&place, d->endpoints, entry->id, llmq_queue_job_chain(job));
    if (place.backend && !(a = llmq_attempt_create(d, entry, job, past))) {
        llmq_endpoint_back(d->endpoints, &place);
    }
    if (!a) {
        give_back(d, entry);
        return;
    }
    a->place = place;
    a->call.backend = place.backend;
    a->call.done = on_done;
    llmq_attempt_launch(a);
    LLMQ_LOG(LLMQ_LOG_DEBUG, 0, LLMQ_NO(0702) "msg[%s] goes to ep[%s], attempt %d",
             a->call.id, place.backend->name, a->job.attempt);
    llmq_backend_start(d->engine, &a->call);
}

static apr_status_t load(llmq_job_t ***pjobs, llmq_chat_past_t **ppasts,
                         llmq_dispatch_t *d, const llmq_entry_t *taken, int n,
                         apr_pool_t *p)
{
    apr_status_t rv;
    const char **ids = apr_palloc(p, sizeof(*ids) * (apr_size_t)n);
    int i;

    for (i = 0; i < n; i++) {
        ids[i] = taken[i].id;
    }
    rv = llmq_store_job_load(pjobs, d->drain_store, ids, n, p);
    if (rv == APR_SUCCESS) {
        rv = llmq_context_load(ppasts, d->drain_store, *pjobs, n, &d->conf->chat, p);
    }
    return rv;
}

/* How many may end, so that outcomes which the database does not take yet cannot pile up
 * without bound, nor a batch grow large. */
static int room_for_outcomes(llmq_dispatch_t *d)
{
    int unfinished = MAX_UNFINISHED - llmq_finisher_backlog(d->finisher);
    int n = d->conf->batch < unfinished ? d->conf->batch : unfinished;

    return n > 0 ? n : 0;
}

/* How many may be begun: as the backends have places, besides. */
static int room(llmq_dispatch_t *d)
{
    int free = llmq_endpoint_free(d->endpoints);
    int n = room_for_outcomes(d);

    return free < n ? free : n;
}

typedef void act_fn_t(llmq_dispatch_t *d, const llmq_entry_t *entry,
                      const llmq_job_t *job, const llmq_chat_past_t *past);

/* What to do with those taken that are still to be done. Without the database nothing can
 * be, so all wait. Returns n, or -1 then. */
static int act(llmq_dispatch_t *d, const llmq_entry_t *taken, int n, act_fn_t *do_it,
               apr_pool_t *p)
{
    llmq_job_t **jobs = NULL;
    llmq_chat_past_t *pasts = NULL;
    int i;

    if (load(&jobs, &pasts, d, taken, n, p) != APR_SUCCESS) {
        for (i = 0; i < n; i++) {
            give_back(d, &taken[i]);
        }
        return -1;
    }
    for (i = 0; i < n; i++) {
        if (jobs[i] && !llmq_job_is_final(jobs[i]->status)) {
            do_it(d, &taken[i], jobs[i], &pasts[i]);
        }
        else {
            drop(d, &taken[i], jobs[i]);
        }
    }
    return n;
}

/* Returns how many were taken; 0 asks for a wait, -1 for a longer one: no database. */
static int run_batch(llmq_dispatch_t *d, llmq_entry_t *taken, apr_pool_t *p)
{
    int n = 0;

    /* 1. What has waited beyond its deadline is not begun any more: it ends. */
    int places = room_for_outcomes(d);

    if (places > 0
        && llmq_queue_take_expired(taken, &n, d->queue, places, d->owner) == APR_SUCCESS
        && n > 0) {
        return act(d, taken, n, llmq_deadline_end, p);
    }
    /* 2. No more than the backends have places for: what waits keeps its turn in the
     *    queue, not here. */
    places = room(d);

    /* 3. The most urgent ones, by the fairness rule. */
    if (places <= 0
        || llmq_queue_take(taken, &n, d->queue, places, d->owner) != APR_SUCCESS
        || n == 0) {
        return 0;
    }
    /* 4. Their contents and what was said before them, then each to a backend; on_done() hears of the end. */
    return act(d, taken, n, start, p);
}

void *APR_THREAD_FUNC llmq_dispatch_run_drain(apr_thread_t *thread, void *data)
{
    llmq_dispatch_t *d = data;
    llmq_entry_t *taken = calloc((apr_size_t)d->conf->batch, sizeof(*taken));
    apr_pool_t *p = NULL;

    if (!taken || apr_pool_create_unmanaged_ex(&p, NULL, NULL) != APR_SUCCESS) {
        LLMQ_LOG(LLMQ_LOG_CRIT, APR_ENOMEM,
                 LLMQ_NO(0703) "the drain thread cannot start");
        free(taken);
        llmq_dispatch_stop(d); /* the parent starts another process */
        return NULL;
    }
    while (d->asked == LLMQ_ASKED_NOTHING) {
        int n;

        apr_pool_clear(p);
        /* What is taken and not yet in flight is known to nobody else: a reset of the queue
         * waits until it is. */
        apr_thread_mutex_lock(d->taking);
        n = run_batch(d, taken, p);
        apr_thread_mutex_unlock(d->taking);
        if (n == 0) {
            llmq_queue_wait(d->queue, LONGEST_WAIT);
        }
        else if (n < 0) {
            llmq_dispatch_inner_pause(d, STORE_PAUSE);
        }
    }
    apr_pool_destroy(p);
    free(taken);
    (void)thread;
    return NULL;
}
