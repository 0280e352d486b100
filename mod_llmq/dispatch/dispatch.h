/**
 * @file dispatch.h
 * The dispatcher: the one process of a server that takes jobs out of the queue, has them
 * answered by backends and writes what became of them.
 *
 * Threads: the *drain* thread takes, loads and starts (dispatch_run.c, the story of a
 * job); the call *engine* runs the calls (backend/); the *finisher* writes outcomes in
 * batches (finisher.c); the process's first thread is the *janitor*: heartbeat, rebuilding
 * the queue, taking over from dead dispatchers, signals (janitor.c). Each thread that
 * talks to the database has a store of its own.
 *
 * Ends in one of two ways. *Drain* (graceful restart): take no more, let the calls in
 * flight finish within conf.grace, then give back the rest. *Stop*: give everything back
 * at once; outcomes that exist already are still written.
 */
#ifndef LLMQ_DISPATCH_H
#define LLMQ_DISPATCH_H

#include "backend/agent.h"
#include "backend/endpoint.h"
#include "bus/bus.h"
#include "bus/redis.h"
#include "bus/relay_frame.h"
#include "core/chat.h"
#include "core/completion.h"
#include "core/model.h"
#include "core/ledger.h"
#include "core/usage_meter.h"
#include "core/price.h"
#include "core/roster.h"
#include "core/webhook_sign.h"
#include "core/task_type.h"
#include "dispatch/pace.h"
#include "queue/queue.h"
#include "store/store.h"

#include <apr_hash.h>

typedef struct llmq_dispatch_t llmq_dispatch_t;

/** What the dispatcher asks of the process around it. */
typedef struct llmq_dispatch_host_t {
    /** @return non-zero while the process @a owner is a dispatcher that lives */
    int (*owner_alive)(void *ctx, apr_uint32_t owner);
    /** @return a number that changes whenever a dispatcher has died */
    apr_uint32_t (*deaths)(void *ctx);
    /** @return non-zero once the server above us is gone */
    int (*orphaned)(void *ctx);
    void *ctx;
} llmq_dispatch_host_t;

/** Whoever does the tasks of one type, over HTTP; filled by cfg/. */
typedef struct llmq_handler_conf_t {
    const char *type;
    const llmq_agent_conf_t *agent;  /* it does runs: type is llmq_run_type(); or NULL */
    llmq_backend_conf_t to;          /* of tasks: of kind http */
    const llmq_webhook_keys_t *keys; /* requests are signed with; NULL: they are not */
    const apr_uint64_t *lanes;       /* of its type in the queue of tasks: all tenants */
    int n_lanes;
} llmq_handler_conf_t;

/** Settings of notices; filled by cfg/. */
typedef struct llmq_courier_conf_t {
    const llmq_egress_t *allow;  /* where they may go */
    apr_hash_t *keys;            /* tenant, "" for all others → llmq_webhook_keys_t * */
    llmq_retry_notice_t retry;   /* how often */
    apr_interval_time_t timeout; /* of one try */
    int concurrency;             /* most at once; 0: none are delivered here */
    int per_host;                /* most at once of one receiver, > 0 */
} llmq_courier_conf_t;

/** Nobody listens to the job @a id any more. */
typedef void llmq_dispatch_left_fn_t(void *dispatch, const char *id);

/** Those who wait for the answers of completions, as the dispatcher reaches them: its side
 * of the relay (bus/relay.h), which has a function for each of these. */
typedef struct llmq_dispatch_ears_t {
    /** Begin; call @a left whenever somebody went away. The first call. */
    apr_status_t (*open)(void *ctx, llmq_dispatch_left_fn_t *left, void *dispatch,
                         apr_pool_t *p);
    /** @return as llmq_relay_listens() */
    apr_status_t (*listens)(void *ctx, const char *id);
    /** @return as llmq_relay_send() */
    apr_status_t (*send)(void *ctx, const char *id, llmq_relay_type_e type,
                         const char *data, apr_size_t len);
    /** @return as llmq_relay_send_end() */
    apr_status_t (*end)(void *ctx, const char *id, const llmq_relay_end_t *end);
    /** @return as llmq_relay_is_full() */
    int (*is_full)(void *ctx, const char *id);
    apr_size_t room;          /* bytes of pieces that may wait for one; 0: any number */
    void (*leave)(void *ctx); /* llmq_relay_leave() */
    void (*close)(void *ctx); /* the last call: llmq_relay_destroy() */
    void *ctx;
} llmq_dispatch_ears_t;

