/**
 * @file queue_room.h
 * Places of a level, private to queue/. A place is taken up by each waiting entry and by
 * each admission that has not led to one yet; both counts share one 64-bit word (waiting
 * in the lower half, admitted in the upper), so that the bound "waiting + admitted is at
 * most max_size" is decided by one compare-and-swap and is exact without the lock.
 *
 * Running entries take up no place. One that is given back enters by force, as it was
 * accepted long ago: the level may then be above its bound and admits nobody until it is
 * below again.
 *
 * A process that dies keeps the places it was admitted to; llmq_queue_room_forget() is
 * the remedy. An admission that was forgotten and is used after all enters like a new
 * entry, beyond the bound if need be; giving back a forgotten one may take away somebody
 * else's, who then enters the same way. Neither makes the counts drift.
 */
#ifndef LLMQ_QUEUE_ROOM_H
#define LLMQ_QUEUE_ROOM_H

#include "queue/queue_layout.h"

/**
 * Give out a place.
 * @param level the level
 * @return APR_SUCCESS; LLMQ_EFULL
 * @threads any; lock-free
 */
apr_status_t llmq_queue_room_admit(llmq_queue_level_t *level);

/**
 * Take back a place that was given out.
 * @param level the level
 * @threads any; lock-free
 */
void llmq_queue_room_dismiss(llmq_queue_level_t *level);

/**
 * Take back all places given out if none was given or came back for @a age.
 * @param level the level
 * @param age   microseconds
 * @threads any; lock-free
 */
void llmq_queue_room_forget(llmq_queue_level_t *level, apr_interval_time_t age);

/**
 * Turn a place given out into that of a waiting entry.
 * @param level the level
 * @threads locked
 */
void llmq_queue_room_enter_admitted(llmq_queue_level_t *level);

/**
 * A waiting entry enters if the bound allows.
 * @param level the level
 * @return APR_SUCCESS; LLMQ_EFULL
 * @threads locked
 */
apr_status_t llmq_queue_room_enter(llmq_queue_level_t *level);

/**
 * A waiting entry enters, whatever the bound.
 * @param level the level
 * @threads locked
 */
void llmq_queue_room_force(llmq_queue_level_t *level);

/**
 * A waiting entry leaves.
 * @param level the level
 * @threads locked
 */
void llmq_queue_room_leave(llmq_queue_level_t *level);

/**
 * @param level the level
 * @return places taken up: waiting and admitted
 * @threads any; lock-free
 */
apr_uint64_t llmq_queue_room_used(llmq_queue_level_t *level);

#endif /* LLMQ_QUEUE_ROOM_H */
