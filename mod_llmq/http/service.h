/**
 * @file service.h
 * What the handlers of one process work with: the shared queue, the store and its
 * committer. glue/ fills it in child_init; it does not change afterwards.
 */
#ifndef LLMQ_SERVICE_H
#define LLMQ_SERVICE_H

#include "backend/endpoint_board.h"
#include "base/stream.h"
#include "core/chat.h"
#include "core/job.h"
#include "core/keycache.h"
#include "bus/bus.h"
#include "bus/redis.h"
#include "core/limiter.h"
#include "core/roster.h"
#include "core/run.h"
#include "core/task_type.h"
#include "core/ledger.h"
#include "core/usage_meter.h"
#include "queue/queue.h"
#include "store/store_lease.h"
#include "store/store_lease_claim.h"

typedef struct llmq_service_t {
    llmq_queue_t *queue; /* messages */
    llmq_queue_t *tasks;
    llmq_store_t *store;
    llmq_commit_t *commit;   /* new jobs */
    llmq_commit_t *claims;   /* jobs for workers */
    llmq_commit_t *changes;  /* what workers say of them */
    llmq_commit_t *appends;  /* messages of sessions */
    llmq_lease_conf_t lease; /* what becomes of what workers leave */
    const llmq_task_types_t *task_types;
    const llmq_chat_conf_t *chat; /* how much of a conversation goes with a message */
    llmq_keycache_t *keys;        /* API keys seen lately */
    const llmq_endpoint_board_t *board; /* what the dispatcher knows of the backends */
    const llmq_backend_conf_t *const *backends;
    int n_backends;
    const llmq_run_agent_t *agents; /* of sessions */
    int n_agents;
    apr_time_t started_at; /* of the server, not of the child */
    int has_dispatcher;    /* LLMQDispatcher On */
    int (*dispatcher_alive)(void);
    apr_uint32_t (*dispatcher_deaths)(void); /* so far; those told to end, too */
    llmq_limiter_t *limiter;                 /* of all children */
    llmq_ledger_t *ledger;                   /* likewise */
    llmq_usage_meter_t *usage_meter;         /* likewise */
    llmq_roster_t *roster;                   /* workers, likewise */
    apr_interval_time_t worker_timeout;      /* silent for longer: stopped */
    apr_uint32_t *held; /* places of requests that wait (http/wait.h); atomics */
    int n_held;
    llmq_streams_t *streams; /* parked responses (http/park.h) */
    struct llmq_claimants_t *claimants;
    struct llmq_waiters_t *waiters;
    struct llmq_hub_t *hub;         /* event streams */
    struct llmq_gateway_t *gateway; /* completions */
    llmq_redis_t *redis;            /* NULL: not configured */
    llmq_bus_t *bus;                /* of all processes */
} llmq_service_t;

/**
 * @return the service of this process; NULL while the module is not configured
 * @phase child; @threads any
 */
const llmq_service_t *llmq_service_get(void);

/**
 * @param service what llmq_service_get() answers from now on
 * @phase child; @threads single
 */
void llmq_service_set(const llmq_service_t *service);

/**
 * @param service the service
 * @param kind    of a job
 * @return the queue that holds it
 * @threads any
 */
llmq_queue_t *llmq_service_queue(const llmq_service_t *service, llmq_kind_e kind);

/** What a call of the committer for new jobs carries: their entries for the queue. */
typedef struct llmq_service_new_t {
    int n;
    llmq_entry_t one;   /* of a single job */
    llmq_entry_t *many; /* of several, with malloc(); NULL else */
} llmq_service_new_t;

/**
 * Make the entries of jobs that are stored together.
 * @param news out; after llmq_store_commit_write() has returned APR_SUCCESS the caller
 *             frees news->many, else the committer does
 * @param jobs the jobs
 * @param n    their number, > 0
 * @return APR_SUCCESS; APR_ENOMEM
 * @threads any
 */
apr_status_t llmq_service_new_init(llmq_service_new_t *news, llmq_job_t *const *jobs,
                                   int n);

/**
 * The committer's function for new jobs: rows are llmq_store_job_row() texts. Where all are
 * completions they are stored without waiting for the disk: what is promised to a caller of
 * the gateway is its answer, and nobody waits for that any more once the machine has died.
 * @param store  where to
 * @param rows   JSON array
 * @param things llmq_service_new_t, in order
 * @param n      their number
 * @param p      scratch
 * @return as llmq_store_job_insert()
 * @threads the committer; under prefork the request
 */
apr_status_t llmq_service_store(llmq_store_t *store, const char *rows,
                                void *const *things, int n, apr_pool_t *p);

/**
 * The committer's done function: puts entries (the things are llmq_service_new_t) into
 * their queues, as many under one lock as follow one another.
 * @param ctx    the llmq_service_t
 * @param things llmq_service_new_t, in stored order
 * @param n      their number
 * @threads the committer; under prefork the request
 */
void llmq_service_committed(void *ctx, void *const *things, int n);

/**
 * The committer's drop function: frees what a call carried that has failed.
 * @param ctx   the llmq_service_t
 * @param thing llmq_service_new_t
 * @threads the committer, the request
 */
void llmq_service_dropped(void *ctx, void *thing);

/**
 * A job has changed in the store, or a dispatcher has begun it: whoever has a stream open
 * for it hears. Costs next to nothing while nobody has.
 * @param service the service
 * @param job     its kind, tenant, id and chain
 * @threads any
 */
void llmq_service_tell(const llmq_service_t *service, const llmq_job_t *job);

/**
 * How long a message put now will wait, from its tenant's backlog in its and all higher
 * levels and the mean time of an attempt. Looked up at most ten times a second.
 * @param service the service
 * @param tenant  hash of its tenant's name
 * @param level   its level
 * @return microseconds
 * @threads any
 */
apr_interval_time_t llmq_service_estimate(const llmq_service_t *service,
                                          apr_uint64_t tenant, llmq_level_e level);

#endif /* LLMQ_SERVICE_H */
