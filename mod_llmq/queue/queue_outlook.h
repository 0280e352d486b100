/**
 * @file queue_outlook.h
 * How much waits before whom, for estimates: a look at several tenants' lanes at once.
 */
#ifndef LLMQ_QUEUE_OUTLOOK_H
#define LLMQ_QUEUE_OUTLOOK_H

#include "queue/queue_claim.h"

/** What was seen. Array slots of tenants are in the order in which they were listed. */
typedef struct llmq_queue_outlook_t {
    int n_tenants;
    apr_uint32_t ready[LLMQ_LEVEL_COUNT]; /* of all listed, by level */
    apr_uint32_t slots[LLMQ_LEVEL_COUNT]; /* most that run at once: the queue's bound, the
                                             level's, or what runs where more is ready */
    apr_uint32_t ready_of[LLMQ_QUEUE_FILTER_MAX][LLMQ_LEVEL_COUNT]; /* of one */
    apr_uint32_t slots_of[LLMQ_QUEUE_FILTER_MAX]; /* its own bound, 0 = none */
    apr_interval_time_t
        mean_of[LLMQ_QUEUE_FILTER_MAX]; /* of an attempt; 0 = none ended */
} llmq_queue_outlook_t;

/**
 * Look, under one lock.
 * @param o       out
 * @param q       the queue
 * @param tenants hashes of their names, up to LLMQ_QUEUE_FILTER_MAX
 * @param n       their number
 * @return APR_SUCCESS; APR_EINVAL too many; APR_EINCOMPLETE damaged (all zero)
 * @threads any
 */
apr_status_t llmq_queue_outlook(llmq_queue_outlook_t *o, llmq_queue_t *q,
                                const apr_uint64_t *tenants, int n);

/**
 * How long until an entry that is ready begins to run, if all goes on as it does.
 * @param o     what was seen
 * @param at    which of the tenants it is of
 * @param level its level
 * @param place its place among the ready ones of its level, from 1
 * @return microseconds; 0 where nothing is known of what is before it
 * @threads any
 */
apr_interval_time_t llmq_queue_outlook_wait(const llmq_queue_outlook_t *o, int at,
                                            llmq_level_e level, apr_uint32_t place);

#endif /* LLMQ_QUEUE_OUTLOOK_H */
