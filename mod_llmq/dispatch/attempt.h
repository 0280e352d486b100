/**
 * @file attempt.h
 * The record of one attempt: one try to have one job answered. It is created by the drain
 * thread, belongs to the engine while its call is in flight, and to the finisher from its
 * done() on, which destroys it. Its pool has an allocator of its own, so it may travel
 * between threads; the list of attempts in flight is under d->lock.
 */
#ifndef LLMQ_ATTEMPT_H
#define LLMQ_ATTEMPT_H

#include "backend/endpoint.h"
#include "core/app_turn.h"
#include "core/chat.h"
#include "core/run.h"
#include "dispatch/delta.h"
#include "dispatch/dispatch.h"

#include <apr_ring.h>

typedef struct llmq_way_t llmq_way_t; /* dispatch/way.h */

/** One try to have one job answered. */
typedef struct llmq_attempt_t {
    APR_RING_ENTRY(llmq_attempt_t) in_flight; /* under d->lock */
    struct llmq_attempt_t *next;              /* the finisher's list */
    llmq_dispatch_t *d;
    const llmq_way_t *way;       /* of the job's kind */
    llmq_queue_t *queue;         /* where it comes from */
    llmq_endpoints_t *endpoints; /* where it went, with its place */
    apr_pool_t *pool;
    llmq_entry_t entry; /* as taken from the queue */
    apr_time_t begun_at;
    llmq_endpoint_place_t place; /* where its call runs */
    llmq_call_t call;
    llmq_delta_t delta;    /* what is told of the answer while it comes; the engine's */
    llmq_job_t job;        /* what retry and finish need; strings in pool */
    const llmq_run_t *run; /* of a run, else NULL; in pool */
    struct llmq_completing_t *completing; /* of a completion, else NULL; in pool */
    struct llmq_replay_t *replay;   /* of a completion with a key, else NULL; in pool */
    const llmq_agent_conf_t *agent; /* of a run */
    const char *app; /* of a debug turn that is to be remembered, else NULL; in pool */
    struct llmq_app_lesson_t *lesson; /* of a memory, else NULL; in pool */
    int start_written;                /* finisher only */
    int canceled; /* finisher only: withdrawn or overtaken, its end changes nothing */
    int expired;  /* its deadline passed; there is no call; set before it is finished */
    int refused;  /* a run that cannot be begun; there is no call */
    int skipped;  /* there was nothing to do; there is no call */
    int handed_back; /* aborted because the dispatcher ends; set before it is finished */
} llmq_attempt_t;

APR_RING_HEAD(llmq_attempt_ring_t, llmq_attempt_t);

/**
 * @param d     the dispatcher
 * @param entry as taken from the queue; copied
 * @param job   as loaded; what outlives the batch is copied
 * @param past  what is sent before it; copied; NULL: nothing
 * @return the attempt without a backend and without done(); NULL if out of memory
 * @threads the drain thread
 */
llmq_attempt_t *llmq_attempt_create(llmq_dispatch_t *d, const llmq_entry_t *entry,
                                    const llmq_job_t *job, const llmq_chat_past_t *past);

/**
 * The end of an attempt, its call and all that is in its pool.
 * @param a the attempt; not in flight
 * @threads any of the dispatcher
 */
void llmq_attempt_destroy(llmq_attempt_t *a);

/**
 * The piece() of calls whose answers are told while they come.
 * @param call its ctx is the attempt, whose delta has been named
 * @param text as llmq_delta_take()
 * @param len  its bytes
 * @return as llmq_delta_take()
 * @threads the engine's
 */
apr_interval_time_t llmq_attempt_on_piece(llmq_call_t *call, const char *text,
                                          apr_size_t len);

/**
 * Put an attempt on the list in flight. Comes before its call is started.
 * @threads the drain thread
 */
void llmq_attempt_launch(llmq_attempt_t *a);

/**
 * Take an attempt off the list in flight. Comes before the queue hears of its end, so that
 * what is on the list, under d->lock, is certain to be running for the queue.
 * @threads finisher
 */
void llmq_attempt_land(llmq_attempt_t *a);

/**
 * @param d the dispatcher
 * @return attempts in flight, those included whose outcomes are not stored yet
 * @threads any
 */
int llmq_attempt_count(llmq_dispatch_t *d);

#endif /* LLMQ_ATTEMPT_H */
