/**
 * @file dispatch_run.h
 * The dispatcher from the inside: its record, the record of one attempt, and the drain
 * thread. An attempt is created by the drain thread, belongs to the engine while its call
 * is in flight, and to the finisher from its done() on, which destroys it. Its pool has an
 * allocator of its own, so it may travel between threads; the list of attempts in flight
 * is under d->lock.
 */
#ifndef LLMQ_DISPATCH_RUN_H
#define LLMQ_DISPATCH_RUN_H

#include "backend/endpoint.h"
#include "dispatch/dispatch.h"

#include <apr_ring.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

typedef struct llmq_finisher_t llmq_finisher_t;

/** One try to have one job answered. */
typedef struct llmq_attempt_t {
    APR_RING_ENTRY(llmq_attempt_t) in_flight; /* under d->lock */
    struct llmq_attempt_t *next;              /* the finisher's list */
    llmq_dispatch_t *d;
    apr_pool_t *pool;
    llmq_entry_t entry; /* as taken from the queue */
    apr_time_t begun_at;
    llmq_call_t call;
    llmq_job_t job;    /* what retry and finish need; strings in pool */
    int start_written; /* finisher only */
    int canceled;    /* finisher only: withdrawn or overtaken, its end changes nothing */
    int handed_back; /* aborted because the dispatcher ends; set before it is finished */
} llmq_attempt_t;

APR_RING_HEAD(llmq_attempt_ring_t, llmq_attempt_t);

/** What the dispatcher was asked to do; only ever rises. */
enum { LLMQ_ASKED_NOTHING = 0, LLMQ_ASKED_DRAIN = 1, LLMQ_ASKED_STOP = 2 };

struct llmq_dispatch_t {
    llmq_queue_t *queue;
    const llmq_dispatch_conf_t *conf;
    llmq_dispatch_host_t host;
    apr_pool_t *pool;   /* first thread only once the others run */
    apr_uint32_t owner; /* our pid: who runs an entry */
    llmq_endpoints_t *endpoints;
    llmq_engine_t *engine;
    llmq_finisher_t *finisher;
    llmq_store_t *drain_store;
    llmq_store_t *janitor_store;
    apr_thread_t *drain_thread;
    apr_thread_mutex_t *taking; /* from a take until its attempts are in flight */
    apr_thread_mutex_t *lock;   /* guards the two below; comes after taking */
    struct llmq_attempt_ring_t in_flight;
    int in_flight_count;
    _Atomic(int) asked;      /* set by signal handlers */
    apr_uint32_t winding_up; /* atomic: calls that fail now are handed back */
};

/**
 * A pool with an allocator of its own, for one thread; goes with @a p.
 * @return the pool; NULL if out of memory
 * @phase dispatcher; @threads the first
 */
apr_pool_t *llmq_dispatch_run_pool(apr_pool_t *p);

/**
 * @return a store with a connection and a pool of its own, for one thread; NULL if out of
 *         memory
 * @phase dispatcher; @threads the first
 */
llmq_store_t *llmq_dispatch_run_store(llmq_dispatch_t *d, apr_pool_t *p);

/**
 * The drain thread: take, load, choose, start, until asked to end.
 * @param thread itself
 * @param data   the llmq_dispatch_t
 * @return NULL
 * @threads the drain thread
 */
void *APR_THREAD_FUNC llmq_dispatch_run_drain(apr_thread_t *thread, void *data);

/**
 * Take an attempt off the list in flight. Comes before the queue hears of its end, so that
 * what is on the list, under d->lock, is certain to be running for the queue.
 * @threads finisher
 */
void llmq_dispatch_run_land(llmq_attempt_t *a);

/**
 * Sleep, but not past being asked to drain or stop.
 * @param d     the dispatcher
 * @param limit microseconds
 * @threads any of the dispatcher
 */
void llmq_dispatch_run_pause(llmq_dispatch_t *d, apr_interval_time_t limit);

/**
 * @param d the dispatcher
 * @return attempts in flight, those included whose outcomes are not stored yet
 * @threads any
 */
int llmq_dispatch_run_count(llmq_dispatch_t *d);

#endif /* LLMQ_DISPATCH_RUN_H */
