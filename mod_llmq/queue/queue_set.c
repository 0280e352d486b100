#include "queue/queue.h"

#include "queue/queue_lock.h"
#include "queue/queue_tenant.h"

static int is_level(int level)
{
    return level > LLMQ_LEVEL_NONE && level < LLMQ_LEVEL_COUNT;
}

apr_status_t llmq_queue_set_concurrency(llmq_queue_t *q, llmq_level_e level,
                                        apr_uint32_t n)
{
    apr_status_t rv;

    if (!is_level(level))
        return APR_EINVAL;
    rv = llmq_queue_lock_enter(q);
    if (rv != APR_SUCCESS)
        return rv;
    llmq_queue_tenant_set_concurrency(q, level, n);
    llmq_queue_lock_leave(q);
    return APR_SUCCESS;
}

void llmq_queue_set_flags(llmq_queue_t *q, apr_uint64_t tenant, apr_uint32_t flags)
{
    atomic_store(&tenant_at(q, llmq_queue_tenant_get(q, tenant))->flags, flags);
}

apr_status_t llmq_queue_set_totals(llmq_queue_t *q, apr_uint64_t tenant,
                                   llmq_level_e level, const llmq_queue_totals_t *totals)
{
    llmq_queue_account_t *all, *own;
    apr_status_t rv;

    if (!is_level(level))
        return APR_EINVAL;
    rv = llmq_queue_lock_enter(q);
    if (rv != APR_SUCCESS)
        return rv;
    all = &q->header->level[level].account;
    own = &lane_at(q, llmq_queue_tenant_get_locked(q, tenant), level)->account;
    all->total_completed += totals->completed - own->total_completed;
    all->total_failed += totals->failed - own->total_failed;
    own->total_completed = totals->completed;
    own->total_failed = totals->failed;
    llmq_queue_lock_leave(q);
    return APR_SUCCESS;
}
