#include "http/gateway.h"

#include "http/ending.h"
#include "http/gateway_call.h"
#include "http/gateway_ear.h"
#include "http/gateway_held.h"
#include "http/gateway_parked.h"
#include "http/gateway_story.h"
#include "http/held.h"
#include "http/idempotency.h"
#include "http/intake.h"
#include "http/reply.h"

#include <apr_strings.h>
#include <http_protocol.h>

#define TICK  apr_time_from_msec(500)
#define BATCH 64
#define LOOK  apr_time_from_msec(50) /* while the child ends: are they through? */
#define LAST  apr_time_from_sec(2)   /* to be told that the child ends */

/* ---- the streams' thread, now and then ---- */

static int collect(llmq_gateway_call_t **due, llmq_gateway_t *all, apr_time_t now,
                   int *pstopping)
{
    llmq_gateway_call_t *call;
    int n = 0;

    llmq_gateway_call_lock(all);
    *pstopping = all->stopping;
    APR_RING_FOREACH(call, &all->parked, llmq_gateway_call_t, link)
    {
        if (n < BATCH && (all->stopping || llmq_gateway_story_is_due(call, now))) {
            call->holders++;
            due[n++] = call;
        }
    }
    llmq_gateway_call_unlock(all);
    return n;
}

static void tick(void *ctx)
{
    llmq_gateway_t *all = ctx;
    llmq_gateway_call_t *due[BATCH];
    apr_time_t now = apr_time_now();
    int stopping;
    int i;
    int n;

    do {
        n = collect(due, all, now, &stopping);
        for (i = 0; i < n; i++) {
            if (stopping) {
                llmq_gateway_call_cancel(due[i]);
                llmq_gateway_story_fail(due[i], LLMQ_PROBLEM_QUEUE,
                                        "the server is restarting");
            }
            else {
                llmq_gateway_story_tick(due[i], now);
            }
            llmq_gateway_call_drop(due[i]);
        }
    } while (n == BATCH);
}

/* ---- life ---- */

