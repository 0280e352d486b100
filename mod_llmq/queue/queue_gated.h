/**
 * @file queue_gated.h
 * Gates. What is to be taken may need something that only the taker knows of: a place in one
 * of the backends that have its model. All that needs the same thing stands behind one
 * *gate*, a number; the taker says with each take how many of each gate it can have, and
 * what is behind a gate without room is passed over, without any cost for the rest: its keys
 * are in no ring until there is room again. Everything else of the fairness rule holds.
 *
 * Entries with a gate are the server's own work: takes with a filter, which are those of
 * outside workers, never get them. In a lane their keys have a ring beside that of the
 * others, and the two rings take turns.
 *
 * The room of a gate that a taker does not name has no bound. Opening and closing one costs
 * O(keys that wait behind it).
 */
#ifndef LLMQ_QUEUE_GATED_H
#define LLMQ_QUEUE_GATED_H

#include "queue/queue.h"

/** What needs no model: any place will do. */
#define LLMQ_QUEUE_GATE_ANY 1

/** How many of a gate may be taken. */
typedef struct llmq_queue_room_t {
    apr_uint64_t gate;
    int room;
} llmq_queue_room_t;

/** What a taker has room for. */
typedef struct llmq_queue_rooms_t {
    const llmq_queue_room_t *gates; /* in the order of their numbers, each once */
    int n;
    int plain; /* of entries without a gate */
} llmq_queue_rooms_t;

/**
 * llmq_queue_take() of what there is room for.
 * @param out   at least @a max entries
 * @param pn    out: how many were taken, 0 if none
 * @param q     the queue
 * @param max   most to take (> 0)
 * @param owner the taker's pid, not 0
 * @param rooms what there is room for
 * @return APR_SUCCESS (also with 0 taken); APR_EINCOMPLETE damaged
 * @threads any; one taker at a time
 */
apr_status_t llmq_queue_take_gated(llmq_entry_t *out, int *pn, llmq_queue_t *q, int max,
                                   apr_uint32_t owner, const llmq_queue_rooms_t *rooms);

/**
 * @param q the queue
 * @return non-zero if something in it has a gate: else rooms need not be known
 * @threads any; lock-free
 */
int llmq_queue_has_gates(llmq_queue_t *q);

#endif /* LLMQ_QUEUE_GATED_H */
