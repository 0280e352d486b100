#include "queue/queue.h"

#include "base/clock.h"
#include "queue/queue_entry.h"
#include "queue/queue_lock.h"
#include "queue/queue_ready.h"
#include "queue/queue_stats.h"
#include "queue/queue_turn.h"

static void take_one(llmq_entry_t *out, llmq_queue_t *q, apr_uint32_t level,
                     apr_uint32_t owner, apr_time_t now)
{
    apr_uint32_t i = llmq_queue_ready_pop(q, level);

    llmq_queue_stats_taken(q, slot_at(q, i), now);
    llmq_queue_entry_start(q, i, owner, now);
    *out = slot_at(q, i)->entry;
}

apr_status_t llmq_queue_take(llmq_entry_t *out, int *pn, llmq_queue_t *q, int max,
                             apr_uint32_t owner)
{
    apr_time_t now = llmq_clock_now();
    llmq_queue_ranks_t ranks;
    apr_uint32_t level;
    apr_status_t rv;
    int n = 0;

    *pn = 0;
    rv = llmq_queue_lock_enter(q);
    if (rv != APR_SUCCESS)
        return rv;
    llmq_queue_entry_due(q, now);
    llmq_queue_turn_rank(&ranks, q, now);
    while ((level = llmq_queue_turn_level(q, &ranks)) != 0 && n < max) {
        take_one(&out[n++], q, level, owner, now);
        llmq_queue_turn_rerank(&ranks, q, level);
    }
    /* All that was noted so far has been looked at, unless max cut the look short: then
     * the next wait must return at once. */
    atomic_store(&q->seen, atomic_load(&q->header->epoch) - (level ? 1 : 0));
    llmq_queue_lock_leave(q);
    *pn = n;
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
