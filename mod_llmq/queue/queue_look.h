/**
 * @file queue_look.h
 * Looking into the shared queue (queue.h): single entries, what runs, figures of levels and
 * tenants, what is due, who has ended.
 */
#ifndef LLMQ_QUEUE_LOOK_H
#define LLMQ_QUEUE_LOOK_H

#include "queue/queue_types.h"

/** A level's figures. */
typedef struct llmq_queue_stats_t {
    apr_uint32_t ready;
    apr_uint32_t blocked;
    apr_uint32_t delayed;
    apr_uint32_t running; /* without those that are answered */
    apr_uint32_t max_size;
    apr_uint32_t max_concurrent;
    apr_uint32_t concurrency; /* what holds now, 1 to max_concurrent */
    apr_uint32_t paused;      /* non-zero: nothing is taken; of one tenant only */
    apr_uint64_t total_put;   /* each entry once, also if a reset made it be put again */
    apr_uint64_t total_completed;
    apr_uint64_t total_failed;     /* timeouts too */
    apr_uint64_t total_taken;      /* taken for the first time; retries are not counted */
    apr_interval_time_t wait_sum;  /* of those, put (or first run_at) to take */
    apr_interval_time_t wait_max;  /* largest of those */
    apr_interval_time_t wait_ewma; /* moving mean, weight 1/16 */
    apr_interval_time_t run_ewma;  /* moving mean of take to answer, weight 1/16 */
} llmq_queue_stats_t;

/**
 * @param out out: a copy of the entry; may be NULL
 * @return APR_SUCCESS; APR_NOTFOUND; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_find(llmq_entry_t *out, llmq_queue_t *q, const char *id);

/**
 * Copy the running entries, of all owners or of one.
 * @param out   array, in @a p
 * @param pn    out: their number
 * @param owner a pid, or 0 for all
 * @return APR_SUCCESS; APR_EINCOMPLETE
 * @threads any; O(running), for take-over and status only
 */
apr_status_t llmq_queue_running(llmq_entry_t **out, int *pn, llmq_queue_t *q,
                                apr_uint32_t owner, apr_pool_t *p);

/**
 * How long until the next delayed entry is due.
 * @return microseconds, 0 when one is due, -1 when none waits
 * @threads any
 */
apr_interval_time_t llmq_queue_next_due(llmq_queue_t *q);

/**
 * @param stats out: array of LLMQ_LEVEL_COUNT, by level; slot 0 is the sum, with the
 *              largest wait_max and the means weighted by their numbers of samples
 * @return APR_SUCCESS; APR_EINCOMPLETE (figures are zero)
 * @threads any
 */
apr_status_t llmq_queue_stats(llmq_queue_stats_t *stats, llmq_queue_t *q);

/**
 * One tenant's part of llmq_queue_stats(): limits are the levels', all else its own.
 * @param stats  out: array of LLMQ_LEVEL_COUNT, as llmq_queue_stats() fills it
 * @param q      the queue
 * @param tenant hash of its name; one that was never seen has zeros
 * @return APR_SUCCESS; APR_EINCOMPLETE (figures are zero)
 * @threads any
 */
apr_status_t llmq_queue_tenant_stats(llmq_queue_stats_t *stats, llmq_queue_t *q,
                                     apr_uint64_t tenant);

#endif /* LLMQ_QUEUE_LOOK_H */
