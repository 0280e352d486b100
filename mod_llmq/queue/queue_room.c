#include "queue/queue_room.h"

#include "base/clock.h"

#define ADMITTED_ONE ((apr_uint64_t)1 << 32)

static apr_uint64_t admitted(apr_uint64_t places)
{
    return places >> 32;
}

static apr_uint64_t waiting(apr_uint64_t places)
{
    return places & 0xffffffff;
}

/* How many of these places are shared ones. */
static apr_int64_t shared(llmq_queue_lane_t *lane, apr_uint64_t places)
{
    apr_int64_t used = (apr_int64_t)(admitted(places) + waiting(places));
    apr_int64_t beyond = used - (apr_int64_t)atomic_load(&lane->own_places);

    return beyond > 0 ? beyond : 0;
}

static int is_limited(llmq_queue_lane_t *lane, apr_uint64_t places)
{
    apr_uint32_t max = atomic_load(&lane->max_waiting);

    return max && admitted(places) + waiting(places) >= max;
}

static int take_shared(llmq_queue_level_t *level)
{
    apr_int64_t pool = atomic_load(&level->pool);

    do {
        if (pool >= (apr_int64_t)atomic_load(&level->pool_size))
            return 0;
    } while (!atomic_compare_exchange_weak(&level->pool, &pool, pool + 1));
    return 1;
}

/* Take up a place of @a kind if the bounds allow. */
static apr_status_t take_up(llmq_queue_room_t room, apr_uint64_t kind)
{
    apr_uint64_t places = atomic_load(&room.lane->places);

    for (;;) {
        int beyond = shared(room.lane, places + kind) > 0;

        if (is_limited(room.lane, places))
            return LLMQ_EFULL;
        if (beyond && !take_shared(room.level))
            return LLMQ_EFULL;
        if (atomic_compare_exchange_weak(&room.lane->places, &places, places + kind))
            return APR_SUCCESS;
        if (beyond)
            atomic_fetch_sub(&room.level->pool, 1);
    }
}

/* Try to change the lane's word; on failure *places is what it is now. */
static int exchange(llmq_queue_room_t room, apr_uint64_t *places, apr_uint64_t next)
{
    apr_int64_t more = shared(room.lane, next) - shared(room.lane, *places);

    if (more > 0)
        atomic_fetch_add(&room.level->pool, more);
    if (atomic_compare_exchange_weak(&room.lane->places, places, next)) {
        if (more < 0)
            atomic_fetch_add(&room.level->pool, more);
        return 1;
    }
    if (more > 0)
        atomic_fetch_sub(&room.level->pool, more);
    return 0;
}

apr_status_t llmq_queue_room_admit(llmq_queue_room_t room)
{
    /* The time first: whoever forgets old places must not see the new one with the old
     * time. */
    atomic_store(&room.lane->place_at, llmq_clock_now());
    return take_up(room, ADMITTED_ONE);
}

/* Take one place given out off the count, if there is one, and add @a to. */
static void give_back(llmq_queue_room_t room, apr_uint64_t to)
{
    apr_uint64_t places = atomic_load(&room.lane->places), next;

    atomic_store(&room.lane->place_at, llmq_clock_now());
    do {
        next = (admitted(places) ? places - ADMITTED_ONE : places) + to;
    } while (!exchange(room, &places, next));
}

void llmq_queue_room_dismiss(llmq_queue_room_t room)
{
    give_back(room, 0);
}

void llmq_queue_room_enter_admitted(llmq_queue_room_t room)
{
    give_back(room, 1);
}

void llmq_queue_room_forget(llmq_queue_room_t room, apr_interval_time_t age)
{
    apr_uint64_t places = atomic_load(&room.lane->places);

    if (!admitted(places) || llmq_clock_now() - atomic_load(&room.lane->place_at) < age)
        return;
    /* One try: a change since the load is a sign of life. */
    exchange(room, &places, waiting(places));
}

apr_status_t llmq_queue_room_enter(llmq_queue_room_t room)
{
    return take_up(room, 1);
}

void llmq_queue_room_force(llmq_queue_room_t room)
{
    apr_uint64_t places = atomic_load(&room.lane->places);

    while (!exchange(room, &places, places + 1))
        continue;
}

void llmq_queue_room_leave(llmq_queue_room_t room)
{
    apr_uint64_t places = atomic_load(&room.lane->places);

    while (!exchange(room, &places, places - 1))
        continue;
}

apr_uint64_t llmq_queue_room_used(llmq_queue_lane_t *lane)
{
    apr_uint64_t places = atomic_load(&lane->places);

    return admitted(places) + waiting(places);
}

int llmq_queue_room_has_admitted(llmq_queue_lane_t *lane)
{
    return admitted(atomic_load(&lane->places)) > 0;
}

int llmq_queue_room_is_ample(llmq_queue_room_t room)
{
    apr_int64_t used = (apr_int64_t)llmq_queue_room_used(room.lane);
    apr_int64_t own = atomic_load(&room.lane->own_places);
    apr_int64_t max = atomic_load(&room.lane->max_waiting);
    apr_int64_t size = atomic_load(&room.level->pool_size);

    if (max && used > max * 3 / 4)
        return 0;
    return (own && used <= own * 3 / 4)
           || (size && atomic_load(&room.level->pool) <= size * 3 / 4);
}

static apr_int64_t count_shared(llmq_queue_t *q, apr_uint32_t level)
{
    apr_int64_t n = 0;
    apr_uint32_t t;

    LLMQ_QUEUE_EACH_TENANT(q, t)
    {
        llmq_queue_lane_t *lane = lane_at(q, t, level);

        n += shared(lane, atomic_load(&lane->places));
    }
    return n;
}

void llmq_queue_room_recount(llmq_queue_t *q, apr_uint32_t level)
{
    llmq_queue_level_t *lev = &q->header->level[level];
    apr_int64_t pool = atomic_load(&lev->pool);
    apr_int64_t n = count_shared(q, level);

    /* Equal before and after, with the pool untouched: nobody was between the two words,
     * or at least very likely not; if so, the next recount finds it. */
    if (n != pool && count_shared(q, level) == n)
        atomic_compare_exchange_strong(&lev->pool, &pool, n);
}
