#include "queue/queue.h"

#include "base/clock.h"
#include "queue/queue_chain.h"
#include "queue/queue_entry.h"
#include "queue/queue_figures.h"
#include "queue/queue_gone.h"
#include "queue/queue_lock.h"
#include "queue/queue_room.h"
#include "queue/queue_table.h"
#include "queue/queue_tenant.h"

#include <string.h>

static int is_valid(const llmq_entry_t *e)
{
    return e->level > LLMQ_LEVEL_NONE && e->level < LLMQ_LEVEL_COUNT && e->id[0]
           && memchr(e->id, '\0', sizeof(e->id));
}

/* The store holds an entry that the queue does not. */
static void miss(llmq_queue_room_t room)
{
    atomic_store(&room.lane->missed, 1);
    atomic_store(&room.level->missed, 1);
}

static void count_put(llmq_queue_room_t room)
{
    room.lane->account.total_put++;
    room.level->account.total_put++;
}

static void put_running(llmq_queue_t *q, const llmq_entry_t *e, llmq_queue_room_t room)
{
    if (llmq_queue_entry_arrive_running(q, e))
        count_put(room);
    else
        miss(room);
}

/* When is it certain enough that no older message of its chain is still being stored? */
static apr_time_t settles_at(llmq_queue_t *q, const llmq_entry_t *e, apr_time_t now)
{
    apr_uint32_t t = llmq_queue_tenant_get_locked(q, e->tenant);
    int l;

    if (!e->chain || e->alone || e->run_at > now || llmq_queue_chain_head(q, e->chain))
        return 0;
    LLMQ_EACH_LEVEL (l)
        if (llmq_queue_room_has_admitted(lane_at(q, t, (apr_uint32_t)l)))
            return now + LLMQ_QUEUE_SETTLE;
    return 0;
}

static void put_waiting(llmq_queue_t *q, const llmq_entry_t *e, llmq_queue_room_t room,
                        int flags, apr_time_t now)
{
    apr_time_t hold = 0;

    if (flags & LLMQ_PUT_ADMITTED) {
        llmq_queue_room_enter_admitted(room);
        hold = settles_at(q, e, now);
    }
    else if (llmq_queue_room_enter(room) != APR_SUCCESS) {
        miss(room);
        return;
    }
    if (llmq_queue_entry_arrive(q, e, hold, now)) {
        count_put(room);
        llmq_queue_figures_put(q, e, flags);
    }
    else {
        llmq_queue_room_leave(room);
        miss(room);
    }
}

static void put_one(llmq_queue_t *q, const llmq_entry_t *e, int flags, apr_time_t now)
{
    llmq_queue_room_t room =
        room_at(q, llmq_queue_tenant_get_locked(q, e->tenant), e->level);

    if (llmq_queue_table_find(q, e->id)) {
        if (flags & LLMQ_PUT_ADMITTED)
            llmq_queue_room_dismiss(room);
    }
    else if ((flags & LLMQ_PUT_WALK) && llmq_queue_gone_is_marked(q, e->id))
        return;
    else if ((flags & LLMQ_PUT_RUNNING) || ((flags & LLMQ_PUT_WALK) && e->lease_until))
        put_running(q, e, room);
    else
        put_waiting(q, e, room, flags, now);
}

/* Nothing could be put. The rows are in the store, so a walk will find them. */
static void put_none(llmq_queue_t *q, const llmq_entry_t *entries, int n, int flags)
{
    int i;

    llmq_queue_suspect(q);
    for (i = 0; i < n && (flags & LLMQ_PUT_ADMITTED); i++)
        llmq_queue_dismiss(q, entries[i].tenant, entries[i].level);
}

apr_status_t llmq_queue_put(llmq_queue_t *q, const llmq_entry_t *entries, int n,
                            int flags)
{
    apr_time_t now = llmq_clock_now();
    apr_status_t rv = llmq_queue_lock_enter(q);
    apr_status_t result = APR_SUCCESS;
    int i;

    if (rv != APR_SUCCESS) {
        put_none(q, entries, n, flags);
        return rv;
    }
    for (i = 0; i < n; i++) {
        if (is_valid(&entries[i])) {
            put_one(q, &entries[i], flags, now);
            continue;
        }
        result = APR_EINVAL;
        if (flags & LLMQ_PUT_ADMITTED)
            llmq_queue_dismiss(q, entries[i].tenant, entries[i].level);
    }
    llmq_queue_lock_leave(q);
    return result;
}
