/**
 * @file glue_shm.h
 * What all processes of a server share and what outlives a graceful restart: the segments
 * with the queues of messages and of tasks, their mutexes and wake-up pipes, and the list of
 * dispatchers that live.
 *
 *     messages [ llmq_shared_t | padding to 64 | queue (queue/queue_layout.h) ]
 *     tasks    [ queue ]
 *
 * It hangs on the process pool, so children of the old generation and the new one work on
 * the same queue. Only when the configured sizes no longer fit is a new segment made; what
 * the old children still put into the old one is found in the store.
 */
#ifndef LLMQ_GLUE_SHM_H
#define LLMQ_GLUE_SHM_H

#include "core/limiter.h"
#include "core/ledger.h"
#include "core/usage_meter.h"
#include "core/roster.h"
#include "backend/endpoint_board.h"
#include "bus/bus.h"
#include "queue/queue.h"

#include <apr_hash.h>
#include <apr_shm.h>
#include <httpd.h>

/** Dispatchers that can live side by side: the current one and those that wind up. */
#define LLMQ_DISPATCHERS_MAX 64

/** At the start of the segment; all members by atomics. */
typedef struct llmq_shared_t {
    apr_uint32_t alive[LLMQ_DISPATCHERS_MAX]; /* pids, 0 = free */
    apr_uint32_t current;                     /* pid of the one that takes, 0 = none */
    apr_uint32_t deaths;                      /* dispatchers that have ended */
} llmq_shared_t;

/** A queue and what it needs; both queues of a server are such. */
typedef struct llmq_glue_segment_t {
    apr_pool_t *pool; /* of what follows, until the next one is made */
    void *base;       /* what stands before the queue */
    llmq_queue_t *queue;
    apr_global_mutex_t *mutex; /* of the process pool, as are the descriptors */
    apr_file_t *wake_rd;
    apr_file_t *wake_wr;
} llmq_glue_segment_t;

/** One per server process tree; children inherit the pointers. */
typedef struct llmq_glue_shm_t {
    apr_pool_t *pool; /* the process pool */
    llmq_shared_t *shared;
    llmq_glue_segment_t messages;
    llmq_glue_segment_t tasks;
    apr_global_mutex_t *store_mutex; /* SQLite's one writer */
    apr_time_t started_at;
    llmq_limiter_t *limiter; /* callers and their rates */
    llmq_ledger_t *ledger;   /* what keys have used */
    llmq_usage_meter_t *usage_meter;
    llmq_roster_t *roster; /* workers */
    apr_uint32_t *held;    /* places of requests that wait; http/wait.h */
    int n_held;
    apr_hash_t *areas; /* name → further shared memory; see llmq_glue_shm_area() */
    llmq_endpoint_board_t *board; /* one of these: what is known of the backends */
    llmq_bus_t *bus;              /* in another one */
    apr_pool_t *bus_pool;         /* of the bus, until the next one is made */
    apr_size_t bus_ring;          /* what it was made with */
    int relay_fd;                 /* the relay's socket (glue/glue_relay.h) */
    const char *relay_path;       /* where it is; NULL: not made yet */
} llmq_glue_shm_t;

/** The names of the mutexes, for the Mutex directive. */
#define LLMQ_QUEUE_MUTEX "llmq-queue"
#define LLMQ_TASKS_MUTEX "llmq-tasks"
#define LLMQ_STORE_MUTEX "llmq-store"

/**
 * Register the mutex types.
 * @param pconf pool of the configuration
 * @return APR_SUCCESS; other as from httpd
 * @phase pre_config; @threads single
 */
apr_status_t llmq_glue_shm_pre_config(apr_pool_t *pconf);

/**
 * Create what is shared, or find it again after a restart and apply the new limits.
 * @param pg       out
 * @param messages limits of the queue of messages
 * @param tasks    limits of the queue of tasks
 * @param s        the main server
 * @return APR_SUCCESS; else it was logged
 * @phase post_config, second pass
 */
apr_status_t llmq_glue_shm_post_config(llmq_glue_shm_t **pg,
                                       const llmq_queue_conf_t *messages,
                                       const llmq_queue_conf_t *tasks, server_rec *s);

/**
 * Further memory that all processes share and that outlives a graceful restart: counters of
 * requests, the state of backends. It begins zeroed, aligned to 64 bytes, and must work by
 * atomics. If the size differs from that before a restart a new one is made; processes of
 * the old generation keep theirs.
 * @param parea out: the memory
 * @param g     the shared things
 * @param name  static; one area of this name exists
 * @param size  bytes
 * @return APR_SUCCESS; else it was logged
 * @phase post_config, second pass
 */
apr_status_t llmq_glue_shm_area(void **parea, llmq_glue_shm_t *g, const char *name,
                                apr_size_t size);

/**
 * Make the bus, or find it again after a restart; if the size differs a new one is made, and
 * processes of the old generation hear only one another from then on.
 * @param g    the shared things; g->bus is set
 * @param ring as for llmq_bus_size()
 * @return APR_SUCCESS; else it was logged
 * @phase post_config, second pass
 */
apr_status_t llmq_glue_shm_bus(llmq_glue_shm_t *g, apr_size_t ring);

/**
 * Re-attach the mutexes after a fork.
 * @param g the shared things
 * @param p pool of this process
 * @return APR_SUCCESS; else it was logged
 * @phase child_init, dispatcher start
 */
apr_status_t llmq_glue_shm_attach(llmq_glue_shm_t *g, apr_pool_t *p);

/**
 * A child or a dispatcher has ended: it may have stored what it did not put into the queues
 * any more, so both are held against the store.
 * @param g the shared things
 * @threads any; @phase running, in the parent
 */
void llmq_glue_shm_suspect(llmq_glue_shm_t *g);

#endif /* LLMQ_GLUE_SHM_H */
