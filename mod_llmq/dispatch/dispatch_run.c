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
    llmq_queue_t *q = a->queue; /* the attempt is not ours any more at the end */

    llmq_endpoint_done(a->endpoints, &a->place, call);
    if (a->queue == d->queue) {
        llmq_pace_note(d->pace, a->job.level, call, a->begun_at);
    }
    if (!call->ok && apr_atomic_read32(&d->winding_up)) {
        a->handed_back = 1;
    }
    llmq_queue_answered(q, a->entry.id, a->entry.attempt);
    llmq_finisher_put(d->finisher, a);
    llmq_queue_wake(q);
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
static void drop(llmq_line_t *line, const llmq_entry_t *entry, const llmq_job_t *job)
{
    llmq_queue_ack_t ack = {entry->id, entry->attempt, how_it_ended(entry, job)};

    LLMQ_LOG(LLMQ_LOG_DEBUG, 0, LLMQ_NO(0701) "msg[%s] is not to be done any more",
             entry->id);
    llmq_queue_ack(line->queue, &ack, 1);
}

static void give_back(llmq_line_t *line, const llmq_entry_t *entry)
{
    llmq_queue_requeue(line->queue, entry->id, entry->attempt, entry->attempt, 0);
}

/* Where to, and a place there; no backend if there is none. */
static llmq_endpoints_t *pick(llmq_endpoint_place_t *place, const llmq_line_t *line,
                              const llmq_entry_t *entry, const llmq_job_t *job)
{
    const llmq_handler_t *handler =
        line->handlers ? llmq_handlers_of(line->handlers, entry->tenant) : NULL;
    llmq_endpoints_t *endpoints = line->handlers ? NULL : line->d->endpoints;

    place->backend = NULL;
    if (handler) {
        endpoints = handler->endpoints;
    }
    if (endpoints) {
        llmq_endpoint_pick(place, endpoints, entry->id, llmq_queue_job_chain(job));
    }
    return endpoints;
}

static llmq_attempt_t *make_attempt(llmq_line_t *line, const llmq_entry_t *entry,
                                    const llmq_job_t *job, const llmq_chat_past_t *past)
{
    llmq_attempt_t *a = llmq_attempt_create(line->d, entry, job, past);

    if (a && line->handlers
        && llmq_handlers_request(&a->call,
                                 llmq_handlers_of(line->handlers, entry->tenant), job)
               != APR_SUCCESS) {
        apr_pool_destroy(a->pool);
        a = NULL;
    }
    return a;
}

static void start(llmq_line_t *line, const llmq_entry_t *entry, const llmq_job_t *job,
                  const llmq_chat_past_t *past)
{
    llmq_endpoint_place_t place;
    llmq_endpoints_t *endpoints = pick(&place, line, entry, job);
    llmq_attempt_t *a = NULL;

    if (place.backend && !(a = make_attempt(line, entry, job, past))) {
        llmq_endpoint_back(endpoints, &place);
    }
    if (!a) {
        give_back(line, entry);
        return;
    }
    a->place = place;
    a->endpoints = endpoints;
    a->call.backend = place.backend;
    a->call.done = on_done;
    llmq_attempt_launch(a);
    LLMQ_LOG(LLMQ_LOG_DEBUG, 0, LLMQ_NO(0702) "msg[%s] goes to ep[%s], attempt %d",
             a->call.id, place.backend->name, a->job.attempt);
    llmq_backend_start(line->d->engine, &a->call);
}

static void expire(llmq_line_t *line, const llmq_entry_t *entry, const llmq_job_t *job,
                   const llmq_chat_past_t *past)
{
    llmq_deadline_end(line->d, entry, job, past);
}

static apr_status_t load(llmq_job_t ***pjobs, llmq_chat_past_t **ppasts,
                         llmq_line_t *line, const llmq_entry_t *taken, int n,
                         apr_pool_t *p)
{
    apr_status_t rv;
    const char **ids = apr_palloc(p, sizeof(*ids) * (apr_size_t)n);
    int i;

    for (i = 0; i < n; i++) {
        ids[i] = taken[i].id;
    }
    rv = llmq_store_job_load(pjobs, line->store, ids, n, p);
    if (rv != APR_SUCCESS || line->handlers) {
        *ppasts = apr_pcalloc(p, sizeof(**ppasts) * (apr_size_t)n);
        return rv;
    }
    return llmq_context_load(ppasts, line->store, *pjobs, n, &line->d->conf->chat, p);
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

/* Tasks are taken as their handlers have places for them. */
static apr_status_t take(llmq_entry_t *taken, int *pn, llmq_line_t *line, int max)
{
    llmq_dispatch_t *d = line->d;

    *pn = 0;
    if (max <= 0) {
        return APR_SUCCESS;
    }
    return line->handlers
               ? llmq_handlers_take(taken, pn, line->handlers, line->queue, max, d->owner)
               : llmq_queue_take(taken, pn, line->queue, max, d->owner);
}

typedef void act_fn_t(llmq_line_t *line, const llmq_entry_t *entry, const llmq_job_t *job,
                      const llmq_chat_past_t *past);

/* What to do with those taken that are still to be done. Without the database nothing can
 * be, so all wait. Returns n, or -1 then. */
static int act(llmq_line_t *line, const llmq_entry_t *taken, int n, act_fn_t *do_it,
               apr_pool_t *p)
{
    llmq_job_t **jobs = NULL;
    llmq_chat_past_t *pasts = NULL;
    int i;

    if (load(&jobs, &pasts, line, taken, n, p) != APR_SUCCESS) {
        for (i = 0; i < n; i++) {
            give_back(line, &taken[i]);
        }
        return -1;
    }
    for (i = 0; i < n; i++) {
        if (jobs[i] && !llmq_job_is_final(jobs[i]->status)) {
            do_it(line, &taken[i], jobs[i], &pasts[i]);
        }
        else {
            drop(line, &taken[i], jobs[i]);
        }
    }
    return n;
}

/* Returns how many were taken; 0 asks for a wait, -1 for a longer one: no database. */
static int run_batch(llmq_line_t *line, llmq_entry_t *taken, apr_pool_t *p)
{
    llmq_dispatch_t *d = line->d;
    int n = 0;

    /* 1. What has waited beyond its deadline is not begun any more: it ends. */
    int places = room_for_outcomes(d);

    if (places > 0
        && llmq_queue_take_expired(taken, &n, line->queue, places, d->owner)
               == APR_SUCCESS
        && n > 0) {
        return act(line, taken, n, expire, p);
    }
    /* 2. No more than there are places for: what waits keeps its turn in the queue, not
     *    here. */
    places = line->handlers ? places : room(d);

    /* 3. The most urgent ones, by the fairness rule. */
    if (take(taken, &n, line, places) != APR_SUCCESS || n == 0) {
        return 0;
    }
    /* 4. Their contents and what was said before them, then each to a backend or its
     *    handler; on_done() hears of the end. */
    return act(line, taken, n, start, p);
}

void *APR_THREAD_FUNC llmq_dispatch_run_drain(apr_thread_t *thread, void *data)
{
    llmq_line_t *line = data;
    llmq_dispatch_t *d = line->d;
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
        apr_thread_mutex_lock(line->taking);
        n = run_batch(line, taken, p);
        apr_thread_mutex_unlock(line->taking);
        if (n == 0) {
            llmq_queue_wait(line->queue, LONGEST_WAIT);
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
