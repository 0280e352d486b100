/**
 * @file steward.h
 * Applies the settings that are made while the server runs to the shared queue: paused
 * levels and maintenance, of every tenant. They live in the store; the queue holds a copy
 * that is lost with the segment and does not hear of other nodes' changes.
 */
#ifndef LLMQ_STEWARD_H
#define LLMQ_STEWARD_H

#include "core/task_type.h"
#include "queue/queue.h"
#include "store/store.h"

typedef struct llmq_steward_t llmq_steward_t;

/**
 * @param queue    the shared queue
 * @param store    the store of the calling thread
 * @param interval how often to look for what other nodes changed, > 0
 * @param p        pool, as long as the steward
 * @return the steward, which has applied nothing yet
 * @phase dispatcher; @threads the first
 */
llmq_steward_t *llmq_steward_create(llmq_queue_t *queue, llmq_store_t *store,
                                    apr_interval_time_t interval, apr_pool_t *p);

/**
 * A paused level is one of tasks, too.
 * @param s     the steward, before its first tick
 * @param tasks their queue
 * @param types those there are; borrowed
 * @threads the dispatcher's first
 */
void llmq_steward_add_tasks(llmq_steward_t *s, llmq_queue_t *tasks,
                            const llmq_task_types_t *types);

/**
 * Apply the settings if one was changed since the last time, or the interval is over; tell
 * the other processes of this server of another node's change.
 * @param s the steward
 * @return APR_SUCCESS the queue is as the settings say; LLMQ_ESTORE call again
 * @threads the dispatcher's first; blocks for the database only then
 */
apr_status_t llmq_steward_tick(llmq_steward_t *s);

#endif /* LLMQ_STEWARD_H */