apr_status_t llmq_gateway_create(llmq_gateway_t **pall, const llmq_service_t *service,
                                 const llmq_gateway_conf_t *conf, apr_pool_t *p)
{
    llmq_gateway_t *all = apr_pcalloc(p, sizeof(*all));
    apr_status_t rv;

    all->service = service;
    all->conf = *conf;
    APR_RING_INIT(&all->parked, llmq_gateway_call_t, link);
    rv = apr_thread_mutex_create(&all->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (rv == APR_SUCCESS) {
        rv = llmq_relay_link_create(&all->relay, conf->relay_path, service->streams, p);
    }
    if (rv == APR_SUCCESS) {
        llmq_stream_every(service->streams, TICK, tick, all);
        *pall = all;
    }
    return rv;
}

static int is_empty(llmq_gateway_t *all)
{
    int empty;

    llmq_gateway_call_lock(all);
    empty = !all->n_open;
    llmq_gateway_call_unlock(all);
    return empty;
}

void llmq_gateway_stop(llmq_gateway_t *all)
{
    apr_time_t until;

    while (!is_empty(all) && !llmq_ending_is_over()) {
        apr_sleep(LOOK);
    }
    llmq_gateway_call_lock(all);
    all->stopping = 1;
    llmq_gateway_call_unlock(all);
    until = apr_time_now() + LAST;
    while (!is_empty(all) && apr_time_now() < until) {
        apr_sleep(LOOK);
    }
}

void llmq_gateway_destroy(llmq_gateway_t *all)
{
    llmq_relay_link_destroy(all->relay);
}

int llmq_gateway_keeps_answers(const llmq_gateway_t *all)
{
    return all->conf.max_replay > 0;
}

const llmq_models_t *llmq_gateway_models(const llmq_gateway_t *all)
{
    static const llmq_models_t none;

    return all->conf.models ? all->conf.models : &none;
}

/* ---- one call ---- */

/* Where a request can stay. */
typedef struct {
    int can_park;        /* a place among the streams is its own */
    apr_uint32_t *place; /* its thread may wait; NULL: it may not */
} room_t;

/* The streams' thread, which hears the relay, runs from the first place that was taken. */
static apr_status_t take_room(room_t *room, request_rec *r, const llmq_service_t *service,
                              const llmq_gateway_how_t *how)
{
    apr_status_t rv = llmq_stream_admit(service->streams, LLMQ_STREAM_ANSWER);

    room->place = NULL;
    room->can_park = rv == APR_SUCCESS && llmq_gateway_parked_is_possible(r);
    if (rv == APR_SUCCESS && !room->can_park) {
        llmq_stream_dismiss(service->streams, LLMQ_STREAM_ANSWER);
    }
    if (!room->can_park || (how->linger && !how->request->stream)) {
        room->place = llmq_held_take(service);
    }
    return room->can_park || (room->place && rv != APR_EOF) ? APR_SUCCESS : LLMQ_EFULL;
}

static void leave_room(const room_t *room, const llmq_service_t *service)
{
    llmq_held_give(room->place);
    if (room->can_park) {
        llmq_stream_dismiss(service->streams, LLMQ_STREAM_ANSWER);
    }
}

static int refuse(request_rec *r, llmq_problem_e problem, const char *reason)
{
    llmq_result_t why = {.problem = problem, .reason = reason};

    return llmq_reply_problem(r, &why);
}

/* 1. Whoever takes the job must know that we listen; so that comes first. 2. Stored. */
static int submit(llmq_gateway_call_t *call, request_rec *r,
                  const llmq_service_t *service, llmq_job_t *job, int *panswered)
{
    llmq_result_t why = {0};
    apr_status_t rv = llmq_gateway_ear_open(call);

    *panswered = 1;
    if (rv != APR_SUCCESS) {
        return refuse(r, LLMQ_PROBLEM_SCHEDULER, "the dispatcher cannot be reached");
    }
    rv = llmq_intake_store(r, service, job, &why);
    if (rv != APR_SUCCESS) {
        llmq_gateway_call_cancel(call);
        return rv == LLMQ_EBODY ? llmq_reply_problem(r, &why) : llmq_reply_status(r, rv);
    }
    llmq_idempotency_hand_over(r);
    call->accepted = 1;
    *panswered = 0;
    return OK;
}

/* 3. It may come at once. 4. Else the thread lets go, if it can. */
static int wait_for_it(llmq_gateway_call_t *call, request_rec *r, room_t *room)
{
    apr_interval_time_t linger = room->place ? call->how.linger : 0;

    if (!room->can_park) {
        llmq_gateway_held_sit(call, r, 0);
        return OK;
    }
    if (linger && llmq_gateway_held_sit(call, r, apr_time_now() + linger)) {
        return OK;
    }
    if (llmq_gateway_parked_begin(call, r) == APR_SUCCESS) {
        room->can_park = 0; /* its place is the stream's now */
        return OK;
    }
    if (!room->place) {
        llmq_gateway_call_cancel(call);
        return refuse(r, LLMQ_PROBLEM_QUEUE, "too many requests wait already");
    }
    llmq_gateway_held_sit(call, r, 0);
    return OK;
}

int llmq_gateway_answer(request_rec *r, const llmq_service_t *service, llmq_job_t *job,
                        const llmq_gateway_how_t *how)
{
    llmq_gateway_call_t *call;
    room_t room;
    int answered;
    int rv;

    if (take_room(&room, r, service, how) != APR_SUCCESS) {
        leave_room(&room, service);
        return refuse(r, LLMQ_PROBLEM_QUEUE, "too many requests wait already");
    }
    call = llmq_gateway_call_make(service->gateway, job->id, how);
    if (!call) {
        leave_room(&room, service);
        return llmq_reply_status(r, APR_ENOMEM);
    }
    call->place = room.place;
    rv = submit(call, r, service, job, &answered);
    if (!answered) {
        rv = wait_for_it(call, r, &room);
    }
    room.place = call->place; /* unless it was given back before the answer */
    leave_room(&room, service);
    llmq_gateway_call_drop(call);
    return rv;
}
