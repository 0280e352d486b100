/**
 * @file queue_pick.h
 * Choosing what a take gets, private to queue/: out of everything (queue_turn.h tells), or
 * out of what a filter lets through. For a filter the same rule is applied to the listed
 * lanes alone: a level is as urgent as the age of what is ready in those that can be taken
 * from makes it, and of these lanes that with the lowest ticket is served.
 *
 * The record that tenants without one of their own share (queue_tenant.h) is listed when
 * one of the filter's tenants is in it; what is taken from it is the first, in the order
 * of its keys' turns, that belongs to a listed tenant. That costs O(keys in it).
 */
#ifndef LLMQ_QUEUE_PICK_H
#define LLMQ_QUEUE_PICK_H

#include "queue/queue_claim.h"
#include "queue/queue_turn.h"

/** A series of choices under one lock. */
typedef struct llmq_queue_pick_t {
    llmq_queue_t *q;
    const llmq_queue_filter_t *filter; /* NULL: everything */
    int inner;                         /* non-zero: only what has a gate */
    llmq_queue_ranks_t ranks;
    apr_uint32_t tenant[LLMQ_QUEUE_FILTER_MAX]; /* listed records */
    int n;
} llmq_queue_pick_t;

/**
 * Begin.
 * @param pick   out
 * @param q      the queue
 * @param filter what may be chosen, with at most LLMQ_QUEUE_FILTER_MAX tenants; NULL
 * @param now    the present
 * @threads locked
 */
void llmq_queue_pick_begin(llmq_queue_pick_t *pick, llmq_queue_t *q,
                           const llmq_queue_filter_t *filter, apr_time_t now);

/**
 * From now on only what has a gate may be chosen.
 * @param pick the choices, without a filter
 * @threads locked
 */
void llmq_queue_pick_inner(llmq_queue_pick_t *pick);

/**
 * @param pick the choices
 * @return the key whose first slot is to be taken now, 0 if there is none;
 *         llmq_queue_ready_pop() and llmq_queue_pick_taken() follow
 * @threads locked
 */
apr_uint32_t llmq_queue_pick_key(const llmq_queue_pick_t *pick);

/**
 * A slot was popped: the order of levels is looked at anew.
 * @param pick the choices
 * @param i    the slot
 * @threads locked
 */
void llmq_queue_pick_taken(llmq_queue_pick_t *pick, apr_uint32_t i);

#endif /* LLMQ_QUEUE_PICK_H */
