#include "queue/queue_claim.h"

#include "queue/queue_layout.h"
#include "queue/queue_lock.h"

#include <stdlib.h>

/* The part of a heap that ends at or before a moment hangs together at its top: walk it,
 * and copy what of @a room there is. @return how many there are */
static int copy_due(llmq_entry_t *out, int room, llmq_queue_t *q, apr_time_t now)
{
    const apr_uint32_t *item = q->leases.item;
    apr_uint32_t pos = 0, count = q->header->lease_count;
    int n = 0;

    for (;;) {
        if (pos < count && slot_at(q, item[pos])->entry.lease_until <= now) {
            if (n < room)
                out[n] = slot_at(q, item[pos])->entry;
            n++;
            pos = 2 * pos + 1;
            continue;
        }
        /* Up until there is a right sibling to go to. */
        while (pos > 0 && pos % 2 == 0)
            pos = (pos - 1) / 2;
        if (pos == 0)
            return n;
        pos++;
    }
}

static int by_end(const void *a, const void *b)
{
    const llmq_entry_t *x = a, *y = b;

    return (x->lease_until > y->lease_until) - (x->lease_until < y->lease_until);
}

apr_status_t llmq_queue_leases_due(llmq_entry_t **out, int *pn, llmq_queue_t *q,
                                   apr_time_t now, apr_pool_t *p)
{
    apr_time_t first = atomic_load(&q->header->lease_at);
    llmq_entry_t *copy = NULL;
    int n = 0, room;

    *pn = 0;
    if (first == 0 || first > now)
        return llmq_queue_is_damaged(q) ? APR_EINCOMPLETE : APR_SUCCESS;
    /* Memory is not allocated under the lock, so count first. */
    do {
        apr_status_t rv;

        room = n;
        if (room > 0)
            copy = apr_palloc(p, (apr_size_t)room * sizeof(*copy));
        rv = llmq_queue_lock_enter(q);
        if (rv != APR_SUCCESS)
            return rv;
        n = copy_due(copy, room, q, now);
        llmq_queue_lock_leave(q);
    } while (n > room);
    if (n > 1)
        qsort(copy, (size_t)n, sizeof(*copy), by_end);
    *out = copy;
    *pn = n;
    return APR_SUCCESS;
}
