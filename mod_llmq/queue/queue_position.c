#include "queue/queue_claim.h"

#include "queue/queue_age.h"
#include "queue/queue_lock.h"
#include "queue/queue_table.h"
#include "queue/queue_tenant.h"

/* How many of a record became ready in that level up to then. */
static apr_uint32_t up_to(const llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level,
                          apr_uint64_t no)
{
    const llmq_queue_lane_t *lane = lane_at(q, t, level);

    return lane->account.count[LLMQ_ENTRY_READY] - llmq_queue_age_after(q, lane, no);
}

/* Several of the listed tenants may have one record together. */
static int is_repeated(const llmq_queue_t *q, const llmq_queue_filter_t *scope, int i,
                       apr_uint32_t t)
{
    while (t == LLMQ_QUEUE_TENANT_SHARED && i-- > 0)
        if (llmq_queue_tenant_find(q, scope->tenants[i]) == t)
            return 1;
    return 0;
}

static apr_uint32_t among_listed(const llmq_queue_t *q, const llmq_queue_slot_t *slot,
                                 const llmq_queue_filter_t *scope)
{
    apr_uint32_t n = 1;
    int i;

    for (i = 0; i < scope->n_tenants; i++) {
        apr_uint32_t t = llmq_queue_tenant_find(q, scope->tenants[i]);

        if (!t || is_repeated(q, scope, i, t))
            continue;
        n += up_to(q, t, slot->entry.level, slot->ready_no);
        if (t == slot->tenant)
            n--; /* it is one of those */
    }
    return n;
}

static apr_uint32_t among_all(const llmq_queue_t *q, const llmq_queue_slot_t *slot)
{
    apr_uint32_t n = 0, t;

    LLMQ_QUEUE_EACH_TENANT(q, t)
    n += up_to(q, t, slot->entry.level, slot->ready_no);
    return n;
}

apr_uint32_t llmq_queue_position(llmq_queue_t *q, const char *id,
                                 const llmq_queue_filter_t *scope)
{
    apr_uint32_t i, n = 0;

    if (llmq_queue_lock_enter(q) != APR_SUCCESS)
        return 0;
    i = llmq_queue_table_find(q, id);
    if (i && slot_at(q, i)->entry.state == LLMQ_ENTRY_READY)
        n = scope ? among_listed(q, slot_at(q, i), scope) : among_all(q, slot_at(q, i));
    llmq_queue_lock_leave(q);
    return n;
}
