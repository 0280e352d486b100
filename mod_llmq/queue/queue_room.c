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

/* Take up a place of @a kind if the bound allows. */
static apr_status_t take_up(llmq_queue_level_t *level, apr_uint64_t kind)
{
    apr_uint64_t places = atomic_load(&level->places);

    do {
        if (admitted(places) + waiting(places) >= atomic_load(&level->max_size))
            return LLMQ_EFULL;
    } while (!atomic_compare_exchange_weak(&level->places, &places, places + kind));
    return APR_SUCCESS;
}

apr_status_t llmq_queue_room_admit(llmq_queue_level_t *level)
{
    /* The time first: whoever forgets old places must not see the new one with the old
     * time. */
    atomic_store(&level->place_at, llmq_clock_now());
    return take_up(level, ADMITTED_ONE);
}

/* Take one place given out off the count, if there is one, and add @a to. */
static void give_back(llmq_queue_level_t *level, apr_uint64_t to)
{
    apr_uint64_t places = atomic_load(&level->places), next;

    atomic_store(&level->place_at, llmq_clock_now());
    do {
        next = admitted(places) ? places - ADMITTED_ONE : places;
    } while (!atomic_compare_exchange_weak(&level->places, &places, next + to));
}

void llmq_queue_room_dismiss(llmq_queue_level_t *level)
{
    give_back(level, 0);
}

void llmq_queue_room_enter_admitted(llmq_queue_level_t *level)
{
    give_back(level, 1);
}

void llmq_queue_room_forget(llmq_queue_level_t *level, apr_interval_time_t age)
{
    apr_uint64_t places = atomic_load(&level->places);

    if (!admitted(places) || llmq_clock_now() - atomic_load(&level->place_at) < age)
        return;
    /* One try: a change since the load is a sign of life. */
    atomic_compare_exchange_strong(&level->places, &places, waiting(places));
}

apr_status_t llmq_queue_room_enter(llmq_queue_level_t *level)
{
    return take_up(level, 1);
}

void llmq_queue_room_force(llmq_queue_level_t *level)
{
    atomic_fetch_add(&level->places, 1);
}

void llmq_queue_room_leave(llmq_queue_level_t *level)
{
    atomic_fetch_sub(&level->places, 1);
}

apr_uint64_t llmq_queue_room_used(llmq_queue_level_t *level)
{
    apr_uint64_t places = atomic_load(&level->places);

    return admitted(places) + waiting(places);
}
