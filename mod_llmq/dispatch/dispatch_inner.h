/**
 * @file dispatch_inner.h
 * The dispatcher from the inside: its record, and what its threads share. Only dispatch/
 * includes this.
 */
#ifndef LLMQ_DISPATCH_INNER_H
#define LLMQ_DISPATCH_INNER_H

#include "backend/endpoint.h"
#include "base/stash.h"
#include "dispatch/attempt.h"
#include "dispatch/bridge.h"
#include "dispatch/courier.h"
#include "dispatch/finisher.h"
#include "dispatch/handlers.h"
#include "dispatch/places.h"

#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

/** What the dispatcher was asked to do; only ever rises. */
enum { LLMQ_ASKED_NOTHING = 0, LLMQ_ASKED_DRAIN = 1, LLMQ_ASKED_STOP = 2 };

/** What one thread takes: the messages for backends, or the tasks for handlers. */
typedef struct llmq_line_t {
    llmq_dispatch_t *d;
    llmq_queue_t *queue;
    llmq_handlers_t *handlers;  /* NULL: work for the backends */
    llmq_store_t *store;        /* the thread's */
    apr_thread_t *thread;       /* NULL: nothing is taken */
    apr_thread_mutex_t *taking; /* from a take until its attempts are in flight */
} llmq_line_t;

struct llmq_dispatch_t {
    llmq_queue_t *queue; /* messages */
    llmq_queue_t *tasks;
    const llmq_dispatch_conf_t *conf;
    const llmq_way_t *ways; /* by kind */
    llmq_dispatch_host_t host;
    apr_pool_t *pool;   /* first thread only once the others run */
    apr_uint32_t owner; /* our pid: who runs an entry */
    llmq_endpoints_t *endpoints;
    llmq_places_t *places; /* of the endpoints; the taker's of messages */
    llmq_engine_t *engine;
    llmq_finisher_t *finisher;
    llmq_courier_t *courier;
    llmq_pace_t *pace;
    llmq_bus_t *bus; /* as in conf */
    llmq_bridge_t *bridge;
    llmq_stash_t *attempts; /* their pools */
    llmq_store_t *janitor_store;
    llmq_line_t line[LLMQ_KIND_COUNT]; /* by kind */
    apr_thread_mutex_t *lock; /* guards the two below; comes after a line's taking */
    struct llmq_attempt_ring_t in_flight;
    int in_flight_count;
    _Atomic(int) asked;      /* set by signal handlers */
    apr_uint32_t winding_up; /* atomic: calls that fail now are handed back */
};

/**
 * @param d    the dispatcher
 * @param kind of a job
 * @return the queue that holds it
 * @threads any of the dispatcher
 */
llmq_queue_t *llmq_dispatch_inner_queue(const llmq_dispatch_t *d, llmq_kind_e kind);

/**
 * @param d    the dispatcher
 * @param kind of a job; one that nobody knows is that of none
 * @return its way (dispatch/way.h)
 * @threads any of the dispatcher
 */
const llmq_way_t *llmq_dispatch_inner_way(const llmq_dispatch_t *d, llmq_kind_e kind);

/**
 * A pool with an allocator of its own, for one thread; goes with @a p.
 * @return the pool; NULL if out of memory
 * @phase dispatcher; @threads the first
 */
apr_pool_t *llmq_dispatch_inner_pool(apr_pool_t *p);

/**
 * @return a store with a connection and a pool of its own, for one thread; NULL if out of
 *         memory
 * @phase dispatcher; @threads the first
 */
llmq_store_t *llmq_dispatch_inner_store(llmq_dispatch_t *d, apr_pool_t *p);

/**
 * There may be something to do that nobody was woken for: all takers look.
 * @param d the dispatcher
 * @threads any of the dispatcher, signal handlers too
 */
void llmq_dispatch_inner_wake(llmq_dispatch_t *d);

/**
 * Sleep, but not past being asked to drain or stop.
 * @param d     the dispatcher
 * @param limit microseconds
 * @threads any of the dispatcher
 */
void llmq_dispatch_inner_pause(llmq_dispatch_t *d, apr_interval_time_t limit);

#endif /* LLMQ_DISPATCH_INNER_H */
