#include "queue/queue.h"

#include "queue/queue_lock.h"

/* Copy what of @a room there is; return how many there are. */
static int copy_running(llmq_entry_t *out, int room, llmq_queue_t *q, apr_uint32_t owner)
{
    apr_uint32_t i;
    int n = 0;

    for (i = q->header->running; i; i = slot_at(q, i)->next) {
        if (owner && slot_at(q, i)->entry.owner != owner)
            continue;
        if (n < room)
            out[n] = slot_at(q, i)->entry;
        n++;
    }
    return n;
}

apr_status_t llmq_queue_running(llmq_entry_t **out, int *pn, llmq_queue_t *q,
                                apr_uint32_t owner, apr_pool_t *p)
{
    llmq_entry_t *copy = NULL;
    int n = 0, room;

    /* Memory is not allocated under the lock, so count first and look again if there are
     * more by then. */
    do {
        apr_status_t rv;

        room = n;
        if (room > 0)
            copy = apr_palloc(p, (apr_size_t)room * sizeof(*copy));
        rv = llmq_queue_lock_enter(q);
        if (rv != APR_SUCCESS)
            return rv;
        n = copy_running(copy, room, q, owner);
        llmq_queue_lock_leave(q);
    } while (n > room);
    *out = copy;
    *pn = n;
    return APR_SUCCESS;
}
