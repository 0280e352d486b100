/**
 * @file queue_ready.h
 * What is ready in a lane (a tenant's part of a level), private to queue/: the ring of
 * keys that take turns, and within each key the order in which entries were put.
 *
 *   lane.ring ─► key ⇄ key ⇄ key ⇄ (back to the first)
 *                 ├─ fifo: slot ⇄ slot ⇄ slot          ascending seq
 *                 └─ late: pairing heap by seq          queue_late.h
 *
 * An entry whose seq is above all of the fifo joins its end, as nearly all do; any other
 * goes to the late heap. The next of a key is the lesser of both fronts, so entries leave
 * in the order of seq however they came.
 *
 * A key is served as often as its weight says, then goes to the back of the ring. One that
 * has nothing ready, or as many running as its cap, is not in the ring; when it comes back
 * it queues up behind all others, so it cannot gain a turn by leaving. Its record lives as
 * long as it has something ready or running. Weight and cap are those of the entry that
 * was put last of those that have been ready.
 */
#ifndef LLMQ_QUEUE_READY_H
#define LLMQ_QUEUE_READY_H

#include "queue/queue_layout.h"

/**
 * Put a slot among the ready ones of its lane and key, by its seq.
 * @param q   the queue
 * @param i   slot that is in no list
 * @param now the present
 * @threads locked
 */
void llmq_queue_ready_add(llmq_queue_t *q, apr_uint32_t i, apr_time_t now);

/**
 * Take a slot out, wherever it stands.
 * @param q the queue
 * @param i a ready slot
 * @threads locked
 */
void llmq_queue_ready_remove(llmq_queue_t *q, apr_uint32_t i);

/**
 * @param q the queue
 * @param k key in its lane's ring
 * @return the slot of it that is taken next
 * @threads locked
 */
apr_uint32_t llmq_queue_ready_first(const llmq_queue_t *q, apr_uint32_t k);

/**
 * Take out the first slot of a key, pass the turns of key and tenant on, and count it as
 * running.
 * @param q the queue
 * @param k key in its lane's ring, of a lane that can be taken from
 * @return the slot
 * @threads locked
 */
apr_uint32_t llmq_queue_ready_pop(llmq_queue_t *q, apr_uint32_t k);

/**
 * Count a slot as running that was not popped.
 * @param q the queue
 * @param i slot that is in no list
 * @threads locked
 */
void llmq_queue_ready_begin(llmq_queue_t *q, apr_uint32_t i);

/**
 * A slot does not count as running any more.
 * @param q the queue
 * @param i a slot that was popped or begun
 * @threads locked
 */
void llmq_queue_ready_end(llmq_queue_t *q, apr_uint32_t i);

/**
 * The gate of a key was opened or closed.
 * @param q the queue
 * @param k the key
 * @threads locked
 */
void llmq_queue_ready_gate(llmq_queue_t *q, apr_uint32_t k);

/**
 * @param q     the queue
 * @param t     tenant
 * @param level a level in which it is served
 * @return the key whose turn is next, be it with a gate or without: the two rings of a lane
 *         take turns
 * @threads locked
 */
apr_uint32_t llmq_queue_ready_next(const llmq_queue_t *q, apr_uint32_t t,
                                   apr_uint32_t level);

#endif /* LLMQ_QUEUE_READY_H */
