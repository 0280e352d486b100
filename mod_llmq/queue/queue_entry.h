/**
 * @file queue_entry.h
 * The life of an entry, private to queue/: every change of state of queue.h's drawing is
 * made here, and so are the counts of the levels. Each function leaves the segment
 * consistent: an entry that is ready is in its key's order, one that is delayed in the
 * heap, a running one in the running list, a blocked one in none; the head of a chain is
 * never blocked, all others are. Places (queue_room.h) of waiting entries are given back
 * here, taken up by the caller, who knows by which right.
 *
 * What may let a taker take is noted (queue_wake.h); leaving the lock wakes it.
 */
#ifndef LLMQ_QUEUE_ENTRY_H
#define LLMQ_QUEUE_ENTRY_H

#include "queue/queue_chain.h"

/**
 * A new entry whose id is not there: ready, blocked or delayed.
 * @param q     the queue
 * @param entry what to copy
 * @param hold  it is not ready before this, without counting as delayed by its run_at; 0
 * @param now   the present
 * @return its slot; 0 if no slot is free
 * @threads locked
 */
apr_uint32_t llmq_queue_entry_arrive(llmq_queue_t *q, const llmq_entry_t *entry,
                                     apr_time_t hold, apr_time_t now);

/**
 * A new entry that somebody runs already; it becomes the head of its chain.
 * @param q     the queue
 * @param entry what to copy, with owner and taken_at
 * @return its slot; 0 if no slot is free or another of the chain runs
 * @threads locked
 */
apr_uint32_t llmq_queue_entry_arrive_running(llmq_queue_t *q, const llmq_entry_t *entry);

/** Who takes. */
typedef struct llmq_queue_taker_t {
    apr_uint32_t owner;     /* pid */
    apr_time_t lease_until; /* end of the lease of what it takes, 0 = none */
    apr_time_t now;         /* the present */
} llmq_queue_taker_t;

/**
 * A slot that llmq_queue_ready_pop() has just given begins to run.
 * @param q  the queue
 * @param i  the slot
 * @param by the taker
 * @threads locked
 */
void llmq_queue_entry_start(llmq_queue_t *q, apr_uint32_t i,
                            const llmq_queue_taker_t *by);

/**
 * A slot begins to run before its turn, and counts as running whatever the bounds.
 * @param q  the queue
 * @param i  the slot, ready or delayed
 * @param by the taker
 * @threads locked
 */
void llmq_queue_entry_pull(llmq_queue_t *q, apr_uint32_t i, const llmq_queue_taker_t *by);

/**
 * The deadline of a waiting entry has passed: it leaves its chain and runs, but counts
 * against no concurrency, until its end is stored.
 * @param q     the queue
 * @param i     the slot
 * @param owner the taker's pid
 * @param now   the present
 * @threads locked
 */
void llmq_queue_entry_expire(llmq_queue_t *q, apr_uint32_t i, apr_uint32_t owner,
                             apr_time_t now);

/**
 * The call of a running entry has ended: it no longer counts against its level's
 * concurrency.
 * @param q   the queue
 * @param i   the slot
 * @param now the present
 * @threads locked
 */
void llmq_queue_entry_answer(llmq_queue_t *q, apr_uint32_t i, apr_time_t now);

/**
 * A running entry goes back to wait, at the head of its chain and at its old place in the
 * order of its key.
 * @param q       the queue
 * @param i       the slot
 * @param attempt its new fence
 * @param run_at  not before this
 * @param now     the present
 * @threads locked
 */
void llmq_queue_entry_retry(llmq_queue_t *q, apr_uint32_t i, apr_uint32_t attempt,
                            apr_time_t run_at, apr_time_t now);

/**
 * A waiting entry goes to the end of its key in another level, whose place the caller has
 * taken up.
 * @param q     the queue
 * @param i     the slot
 * @param level the new level
 * @param now   the present
 * @threads locked
 */
void llmq_queue_entry_move(llmq_queue_t *q, apr_uint32_t i, llmq_level_e level,
                           apr_time_t now);

/**
 * A waiting entry need not wait for its moment any more; it keeps its place in its chain.
 * @param q       the queue
 * @param i       the slot
 * @param attempt its new fence
 * @param now     the present
 * @threads locked
 */
void llmq_queue_entry_hasten(llmq_queue_t *q, apr_uint32_t i, apr_uint32_t attempt,
                             apr_time_t now);

/**
 * An entry leaves for good, in whatever state; the next of its chain becomes the head.
 * @param q   the queue
 * @param i   the slot
 * @param now the present
 * @threads locked
 */
void llmq_queue_entry_leave(llmq_queue_t *q, apr_uint32_t i, apr_time_t now);

/**
 * Delayed entries that are due become ready: new ones at the end of their key, those that
 * were taken before at their old place.
 * @param q   the queue
 * @param now the present
 * @threads locked
 */
void llmq_queue_entry_due(llmq_queue_t *q, apr_time_t now);

#endif /* LLMQ_QUEUE_ENTRY_H */
