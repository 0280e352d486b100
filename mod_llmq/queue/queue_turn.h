/**
 * @file queue_turn.h
 * Whose turn it is, private to queue/: which level is taken from, and which tenant in it.
 * A tenant's part of a level is its *lane*. A lane that has a key to serve, is not paused
 * and below its own bound on what runs stands in one of two rings of its level:
 *
 *   own     it runs less than is reserved for it: nothing but the level's concurrency can
 *           stand in its way
 *   shared  it runs more: a slot that is reserved for nobody must be free
 *
 * Who joins the end of a ring, or is moved there because its turn is over, draws a ticket
 * of the level, so each ring is in the order of tickets, and the turn is that of the lower
 * ticket at the two fronts. A turn is as many takes as the lane's weight; what is left of
 * it goes along when a lane moves from one ring to the other.
 *
 * The lanes in the rings also form a heap by the age of what they have ready for longest:
 * its top is the age of the level (queue.h, fairness rule).
 */
#ifndef LLMQ_QUEUE_TURN_H
#define LLMQ_QUEUE_TURN_H

#include "queue/queue_layout.h"

/**
 * Bring a lane where it belongs, after a change of its keys, of what runs, or of limits.
 * What has been ready for longest must still be in its list.
 * @param q     the queue
 * @param t     tenant
 * @param level level
 * @threads locked
 */
void llmq_queue_turn_update(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level);

/**
 * One more of a lane runs; llmq_queue_turn_update() must follow.
 * @param q     the queue
 * @param t     tenant
 * @param level level
 * @threads locked
 */
void llmq_queue_turn_begin(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level);

/**
 * One less of a lane runs; llmq_queue_turn_update() must follow.
 * @param q     the queue
 * @param t     tenant
 * @param level level
 * @threads locked
 */
void llmq_queue_turn_end(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level);

/**
 * A lane was served: it has one take less in this turn.
 * @param q     the queue
 * @param t     tenant, in a ring
 * @param level level
 * @threads locked
 */
void llmq_queue_turn_pass(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level);

/**
 * @param q     the queue
 * @param level a level
 * @return non-zero if something of it can be taken
 * @threads locked; elsewhere it is a hint
 */
int llmq_queue_turn_is_takeable(const llmq_queue_t *q, apr_uint32_t level);

/**
 * @param q     the queue
 * @param t     tenant
 * @param level a takeable level
 * @return non-zero if something of the tenant can be taken there
 * @threads locked
 */
int llmq_queue_turn_is_served(const llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level);

/**
 * @param q the queue
 * @param t tenant
 * @return non-zero if as many of it run, over all levels, as may
 * @threads locked
 */
int llmq_queue_turn_is_full(const llmq_queue_t *q, apr_uint32_t t);

/** How urgent each level counts at a moment, 1 the most; 0 if nothing of it may run. */
typedef struct llmq_queue_ranks_t {
    apr_time_t now;
    apr_uint32_t rank[LLMQ_LEVEL_COUNT]; /* slot 0 unused */
} llmq_queue_ranks_t;

/**
 * Rank one level.
 * @param ranks the ranks
 * @param q     the queue
 * @param level a level of which something may be taken
 * @param since what counts there has been ready since then
 * @threads locked
 */
void llmq_queue_turn_rank_by(llmq_queue_ranks_t *ranks, const llmq_queue_t *q,
                             apr_uint32_t level, apr_time_t since);

/**
 * After something was taken from a level: its oldest may have left. The ranks of the
 * others are what they were, as takes make nothing ready, unless the tenant is full now.
 * @param ranks the ranks
 * @param q     the queue
 * @param level the level
 * @threads locked
 */
void llmq_queue_turn_rerank(llmq_queue_ranks_t *ranks, const llmq_queue_t *q,
                            apr_uint32_t level);

/**
 * @param q     the queue
 * @param ranks how urgent the levels are
 * @return the level to take from next, 0 if there is none
 * @threads locked
 */
apr_uint32_t llmq_queue_turn_level(const llmq_queue_t *q,
                                   const llmq_queue_ranks_t *ranks);

/**
 * @param q     the queue
 * @param level a takeable level
 * @return the tenant whose turn it is
 * @threads locked
 */
apr_uint32_t llmq_queue_turn_tenant(const llmq_queue_t *q, apr_uint32_t level);

#endif /* LLMQ_QUEUE_TURN_H */
