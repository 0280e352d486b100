/**
 * @file queue_rebuild.h
 * Loss and rebuilding of the shared queue (queue.h). It is an index of the store: whoever has
 * reason to think that it lacks something asks for a *walk*, in which the dispatcher puts
 * everything unfinished; what is there already is skipped. After a death inside its lock
 * the queue is *damaged*: it must be emptied before it can be filled again.
 */
#ifndef LLMQ_QUEUE_REBUILD_H
#define LLMQ_QUEUE_REBUILD_H

#include "queue/queue_types.h"

/**
 * Must the dispatcher walk the store and put what is missing? After create, reset, an
 * entry that did not fit (once there is room again), or llmq_queue_suspect().
 * @return non-zero if so
 * @threads any
 */
int llmq_queue_needs_rebuild(llmq_queue_t *q);

/**
 * The walk over the store begins now; suspicions from here on ask for another one.
 * @threads one of the dispatcher
 */
void llmq_queue_rebuild_begin(llmq_queue_t *q);

/**
 * The walk has ended. A walk should go on past entries that do not fit, as those of other
 * levels may: then it is complete, and another is asked for when there is room.
 * @param complete 0 if it stopped early: for lack of room (another is asked for when there
 *                 is some) or because the store failed (at once)
 * @threads the one that began it
 */
void llmq_queue_rebuild_end(llmq_queue_t *q, int complete);

/**
 * A process died and may have stored rows without putting them: ask for a walk.
 * @threads any, the parent included
 */
void llmq_queue_suspect(llmq_queue_t *q);

/**
 * @return non-zero when a death inside the lock was noticed and no reset came since
 * @threads any
 */
int llmq_queue_is_damaged(llmq_queue_t *q);

/**
 * Empty a damaged segment: all entries go, the totals stay, a rebuild is asked for. Does
 * nothing when the segment is not damaged.
 * @return APR_SUCCESS; other: the mutex failed
 * @threads the dispatcher only
 */
apr_status_t llmq_queue_reset(llmq_queue_t *q);

#endif /* LLMQ_QUEUE_REBUILD_H */
