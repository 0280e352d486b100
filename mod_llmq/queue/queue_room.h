/**
 * @file queue_room.h
 * Places of a lane (a tenant's part of a level), private to queue/. A place is taken up by
 * each waiting entry and by each admission that has not led to one yet; both counts share
 * one 64-bit word per lane (waiting in the lower half, admitted in the upper), so that
 * each change is one compare-and-swap.
 *
 * The first `own_places` of a lane are reserved for it. Those beyond are *shared*: the
 * level's `pool` counts them, and must not pass `pool_size`, which is max_size less all
 * that is reserved. So "waiting + admitted is at most max_size" is exact without the lock,
 * also when only one tenant exists and nothing is reserved. A shared place is taken up
 * in the pool before and given back after the lane's word changes: a crowd may refuse
 * somebody while it is at its bound, but never passes it.
 *
 * Running entries take up no place. One that is given back enters by force, as it was
 * accepted long ago: the level may then be above its bound and admits nobody until it is
 * below again.
 *
 * A process that dies keeps the places it was admitted to; llmq_queue_room_forget() is
 * the remedy. An admission that was forgotten and is used after all enters like a new
 * entry, beyond the bound if need be; giving back a forgotten one may take away somebody
 * else's, who then enters the same way. Neither makes the counts drift. What a death
 * between the two words, or a change of the reserve, leaves wrong in the pool is set right
 * by llmq_queue_room_recount().
 */
#ifndef LLMQ_QUEUE_ROOM_H
#define LLMQ_QUEUE_ROOM_H

#include "queue/queue_layout.h"

/** A lane and its level: what all calls here need. */
typedef struct llmq_queue_room_t {
    llmq_queue_level_t *level;
    llmq_queue_lane_t *lane;
} llmq_queue_room_t;

static inline llmq_queue_room_t room_at(const llmq_queue_t *q, apr_uint32_t t,
                                        apr_uint32_t level)
{
    llmq_queue_room_t room = {&q->header->level[level], lane_at(q, t, level)};

    return room;
}

static inline llmq_queue_room_t room_of(const llmq_queue_t *q,
                                        const llmq_queue_slot_t *slot)
{
    return room_at(q, slot->tenant, slot->entry.level);
}

/**
 * Give out a place.
 * @param room the lane
 * @return APR_SUCCESS; LLMQ_EFULL
 * @threads any; lock-free
 */
apr_status_t llmq_queue_room_admit(llmq_queue_room_t room);

/**
 * @param lane a tenant's part of a level
 * @return non-zero while a place is given out that has not led to an entry yet
 * @threads any; lock-free
 */
int llmq_queue_room_has_admitted(llmq_queue_lane_t *lane);

/**
 * Take back a place that was given out.
 * @param room the lane
 * @threads any; lock-free
 */
void llmq_queue_room_dismiss(llmq_queue_room_t room);

/**
 * Take back all places given out if none was given or came back for @a age.
 * @param room the lane
 * @param age  microseconds
 * @threads any; lock-free
 */
void llmq_queue_room_forget(llmq_queue_room_t room, apr_interval_time_t age);

/**
 * Turn a place given out into that of a waiting entry.
 * @param room the lane
 * @threads locked
 */
void llmq_queue_room_enter_admitted(llmq_queue_room_t room);

/**
 * A waiting entry enters if the bounds allow.
 * @param room the lane
 * @return APR_SUCCESS; LLMQ_EFULL
 * @threads locked
 */
apr_status_t llmq_queue_room_enter(llmq_queue_room_t room);

/**
 * A waiting entry enters, whatever the bounds.
 * @param room the lane
 * @threads locked
 */
void llmq_queue_room_force(llmq_queue_room_t room);

/**
 * A waiting entry leaves.
 * @param room the lane
 * @threads locked
 */
void llmq_queue_room_leave(llmq_queue_room_t room);

/**
 * @param lane a lane
 * @return places taken up: waiting and admitted
 * @threads any; lock-free
 */
apr_uint64_t llmq_queue_room_used(llmq_queue_lane_t *lane);

/**
 * Is there room enough to be worth a walk? Not for each single entry that leaves.
 * @param room the lane
 * @return non-zero if a quarter of what the lane may use is free
 * @threads any; lock-free
 */
int llmq_queue_room_is_ample(llmq_queue_room_t room);

/**
 * Count a level's shared places anew.
 * @param q     the queue
 * @param level the level
 * @threads locked; others may admit meanwhile, and a recount that they disturb is left to
 *          the next one
 */
void llmq_queue_room_recount(llmq_queue_t *q, apr_uint32_t level);

#endif /* LLMQ_QUEUE_ROOM_H */
