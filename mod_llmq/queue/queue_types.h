/**
 * @file queue_types.h
 * What goes into the shared queue and comes out of it: settings, entries, ends. The words
 * are explained in queue.h.
 */
#ifndef LLMQ_QUEUE_TYPES_H
#define LLMQ_QUEUE_TYPES_H

#include "llmq.h"

#include <apr_pools.h>
#include <apr_time.h>

typedef struct llmq_queue_t llmq_queue_t; /* one per process; points into the segment */

/** Settings of one level. */
typedef struct llmq_queue_level_conf_t {
    apr_uint32_t max_size;       /* waiting entries (ready, blocked, delayed) */
    apr_uint32_t max_concurrent; /* running entries */
} llmq_queue_level_conf_t;

/** A tenant that the settings name. */
typedef struct llmq_queue_tenant_conf_t {
    apr_uint64_t tenant;      /* llmq_id_hash() of its name */
    apr_uint32_t weight;      /* takes in a turn, 1 to 1000; 0 counts as 1 */
    apr_uint32_t max_waiting; /* waiting entries in each level, 0 = the level's bound */
    apr_uint32_t max_running; /* running entries in each level, 0 = the level's bound */
    apr_uint32_t max_running_total; /* in all levels together, 0 = no bound of its own */
} llmq_queue_tenant_conf_t;

/** Settings; filled by cfg/. */
typedef struct llmq_queue_conf_t {
    llmq_queue_level_conf_t level[LLMQ_LEVEL_COUNT]; /* by level, slot 0 unused */
    apr_interval_time_t ageing; /* wait that makes a level one more urgent, 0 = never */
    apr_uint32_t reserve;       /* percent that is divided among the named tenants */
    apr_uint32_t max_running;   /* running entries in all levels together, 0 = no bound */
    apr_uint32_t max_tenants;   /* tenants with a record of their own */
    int no_figures;             /* nobody drains cells (queue_figures.h): fill none */
    const llmq_queue_tenant_conf_t *tenants; /* those named, each once */
    int n_tenants;
} llmq_queue_conf_t;

/**
 * @param conf   settings
 * @return bytes of shared memory that llmq_queue_create() needs; 0 if the sizes overflow
 * @threads any
 */
apr_size_t llmq_queue_segment_size(const llmq_queue_conf_t *conf);

typedef enum {
    LLMQ_ENTRY_FREE = 0,
    LLMQ_ENTRY_READY,
    LLMQ_ENTRY_BLOCKED,
    LLMQ_ENTRY_DELAYED,
    LLMQ_ENTRY_RUNNING
} llmq_entry_state_e;

/** What the queue knows of a job: what a caller puts in, and a copy of what comes out. */
typedef struct llmq_entry_t {
    char id[LLMQ_ID_MAX + 1];
    apr_uint64_t key;    /* llmq_id_hash() of tenant and fairness key, not 0 */
    apr_uint64_t chain;  /* llmq_id_hash() of tenant and conversation, 0 = none */
    apr_uint64_t tenant; /* llmq_id_hash() of the tenant's name */
    apr_uint64_t gate;   /* see queue_gated.h; 0: none, and workers may have it */
    apr_time_t deadline; /* to be taken before this, 0 = none */
    apr_time_t put_at;   /* accepted; waits are counted from here */
    apr_time_t run_at;   /* not before this; 0 or past = now */
    apr_time_t taken_at; /* out: when it was taken, 0 before */
    apr_time_t
        lease_until; /* running: a worker has it until then, see queue_claim.h; 0: a dispatcher has */
    apr_uint32_t attempt; /* the fence, as in the store */
    apr_uint32_t owner;   /* out: process (pid) that took it, 0 = none or unknown */
    apr_uint32_t weight;  /* takes of its key in a turn, 1 to 1000; 0 counts as 1 */
    apr_uint32_t key_cap; /* most of its key that run at once in its level, 0 = no cap */
    unsigned char level;
    unsigned char kind;
    unsigned char state;    /* out: llmq_entry_state_e */
    unsigned char canceled; /* out: cancelled while running */
    unsigned char alone;    /* in: nobody else can know its chain yet */
} llmq_entry_t;

/** How an attempt ended, for the statistics. */
typedef enum {
    LLMQ_ACK_COMPLETED,
    LLMQ_ACK_FAILED, /* failed for good */
    LLMQ_ACK_GONE,   /* withdrawn, or no longer ours: counts nowhere, as does any ack of
                        an entry that was cancelled while it ran */
    LLMQ_ACK_TIMEOUT /* timed out for good: a failure, told apart in the statistics */
} llmq_ack_e;

#endif /* LLMQ_QUEUE_TYPES_H */
