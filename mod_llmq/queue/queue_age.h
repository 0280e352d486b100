/**
 * @file queue_age.h
 * The order in which the ready slots of a lane became ready, private to queue/. It tells
 * how old what is ready is, and how many stand before one of them. Slots form a list; it
 * is cut into *spans* of up to 64 neighbours that are counted:
 *
 *   slots   1 ⇄ 2 ⇄ 5 ⇄ 6 ⇄ 9 ⇄ 11 ⇄ 12       by ready_no, which only grows
 *   spans   └── 3 ──┘   └ 2 ┘   └── 2 ──┘      ⇄ one another
 *
 * Whoever becomes ready joins the last span, or a new one if that is full. Two neighbours
 * that have 32 together or fewer become one when something leaves either, so a lane of n
 * has O(n/32) spans, joining and leaving are O(1), and counting is O(n/32 + 64), or O(1)
 * for those that became ready last. A span has at least one slot: as many records as
 * there are slots are enough.
 */
#ifndef LLMQ_QUEUE_AGE_H
#define LLMQ_QUEUE_AGE_H

#include "queue/queue_layout.h"

/**
 * A slot that has become ready joins the end of its lane's ages.
 * @param q   the queue
 * @param i   the slot
 * @param now the present
 * @threads locked
 */
void llmq_queue_age_add(llmq_queue_t *q, apr_uint32_t i, apr_time_t now);

/**
 * A slot is not ready any more. Comes after llmq_queue_turn_update().
 * @param q the queue
 * @param i the slot
 * @threads locked
 */
void llmq_queue_age_remove(llmq_queue_t *q, apr_uint32_t i);

/**
 * How many of a lane became ready after a slot?
 * @param q    the queue
 * @param lane any lane
 * @param no   the slot's ready_no
 * @return their number
 * @threads locked
 */
apr_uint32_t llmq_queue_age_after(const llmq_queue_t *q, const llmq_queue_lane_t *lane,
                                  apr_uint64_t no);

#endif /* LLMQ_QUEUE_AGE_H */
