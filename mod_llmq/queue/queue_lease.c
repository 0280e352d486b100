#include "queue/queue_lease.h"

#include "queue/queue_lock.h"
#include "queue/queue_table.h"

/* Keep a copy of the first end that can be read without the lock. */
static void publish(llmq_queue_t *q)
{
    apr_time_t first = 0;

    if (q->header->lease_count > 0)
        first = slot_at(q, q->leases.item[0])->entry.lease_until;
    atomic_store(&q->header->lease_at, first);
}

void llmq_queue_lease_set(llmq_queue_t *q, apr_uint32_t i, apr_time_t until)
{
    llmq_queue_slot_t *slot = slot_at(q, i);

    if (slot->entry.lease_until == until)
        return;
    if (slot->entry.lease_until)
        llmq_queue_heap_remove(&q->leases, slot->lease_pos);
    slot->entry.lease_until = until;
    if (until)
        llmq_queue_heap_put(&q->leases, i);
    publish(q);
}

static apr_status_t change(llmq_queue_t *q, const llmq_queue_lease_t *lease)
{
    apr_uint32_t i = llmq_queue_table_find(q, lease->id);

    if (!i || slot_at(q, i)->entry.state != LLMQ_ENTRY_RUNNING
        || slot_at(q, i)->entry.attempt != lease->attempt)
        return APR_NOTFOUND;
    slot_at(q, i)->entry.attempt = lease->next;
    llmq_queue_lease_set(q, i, lease->until);
    return APR_SUCCESS;
}

apr_status_t llmq_queue_lease_all(llmq_queue_t *q, const llmq_queue_lease_t *leases,
                                  int n)
{
    apr_status_t rv = llmq_queue_lock_enter(q);
    int i;

    if (rv != APR_SUCCESS)
        return rv;
    for (i = 0; i < n; i++)
        if (change(q, &leases[i]) != APR_SUCCESS)
            rv = APR_NOTFOUND;
    llmq_queue_lock_leave(q);
    return rv;
}

apr_status_t llmq_queue_lease(llmq_queue_t *q, const char *id, apr_uint32_t attempt,
                              apr_uint32_t next, apr_time_t lease_until)
{
    llmq_queue_lease_t lease = {id, attempt, next, lease_until};

    return llmq_queue_lease_all(q, &lease, 1);
}
