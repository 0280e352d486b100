/**
 * @file tally.h
 * Adds what the queue has counted (queue/queue_figures.h) to the sums in the store
 * (store/store_stat.h), every two seconds, by minute and by ten of them. A batch of cells
 * stays in the segment until it is stored, so the database may be away and dispatchers may
 * die in between; its number, stored with the sums, keeps it from counting twice.
 */
#ifndef LLMQ_TALLY_H
#define LLMQ_TALLY_H

#include "queue/queue.h"
#include "store/store.h"

typedef struct llmq_tally_t llmq_tally_t;

/**
 * @param queue the shared queue
 * @param store of the thread that will call
 * @param p     pool, as long as the tally
 * @return the tally; NULL if out of memory
 * @phase dispatcher; @threads the first thread
 */
llmq_tally_t *llmq_tally_create(llmq_queue_t *queue, llmq_store_t *store, apr_pool_t *p);

/**
 * Store what is due, and remove what is too old.
 * @param t the tally
 * @return APR_SUCCESS; LLMQ_ESTORE, APR_EINCOMPLETE: what was counted is kept
 * @threads the first thread
 */
apr_status_t llmq_tally_tick(llmq_tally_t *t);

/**
 * Store all there is, as the segment is about to go.
 * @param t the tally
 * @return as llmq_tally_tick()
 * @threads the first thread
 */
apr_status_t llmq_tally_flush(llmq_tally_t *t);

#endif /* LLMQ_TALLY_H */
