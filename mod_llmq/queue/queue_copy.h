/**
 * @file queue_copy.h
 * Many entries as they are at one moment. Memory is not allocated under the lock: they are
 * counted first, then copied, and once more if there are more by then.
 */
#ifndef LLMQ_QUEUE_COPY_H
#define LLMQ_QUEUE_COPY_H

#include "queue/queue.h"

/**
 * Copy what there is room for.
 * @param out  the copies
 * @param room how many of them may be written
 * @param q    the queue
 * @param ctx  of llmq_queue_copy()
 * @return how many there are
 * @threads locked
 */
typedef int llmq_queue_copy_fn_t(llmq_entry_t *out, int room, llmq_queue_t *q,
                                 const void *ctx);

/**
 * @param out out: the entries, in @a p; NULL for none; untouched unless APR_SUCCESS
 * @param pn  out: their number
 * @param q   the queue
 * @param fn  finds them; called at least once
 * @param ctx for @a fn
 * @param p   pool of the entries
 * @return APR_SUCCESS; else as llmq_queue_lock_enter()
 * @threads any
 */
apr_status_t llmq_queue_copy(llmq_entry_t **out, int *pn, llmq_queue_t *q,
                             llmq_queue_copy_fn_t *fn, const void *ctx, apr_pool_t *p);

#endif /* LLMQ_QUEUE_COPY_H */
