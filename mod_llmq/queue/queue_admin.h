/**
 * @file queue_admin.h
 * What operators and settings do to the shared queue (queue.h): pauses, flags, concurrency,
 * totals, and the word that a setting has changed.
 */
#ifndef LLMQ_QUEUE_ADMIN_H
#define LLMQ_QUEUE_ADMIN_H

#include "queue/queue_types.h"

/**
 * Stop or resume takes of a tenant's entries in a level. Everything else goes on: puts,
 * delays, deadlines, cancels, and what runs.
 * @param q      the queue
 * @param tenant hash of its name
 * @param level  the level
 * @param on     non-zero: stop
 * @return APR_SUCCESS; APR_EINVAL no such level; other: the mutex failed
 * @threads any
 */
apr_status_t llmq_queue_pause(llmq_queue_t *q, apr_uint64_t tenant, llmq_level_e level,
                              int on);

/**
 * @param q      the queue
 * @param tenant hash of its name
 * @param level  the level
 * @return non-zero if the tenant's entries of that level are not taken
 * @threads any; lock-free
 */
int llmq_queue_is_paused(llmq_queue_t *q, apr_uint64_t tenant, llmq_level_e level);

#define LLMQ_TENANT_MAINTENANCE 1 /* nothing new is accepted; http/ refuses it */

/**
 * Set what llmq_queue_flags() tells; the queue itself does not act on it.
 * @param q      the queue
 * @param tenant hash of its name
 * @param flags  LLMQ_TENANT_… or 0
 * @threads any
 */
void llmq_queue_set_flags(llmq_queue_t *q, apr_uint64_t tenant, apr_uint32_t flags);

/**
 * @param q      the queue
 * @param tenant hash of its name
 * @return LLMQ_TENANT_…, 0 for a tenant that was never seen
 * @threads any; lock-free
 */
apr_uint32_t llmq_queue_flags(llmq_queue_t *q, apr_uint64_t tenant);

/**
 * Set how many entries of a level may run, within its max_concurrent; what runs already
 * goes on. llmq_queue_configure() sets it back.
 * @param q     the queue
 * @param level the level
 * @param n     brought between 1 and max_concurrent
 * @return APR_SUCCESS; APR_EINVAL no such level; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_set_concurrency(llmq_queue_t *q, llmq_level_e level,
                                        apr_uint32_t n);

/**
 * Count an end in the totals alone; llmq_queue_figures_tell() counts one that the queue
 * did not see.
 * @param q      the queue
 * @param tenant hash of its name
 * @param level  its level
 * @param how    COMPLETED, FAILED or TIMEOUT
 * @return APR_SUCCESS; APR_EINVAL no such level; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_count(llmq_queue_t *q, apr_uint64_t tenant, llmq_level_e level,
                              llmq_ack_e how);

/** What a level of a tenant has brought about, as the store tells. */
typedef struct llmq_queue_totals_t {
    apr_uint64_t completed;
    apr_uint64_t failed;
} llmq_queue_totals_t;

/**
 * Set the totals that outlive the segment (from the store).
 * @param q      the queue
 * @param tenant hash of its name
 * @param level  the level
 * @param totals what they are from now on
 * @return APR_SUCCESS; APR_EINVAL no such level; APR_EINCOMPLETE
 * @threads any
 */
apr_status_t llmq_queue_set_totals(llmq_queue_t *q, apr_uint64_t tenant,
                                   llmq_level_e level, const llmq_queue_totals_t *totals);

/**
 * Settings live in the store; this counter says that one was changed.
 * @param q the queue
 * @return a number that changes with each llmq_queue_settings_changed()
 * @threads any; lock-free
 */
apr_uint32_t llmq_queue_settings_version(llmq_queue_t *q);

/**
 * A setting was stored: all processes of this server load theirs again.
 * @param q the queue
 * @threads any; lock-free
 */
void llmq_queue_settings_changed(llmq_queue_t *q);

#endif /* LLMQ_QUEUE_ADMIN_H */
