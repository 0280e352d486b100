/**
 * @file queue_ready.h
 * What is ready in a level, private to queue/: the ring of keys that take turns, and
 * within each key the order in which entries were put.
 *
 *   level.ring ─► key ⇄ key ⇄ key ⇄ (back to the first)
 *                  ├─ fifo: slot ⇄ slot ⇄ slot          ascending seq
 *                  └─ late: pairing heap by seq          queue_late.h
 *
 * An entry whose seq is above all of the fifo joins its end, as nearly all do; any other
 * goes to the late heap. The next of a key is the lesser of both fronts, so entries leave
 * in the order of seq however they came.
 *
 * A key that has nothing ready is not in the ring; when it comes back it queues up behind
 * all others, so it cannot gain a turn by leaving.
 */
#ifndef LLMQ_QUEUE_READY_H
#define LLMQ_QUEUE_READY_H

#include "queue/queue_layout.h"

/**
 * Put a slot among the ready ones of its level and key, by its seq.
 * @param q the queue
 * @param i slot that is in no list
 * @threads locked
 */
void llmq_queue_ready_add(llmq_queue_t *q, apr_uint32_t i);

/**
 * Take a slot out, wherever it stands.
 * @param q the queue
 * @param i a ready slot
 * @threads locked
 */
void llmq_queue_ready_remove(llmq_queue_t *q, apr_uint32_t i);

/**
 * Take out the slot whose turn it is, and pass the turn to the next key.
 * @param q     the queue
 * @param level a level
 * @return the slot, 0 if nothing is ready
 * @threads locked
 */
apr_uint32_t llmq_queue_ready_pop(llmq_queue_t *q, apr_uint32_t level);

#endif /* LLMQ_QUEUE_READY_H */
