#include "queue/queue_claim.h"

#include "base/clock.h"
#include "queue/queue_entry.h"
#include "queue/queue_lock.h"
#include "queue/queue_pick.h"
#include "queue/queue_ready.h"
#include "queue/queue_stats.h"
#include "queue/queue_table.h"

/* A take under way. */
typedef struct {
    llmq_queue_taker_t by;
    const llmq_queue_filter_t *filter;
    int max;
    int more; /* out: max has cut it short */
} take_t;

/* @return how many were taken */
static int take_locked(llmq_entry_t *out, llmq_queue_t *q, take_t *take)
{
    const llmq_queue_taker_t *by = &take->by;
    llmq_queue_pick_t pick;
    apr_uint32_t k;
    int n = 0;

    llmq_queue_entry_due(q, by->now);
    llmq_queue_pick_begin(&pick, q, take->filter, by->now);
    while ((k = llmq_queue_pick_key(&pick)) != 0 && n < take->max) {
        apr_uint32_t i = llmq_queue_ready_pop(q, k);

        llmq_queue_stats_taken(q, slot_at(q, i), by->now);
        llmq_queue_entry_start(q, i, by);
        out[n++] = slot_at(q, i)->entry;
        llmq_queue_pick_taken(&pick, i);
    }
    take->more = k != 0;
    return n;
}

apr_status_t llmq_queue_take(llmq_entry_t *out, int *pn, llmq_queue_t *q, int max,
                             apr_uint32_t owner)
{
    take_t take = {{owner, 0, llmq_clock_now()}, NULL, max, 0};
    apr_status_t rv;

    *pn = 0;
    rv = llmq_queue_lock_enter(q);
    if (rv != APR_SUCCESS)
        return rv;
    *pn = take_locked(out, q, &take);
    /* All that was noted so far has been looked at, unless max cut the look short: then
     * the next wait must return at once. */
    atomic_store(&q->seen, atomic_load(&q->header->epoch) - (take.more ? 1 : 0));
    llmq_queue_lock_leave(q);
    return APR_SUCCESS;
}

apr_status_t llmq_queue_take_from(llmq_entry_t *out, int *pn, llmq_queue_t *q, int max,
                                  apr_uint32_t owner, apr_time_t lease_until,
                                  const llmq_queue_filter_t *filter)
{
    take_t take = {{owner, lease_until, llmq_clock_now()}, filter, max, 0};
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
