#include "queue/queue.h"

#include "base/clock.h"
#include "queue/queue_entry.h"
#include "queue/queue_lock.h"
#include "queue/queue_ready.h"
#include "queue/queue_stats.h"

static int take_level(llmq_entry_t *out, llmq_queue_t *q, apr_uint32_t l, int max,
                      apr_uint32_t owner, apr_time_t now)
{
    llmq_queue_level_t *level = &q->header->level[l];
    int n = 0;

    while (n < max && llmq_queue_entry_is_takeable(level)) {
        apr_uint32_t i = llmq_queue_ready_pop(q, l);

        llmq_queue_stats_taken(q, slot_at(q, i), now);
        llmq_queue_entry_start(q, i, owner, now);
        out[n++] = slot_at(q, i)->entry;
    }
    return n;
}

static int has_takeable(llmq_queue_t *q)
{
    int l;

    LLMQ_EACH_LEVEL (l)
        if (llmq_queue_entry_is_takeable(&q->header->level[l]))
            return 1;
    return 0;
}

apr_status_t llmq_queue_take(llmq_entry_t *out, int *pn, llmq_queue_t *q, int max,
                             apr_uint32_t owner)
{
    apr_time_t now = llmq_clock_now();
    apr_status_t rv;
    int l, n = 0;

    *pn = 0;
    rv = llmq_queue_lock_enter(q);
    if (rv != APR_SUCCESS)
        return rv;
    llmq_queue_entry_due(q, now);
    LLMQ_EACH_LEVEL (l)
        n += take_level(out + n, q, (apr_uint32_t)l, max - n, owner, now);
    /* All that was noted so far has been looked at, unless max cut the look short: then
     * the next wait must return at once. */
    atomic_store(&q->seen, atomic_load(&q->header->epoch) - (has_takeable(q) ? 1 : 0));
    llmq_queue_lock_leave(q);
    *pn = n;
    return APR_SUCCESS;
}
