/**
 * @file levels.h
 * Lists of the queue's levels: `{"queues":[…]` with a record for each.
 * @threads request
 */
#ifndef LLMQ_LEVELS_H
#define LLMQ_LEVELS_H

#include "base/json.h"
#include "http/service.h"
#include "queue/queue.h"

/**
 * Writes the record of one level.
 * @param t      where to
 * @param level  which one
 * @param stats  its figures
 * @param paused non-zero if it is paused
 */
typedef void llmq_levels_put_fn_t(llmq_text_t *t, llmq_level_e level,
                                  const llmq_queue_stats_t *stats, int paused);

/**
 * Begin an object with the list; the caller adds other members and ends it.
 * @param t       out: `{"queues":[…]`, in @a p; untouched unless APR_SUCCESS
 * @param stats   out: LLMQ_LEVEL_COUNT figures, those of all levels at 0
 * @param service the service of this process
 * @param tenant  hash of the tenant
 * @param put     writes a record
 * @param p       pool of the text
 * @return APR_SUCCESS; else as llmq_queue_tenant_stats()
 */
apr_status_t llmq_levels_begin(llmq_text_t *t, llmq_queue_stats_t *stats,
                               const llmq_service_t *service, apr_uint64_t tenant,
                               llmq_levels_put_fn_t *put, apr_pool_t *p);

#endif /* LLMQ_LEVELS_H */
