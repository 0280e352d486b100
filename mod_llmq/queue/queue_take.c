#include "queue/queue_claim.h"

#include "base/clock.h"
#include "queue/queue_entry.h"
#include "queue/queue_gate.h"
#include "queue/queue_lock.h"
#include "queue/queue_pick.h"
#include "queue/queue_ready.h"
#include "queue/queue_stats.h"
#include "queue/queue_table.h"

/* A take under way. */
typedef struct {
    llmq_queue_taker_t by;
    const llmq_queue_filter_t *filter;
    const llmq_queue_rooms_t *rooms; /* NULL: for everything that is not shut out */
    int max;
    int more; /* out: max has cut it short */
} take_t;

/* What is taken of entries without a gate, and of those behind one. */
static void count_room(llmq_queue_pick_t *pick, const take_t *take, apr_uint32_t gate,
                       int *pplain)
{
    if (!take->rooms)
        return;
    if (gate)
        llmq_queue_gate_pass(pick->q, gate);
    else if (--*pplain <= 0)
        llmq_queue_pick_inner(pick);
}

static void begin(llmq_queue_pick_t *pick, llmq_queue_t *q, const take_t *take)
{
    llmq_queue_entry_due(q, take->by.now);
    if (take->rooms)
        llmq_queue_gate_set(q, take->rooms);
    llmq_queue_pick_begin(pick, q, take->filter, take->by.now);
    if (take->rooms && take->rooms->plain <= 0)
        llmq_queue_pick_inner(pick);
}

/* @return how many were taken */
static int take_locked(llmq_entry_t *out, llmq_queue_t *q, take_t *take)
{
    const llmq_queue_taker_t *by = &take->by;
    int plain = take->rooms ? take->rooms->plain : 0;
    llmq_queue_pick_t pick;
    apr_uint32_t k;
    int n = 0;

    begin(&pick, q, take);
    while ((k = llmq_queue_pick_key(&pick)) != 0 && n < take->max) {
        apr_uint32_t gate = key_at(q, k)->gate;
        apr_uint32_t i = llmq_queue_ready_pop(q, k);

        llmq_queue_stats_taken(q, slot_at(q, i), by->now);
        llmq_queue_entry_start(q, i, by);
        out[n++] = slot_at(q, i)->entry;
        count_room(&pick, take, gate, &plain);
        llmq_queue_pick_taken(&pick, i);
    }
    take->more = k != 0;
    return n;
}

static apr_status_t take_all(llmq_entry_t *out, int *pn, llmq_queue_t *q, take_t *take)
{
    apr_status_t rv;

    *pn = 0;
    rv = llmq_queue_lock_enter(q);
    if (rv != APR_SUCCESS)
        return rv;
    *pn = take_locked(out, q, take);
    /* All that was noted so far has been looked at, unless max cut the look short: then
     * the next wait must return at once. */
    atomic_store(&q->seen, atomic_load(&q->header->epoch) - (take->more ? 1 : 0));
    llmq_queue_lock_leave(q);
    return APR_SUCCESS;
}

apr_status_t llmq_queue_take(llmq_entry_t *out, int *pn, llmq_queue_t *q, int max,
                             apr_uint32_t owner)
{
    take_t take = {{owner, 0, llmq_clock_now()}, NULL, NULL, max, 0};

    return take_all(out, pn, q, &take);
}

apr_status_t llmq_queue_take_gated(llmq_entry_t *out, int *pn, llmq_queue_t *q, int max,
                                   apr_uint32_t owner, const llmq_queue_rooms_t *rooms)
{
    take_t take = {{owner, 0, llmq_clock_now()}, NULL, rooms, max, 0};

    return take_all(out, pn, q, &take);
}

apr_status_t llmq_queue_take_from(llmq_entry_t *out, int *pn, llmq_queue_t *q, int max,
                                  apr_uint32_t owner, apr_time_t lease_until,
                                  const llmq_queue_filter_t *filter)
{
    take_t take = {{owner, lease_until, llmq_clock_now()}, filter, NULL, max, 0};
    apr_status_t rv;

    *pn = 0;
    if (filter && filter->n_tenants > LLMQ_QUEUE_FILTER_MAX)
        return APR_EINVAL;
    rv = llmq_queue_lock_enter(q);
    if (rv != APR_SUCCESS)
        return rv;
    *pn = take_locked(out, q, &take);
    llmq_queue_lock_leave(q);
    return APR_SUCCESS;
}

apr_status_t llmq_queue_take_expired(llmq_entry_t *out, int *pn, llmq_queue_t *q, int max,
                                     apr_uint32_t owner)
{
    apr_time_t now = llmq_clock_now(), first = atomic_load(&q->header->ends_at);
    apr_status_t rv;
    int n = 0;

    *pn = 0;
    if (first == 0 || first > now)
        return llmq_queue_is_damaged(q) ? APR_EINCOMPLETE : APR_SUCCESS;
    rv = llmq_queue_lock_enter(q);
    if (rv != APR_SUCCESS)
        return rv;
    while (n < max && q->header->ends_count > 0) {
        apr_uint32_t i = q->ends.item[0];

        if (slot_at(q, i)->entry.deadline > now)
            break;
        llmq_queue_entry_expire(q, i, owner, now);
        out[n++] = slot_at(q, i)->entry;
    }
    llmq_queue_lock_leave(q);
    *pn = n;
    return APR_SUCCESS;
}

static apr_status_t take_id_locked(llmq_entry_t *out, llmq_queue_t *q, const char *id,
                                   const llmq_queue_taker_t *by)
{
    apr_uint32_t i = llmq_queue_table_find(q, id);
    const llmq_queue_slot_t *slot;

    if (!i)
        return APR_NOTFOUND;
    slot = slot_at(q, i);
    if (slot->entry.state == LLMQ_ENTRY_RUNNING)
        return LLMQ_EBUSY;
    if (slot->entry.state == LLMQ_ENTRY_BLOCKED || slot->held)
        return LLMQ_ESTATE;
    llmq_queue_stats_taken(q, slot, by->now);
    llmq_queue_entry_pull(q, i, by);
    *out = slot->entry;
    return APR_SUCCESS;
}

apr_status_t llmq_queue_take_id(llmq_entry_t *out, llmq_queue_t *q, const char *id,
                                apr_uint32_t owner, apr_time_t lease_until)
{
    llmq_queue_taker_t by = {owner, lease_until, llmq_clock_now()};
    apr_status_t rv = llmq_queue_lock_enter(q);

    if (rv != APR_SUCCESS)
        return rv;
    llmq_queue_entry_due(q, by.now);
    rv = take_id_locked(out, q, id, &by);
    llmq_queue_lock_leave(q);
    return rv;
}
