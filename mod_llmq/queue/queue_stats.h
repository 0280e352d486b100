/**
 * @file queue_stats.h
 * Accounts of levels and lanes, private to queue/ but for llmq_queue_stats() and
 * llmq_queue_tenant_stats(). Everything is counted in both. The wait of an entry
 * is counted once, when it is taken for the first time: from put_at, or from run_at if it
 * was delayed at first. Later attempts are the back-off's doing, not the queue's. Clocks
 * may step back; a negative time counts as none.
 */
#ifndef LLMQ_QUEUE_STATS_H
#define LLMQ_QUEUE_STATS_H

#include "queue/queue_layout.h"

/**
 * An entry is being taken; call before llmq_queue_entry_start().
 * @param q    the queue
 * @param slot the entry
 * @param now  the present
 * @threads locked
 */
void llmq_queue_stats_taken(llmq_queue_t *q, const llmq_queue_slot_t *slot,
                            apr_time_t now);

/**
 * Count an end.
 * @param q      the queue
 * @param tenant hash of its name
 * @param level  its level
 * @param how    how it ended; LLMQ_ACK_GONE counts nowhere
 * @threads locked
 */
void llmq_queue_stats_count(llmq_queue_t *q, apr_uint64_t tenant, apr_uint32_t level,
                            llmq_ack_e how);

/**
 * A running entry has ended for good. One that was cancelled counts nowhere.
 * @param q    the queue
 * @param slot the entry
 * @param how  how its last attempt ended
 * @param now  the present
 * @threads locked
 */
void llmq_queue_stats_ended(llmq_queue_t *q, const llmq_queue_slot_t *slot,
                            llmq_ack_e how, apr_time_t now);

/**
 * llmq_queue_tenant_stats(), which stands beside the table of tenants.
 * @param stats  out: array of LLMQ_LEVEL_COUNT
 * @param q      the queue
 * @param tenant hash of its name
 * @return APR_SUCCESS; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_stats_of(llmq_queue_stats_t *stats, llmq_queue_t *q,
                                 apr_uint64_t tenant);

#endif /* LLMQ_QUEUE_STATS_H */
