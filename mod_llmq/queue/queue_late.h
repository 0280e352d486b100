/**
 * @file queue_late.h
 * The latecomers of a key, private to queue/: entries that become ready when younger ones
 * of their key are ready already (given back, or freed by their predecessor). They form a
 * pairing heap by seq, held together by indexes inside the slots (M. Fredman and others,
 * "The Pairing Heap", Algorithmica 1, 1986): putting is O(1), removal O(log n) amortised.
 * A root is known by its index, 0 is the empty heap.
 */
#ifndef LLMQ_QUEUE_LATE_H
#define LLMQ_QUEUE_LATE_H

#include "queue/queue_layout.h"

/**
 * @param q    the queue
 * @param root the heap
 * @param i    slot that is in no list
 * @return the new root
 * @threads locked
 */
apr_uint32_t llmq_queue_late_put(llmq_queue_t *q, apr_uint32_t root, apr_uint32_t i);

/**
 * @param q    the queue
 * @param root the heap
 * @param i    slot in that heap; the root itself has the least seq
 * @return the new root, 0 when the heap is empty now
 * @threads locked
 */
apr_uint32_t llmq_queue_late_remove(llmq_queue_t *q, apr_uint32_t root, apr_uint32_t i);

#endif /* LLMQ_QUEUE_LATE_H */