/** Settings; filled by cfg/ and glue/. */
typedef struct llmq_dispatch_conf_t {
    llmq_retry_conf_t retry;
    int max_deliveries; /* that may end without a word, > 0 */
    const llmq_backend_conf_t *const *backends;
    int n_backends;
    llmq_endpoint_conf_t endpoint;    /* its writer is filled by the dispatcher */
    const llmq_models_t *models;      /* of completions; NULL: none */
    const llmq_dispatch_ears_t *ears; /* of their listeners; NULL: nobody listens */
    apr_size_t replay_max; /* bytes of an answer that is kept for its key; 0: none is */
    int batch;             /* most jobs of one take, > 0 */
    const llmq_task_types_t *task_types;  /* NULL: none */
    llmq_chat_conf_t chat;                /* how much of what was said before is sent */
    apr_interval_time_t cleanup_interval; /* between two clean-ups; 0 = never */
    apr_interval_time_t session_ttl; /* from the last change of a session; 0 = for ever */
    apr_interval_time_t completion_ttl; /* from the end of a completion; 0 = for ever */
    llmq_pace_conf_t pace;
    llmq_courier_conf_t courier;
    const llmq_handler_conf_t *const *handlers;
    int n_handlers;
    apr_interval_time_t
        grace;             /* time for calls in flight when draining; 0 = until done */
    llmq_roster_t *roster; /* of workers; NULL: nobody is counted */
    llmq_roster_conf_t workers;
    llmq_ledger_t *ledger;           /* what keys have used; NULL: nothing is limited */
    llmq_usage_meter_t *usage_meter; /* NULL: nothing is counted there */
    const llmq_price_conf_t *prices; /* of models */
    int n_prices;
    llmq_bus_t *bus;                /* NULL: nobody is told anything */
    const llmq_redis_conf_t *redis; /* links the bus to other nodes; NULL: it is not */
    apr_interval_time_t
        delta_interval; /* between two pieces of an answer told; 0: none */
    llmq_store_conf_t store;
    const char *db_driver; /* apr_dbd driver name */
    const char *db_params; /* its connection string, never logged */
} llmq_dispatch_conf_t;

/** The shared queues, their mutexes re-attached in this process. */
typedef struct llmq_dispatch_queues_t {
    llmq_queue_t *messages;
    llmq_queue_t *tasks;
} llmq_dispatch_queues_t;

/**
 * @param pd     out
 * @param queues what there is to do; copied
 * @param conf   settings; borrowed
 * @param host   the process around; copied
 * @param p      pool, as long as the dispatcher
 * @return APR_SUCCESS; else threads or the engine could not be started
 * @phase dispatcher; @threads single
 */
apr_status_t llmq_dispatch_create(llmq_dispatch_t **pd,
                                  const llmq_dispatch_queues_t *queues,
                                  const llmq_dispatch_conf_t *conf,
                                  const llmq_dispatch_host_t *host, apr_pool_t *p);

/**
 * Work until told to drain or stop, or until orphaned; then wind up. The janitor's loop.
 * @param d the dispatcher
 * @phase dispatcher; @threads the first thread
 */
void llmq_dispatch_work(llmq_dispatch_t *d);

/**
 * Take no more and end when the calls in flight have.
 * @param d the dispatcher
 * @threads any, signal handlers too
 */
void llmq_dispatch_drain(llmq_dispatch_t *d);

/**
 * End now.
 * @param d the dispatcher
 * @threads any, signal handlers too
 */
void llmq_dispatch_stop(llmq_dispatch_t *d);

#endif /* LLMQ_DISPATCH_H */
