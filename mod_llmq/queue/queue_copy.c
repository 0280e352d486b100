#include "queue/queue_copy.h"

#include "queue/queue_lock.h"

apr_status_t llmq_queue_copy(llmq_entry_t **out, int *pn, llmq_queue_t *q,
                             llmq_queue_copy_fn_t *fn, const void *ctx, apr_pool_t *p)
{
    llmq_entry_t *copy = NULL;
    int n = 0, room;

    do {
        apr_status_t rv;

        room = n;
        if (room > 0)
            copy = apr_palloc(p, (apr_size_t)room * sizeof(*copy));
        rv = llmq_queue_lock_enter(q);
        if (rv != APR_SUCCESS)
            return rv;
        n = fn(copy, room, q, ctx);
        llmq_queue_lock_leave(q);
    } while (n > room);
    *out = copy;
    *pn = n;
    return APR_SUCCESS;
}
