/* The story of a job in the dispatcher. Read run_batch() from top to bottom. */
#include "dispatch/dispatch_run.h"

#include "base/clock.h"
#include "base/log.h"
#include "bus/bus_tell.h"
#include "dispatch/context.h"
#include "dispatch/deadline.h"
#include "dispatch/dispatch_inner.h"
#include "dispatch/ears.h"
#include "dispatch/remember.h"
#include "dispatch/way.h"
#include "queue/queue_job.h"
#include "store/store_job.h"

#include <apr_atomic.h>

#include <stdlib.h>

#define STORE_PAUSE  apr_time_from_sec(1)    /* between tries to reach the database */
#define LONGEST_WAIT apr_time_from_msec(500) /* safety net under the wake-ups */

/* Runs on the engine's thread, or inside llmq_backend_start() for kinds that answer at
 * once: from here on the attempt is the finisher's. */
static void on_done(llmq_call_t *call)
{
    llmq_attempt_t *a = call->ctx;
    llmq_dispatch_t *d = a->d;
    llmq_queue_t *q = a->queue; /* the attempt is not ours any more at the end */

    llmq_delta_flush(&a->delta);
    if (a->way->check) {
        a->way->check(call);
    }
    llmq_endpoint_done(a->endpoints, &a->place, call);
    if (a->queue == d->queue) {
        llmq_pace_note(d->pace, a->job.level, call, a->begun_at);
    }
    if (!call->ok && apr_atomic_read32(&d->winding_up)) {
        a->handed_back = 1;
    }
    if (a->way->judge) {
        a->way->judge(call);
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

/* A row that does not wait for the disk goes with the database that dies (LLMQ_SQL_LIGHT):
 * who listens for its end would wait in vain. Nobody does for what was withdrawn. */
static void tell_lost(llmq_line_t *line, const llmq_entry_t *entry, apr_pool_t *p)
{
    static const llmq_completion_error_t error = {
        "the request was lost with the database's last moments", "server_error", NULL,
        "store_unavailable"};

    if (entry->kind == LLMQ_KIND_COMPLETION) {
        llmq_ears_error(line->d, entry->id, 503, &error, p);
    }
}

/* Not to be done: withdrawn, lost or taken by somebody (no job), or done already. */
static void drop(llmq_line_t *line, const llmq_entry_t *entry, const llmq_job_t *job,
                 apr_pool_t *p)
{
    llmq_queue_ack_t ack = {entry->id, entry->attempt, how_it_ended(entry, job)};

    if (!job) {
        tell_lost(line, entry, p);
    }
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
                              const llmq_entry_t *entry, const llmq_loaded_t *what)
{
    llmq_endpoints_t *endpoints = line->handlers ? NULL : line->d->endpoints;

    place->backend = NULL;
    if (what->handler) {
        endpoints = what->handler->endpoints;
    }
    if (what->model) {
        llmq_endpoint_pick_among(place, endpoints, entry->id, what->model->backends);
    }
    else if (endpoints) {
        llmq_endpoint_pick(place, endpoints, entry->id, llmq_queue_job_chain(what->job));
    }
    return endpoints;
}

static llmq_attempt_t *make_attempt(llmq_line_t *line, const llmq_entry_t *entry,
                                    const llmq_loaded_t *what,
                                    const llmq_endpoint_place_t *place)
{
    llmq_attempt_t *a = llmq_attempt_create(line->d, entry, what->job, what->past);

    if (!a) {
        return NULL;
    }
    a->place = *place;
    a->call.backend = place->backend;
    a->call.done = on_done;
    if (a->way->request && a->way->request(a, what) != APR_SUCCESS) {
        llmq_attempt_destroy(a);
        return NULL;
    }
    return a;
}

static void start(llmq_line_t *line, const llmq_entry_t *entry, const llmq_loaded_t *what)
{
    llmq_endpoint_place_t place;
    llmq_endpoints_t *endpoints = pick(&place, line, entry, what);
    llmq_attempt_t *a = NULL;

    if (place.backend && !(a = make_attempt(line, entry, what, &place))) {
        llmq_endpoint_back(endpoints, &place);
    }
    if (!a) {
        give_back(line, entry);
        return;
    }
    a->endpoints = endpoints;
    llmq_attempt_launch(a);
    if (a->way->begin && !a->way->begin(a)) {
        return;
    }
    LLMQ_LOG(LLMQ_LOG_DEBUG, 0, LLMQ_NO(0702) "msg[%s] goes to ep[%s], attempt %d",
             a->call.id, place.backend->name, a->job.attempt);
    /* Answers say "processing" from now on, as they ask the queue. */
    llmq_bus_tell_job(line->d->bus, what->job->kind, what->job->tenant, what->job->id,
                      what->job->chain);
    llmq_backend_start(line->d->engine, &a->call);
}

/* What is not to be begun needs no place for that. */
static void start_or_refuse(llmq_line_t *line, const llmq_entry_t *entry,
                            llmq_loaded_t *what)
{
    const llmq_way_t *way = llmq_dispatch_inner_way(line->d, what->job->kind);

    if (!way->admit || way->admit(line->d, entry, what)) {
        start(line, entry, what);
    }
}

static void expire(llmq_line_t *line, const llmq_entry_t *entry, llmq_loaded_t *what)
{
    llmq_deadline_end(line->d, entry, what->job, what->past);
}

/* What was loaded of a batch, in its order. */
typedef struct {
    llmq_job_t **jobs; /* NULL for one that is not to be done */
    llmq_chat_past_t *pasts;
    llmq_brief_t *briefs;       /* NULL but for tasks */
    llmq_app_recall_t *recalls; /* NULL for tasks */
} batch_t;

/* Contents, and what goes with them: of messages what was said before, of runs and of
 * memories what they are about. */
static apr_status_t load(batch_t *batch, llmq_line_t *line, const llmq_entry_t *taken,
                         int n, apr_pool_t *p)
{
    const llmq_chat_conf_t *chat = &line->d->conf->chat;
    apr_status_t rv;
    const char **ids = apr_palloc(p, sizeof(*ids) * (apr_size_t)n);
    int i;

    for (i = 0; i < n; i++) {
        ids[i] = taken[i].id;
    }
    rv = llmq_store_job_load(&batch->jobs, line->store, ids, n, p);
    if (rv == APR_SUCCESS && line->handlers) {
        batch->pasts = apr_pcalloc(p, sizeof(*batch->pasts) * (apr_size_t)n);
        return llmq_briefs_make(&batch->briefs, line->d, line->store, batch->jobs, n, p);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_context_load(&batch->pasts, line->store, batch->jobs, n, chat, p);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_remember_recall(&batch->recalls, line->store, batch->jobs, n, chat, p);
    }
    return rv;
}

/* How many may end, so that outcomes which the database does not take yet cannot pile up
 * without bound, nor a batch grow large. */
static int room_for_outcomes(llmq_dispatch_t *d)
{
    int unfinished = LLMQ_FINISHER_BACKLOG - llmq_finisher_backlog(d->finisher);
    int n = d->conf->batch < unfinished ? d->conf->batch : unfinished;

    return n > 0 ? n : 0;
}

/* How many may be begun: as the backends have places, besides. */
static int room(llmq_dispatch_t *d)
{
    int free = llmq_places_count(d->places, d->queue);
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
               : llmq_places_take(taken, pn, d->places, line->queue, max, d->owner);
}

typedef void act_fn_t(llmq_line_t *line, const llmq_entry_t *entry, llmq_loaded_t *what);

/* What to do with those taken that are still to be done. Without the database nothing can
 * be, so all wait. Returns n, or -1 then. */
static int act(llmq_line_t *line, const llmq_entry_t *taken, int n, act_fn_t *do_it,
               apr_pool_t *p)
{
    batch_t batch = {0};
    int i;

    if (load(&batch, line, taken, n, p) != APR_SUCCESS) {
        for (i = 0; i < n; i++) {
            give_back(line, &taken[i]);
        }
        return -1;
    }
    for (i = 0; i < n; i++) {
        llmq_loaded_t what = {batch.jobs[i],
                              &batch.pasts[i],
                              batch.briefs ? &batch.briefs[i] : NULL,
                              batch.recalls ? &batch.recalls[i] : NULL,
                              NULL,
                              NULL};

        if (line->handlers) {
            what.handler = llmq_handlers_of(line->handlers, taken[i].tenant);
        }

        if (what.job && !llmq_job_is_final(what.job->status)) {
            do_it(line, &taken[i], &what);
        }
        else {
            drop(line, &taken[i], what.job, p);
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
    return act(line, taken, n, start_or_refuse, p);
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
