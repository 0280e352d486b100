/**
 * @file queue_gate.h
 * The records of gates (queue_gated.h), private to queue/. A record lives as long as a key
 * needs it, and lists those keys:
 *
 *   gate.first ─► key ⇄ key ⇄ key
 *
 * A key whose gate is closed is in no ring, like one that is at its cap.
 */
#ifndef LLMQ_QUEUE_GATE_H
#define LLMQ_QUEUE_GATE_H

#include "queue/queue_gated.h"
#include "queue/queue_layout.h"

/**
 * A key record was made: let it have its gate.
 * @param q    the queue
 * @param k    the key
 * @param hash the gate's number, not 0
 * @threads locked
 */
void llmq_queue_gate_join(llmq_queue_t *q, apr_uint32_t k, apr_uint64_t hash);

/**
 * A key record goes away.
 * @param q the queue
 * @param k the key; it may have no gate
 * @threads locked
 */
void llmq_queue_gate_leave(llmq_queue_t *q, apr_uint32_t k);

/**
 * @param q   the queue
 * @param key a key
 * @return non-zero if nothing of it may be taken now
 * @threads locked
 */
int llmq_queue_gate_is_closed(const llmq_queue_t *q, const llmq_queue_key_t *key);

/**
 * Open and close gates as there is room behind them.
 * @param q     the queue
 * @param rooms what there is room for
 * @threads locked
 */
void llmq_queue_gate_set(llmq_queue_t *q, const llmq_queue_rooms_t *rooms);

/**
 * Something of a key was taken: there is less room behind its gate.
 * @param q the queue
 * @param g the key's gate record, not 0
 * @threads locked
 */
void llmq_queue_gate_pass(llmq_queue_t *q, apr_uint32_t g);

#endif /* LLMQ_QUEUE_GATE_H */
