/**
 * @file support_model.h
 * A plain model of what the queue promises: arrays, scans and no cleverness. The queue is held
 * against it by test_queue_model.c.
 */
#ifndef LLMQ_TEST_SUPPORT_MODEL_H
#define LLMQ_TEST_SUPPORT_MODEL_H

#include "queue/queue_claim.h"

#include "support_queue.h"

#define MODEL_JOBS       150
#define MODEL_TENANTS    3 /* the first two are named, the third is not */
#define MODEL_KEYS       4 /* of each tenant */
#define MODEL_CHAINS     9 /* 0 is none */
#define MODEL_SIZE       24
#define MODEL_CONCURRENT 8
#define MODEL_RESERVE    50
#define MODEL_AGEING     40

enum { MODEL_OWN, MODEL_SHARED, MODEL_NONE }; /* rings */

extern const llmq_queue_tenant_conf_t model_named[2];

typedef struct model_job_t {
    llmq_entry_t e; /* state FREE: not in the queue */
    apr_uint64_t seq;
    apr_time_t ready_at;
    int tenant;
    int key;
    int tried;
    int answered; /* runs no more, waits for its ack */
} model_job_t;

typedef struct model_key_t {
    apr_uint64_t newest;
    apr_uint32_t weight;
    apr_uint32_t credit;
    apr_uint32_t cap;
} model_key_t;

typedef struct model_lane_t {
    model_key_t key[MODEL_KEYS];
    int ring[MODEL_KEYS]; /* keys by turn */
    int ring_len;
    int in;
    int paused;
    int admitted;
    apr_uint32_t credit;
    apr_uint64_t ticket;
    llmq_queue_stats_t stats;
} model_lane_t;

typedef struct model_level_t {
    model_lane_t lane[MODEL_TENANTS];
    int concurrency;
    apr_uint64_t served;
    apr_uint64_t ticket;
} model_level_t;

typedef struct model_t {
    llmq_queue_t *q;
    apr_time_t now;
    apr_uint64_t seq;
    apr_uint64_t turn;
    int most;          /* that run in all levels together */
    int most_of_first; /* likewise, of the first tenant */
    model_job_t job[MODEL_JOBS];
    int chain[MODEL_CHAINS][MODEL_JOBS]; /* jobs in order */
    int chain_len[MODEL_CHAINS];
    model_level_t level[LLMQ_LEVEL_COUNT];
} model_t;

/** What a take lets through, by bit. */
typedef struct model_filter_t {
    unsigned tenants;
    unsigned levels;
    int is_set; /* 0: everything is let through */
} model_filter_t;

/**
 * @param n how many possibilities
 * @return one of 0 … n - 1, by the seed
 */
int model_chance(int n);

/** @return how the queue knows a tenant of the model */
apr_uint64_t model_hash_of(int tenant);

/** @return turns of a tenant's in a row */
apr_uint32_t model_weight_of(int tenant);

/**
 * @param tenant a tenant; negative: all
 * @param level  a level
 * @param state  LLMQ_ENTRY_…
 * @return jobs there in this state
 */
int model_count(const model_t *m, int tenant, int level, int state);

/**
 * @param tenant a tenant; negative: all
 * @param level  a level
 * @return calls there that have no answer yet
 */
int model_calls(const model_t *m, int tenant, int level);

/** @return non-zero if the tenant can have no more waiting at the level */
int model_is_full(const model_t *m, int tenant, int level);

/** @return non-zero if the level has a free place that belongs to nobody */
int model_is_shared_free(const model_t *m, int level);

/** @return the ready job of a key that was put first; -1: none */
int model_first_ready(const model_t *m, int tenant, int level, int key);

/** A key has no turn any more. */
void model_ring_drop(model_lane_t *lane, int key);

/**
 * @param tenant a tenant; negative: all
 * @return the same of all levels together
 */
int model_all_calls(const model_t *m, int tenant);

/** A tenant's calls or limits have changed at a level: which turns it has now. */
void model_settle_lane(model_t *m, int tenant, int level);

/** The calls of a job's key, or its ready jobs, have changed. */
void model_settle_job(model_t *m, int j);

/** The newest job of a key says how the key is served. */
void model_heed(model_t *m, int j);

/** First out of where it counts, then in. */
void model_set_state(model_t *m, int j, int state);

/** A job may run from now on, or from its moment on. */
void model_activate(model_t *m, int j);

/** Out of its chain and into a last state. */
void model_leave(model_t *m, int j, int state);

/** Those whose moment has come are ready, in its order. */
void model_make_due(model_t *m);

/**
 * @param j     which job
 * @param e     as it is put
 * @param flags as of llmq_queue_put()
 */
void model_put(model_t *m, int j, const llmq_entry_t *e, int flags);

/** A job that runs already is another's from now on. */
void model_begin(model_t *m, int j, apr_time_t lease_until);

/** @return the waiting job whose deadline has passed first; -1: none */
int model_first_expired(const model_t *m);

/** Its deadline has passed: it goes to whoever tells so. */
void model_expire(model_t *m, int j);

/* ---- taking (support_model_take.c) ---- */

/** @return the level whose turn it is; 0: nothing can be taken */
int model_next_level(const model_t *m, const model_filter_t *f);

/** Take the next of a level; returns the job. */
int model_take(model_t *m, int level, const model_filter_t *f, apr_time_t lease_until);

#endif /* LLMQ_TEST_SUPPORT_MODEL_H */
