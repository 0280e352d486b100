#include "queue/queue.h"

#include "queue/queue_copy.h"
#include "queue/queue_layout.h"

static int copy_running(llmq_entry_t *out, int room, llmq_queue_t *q, const void *ctx)
{
    apr_uint32_t owner = *(const apr_uint32_t *)ctx;
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
    return llmq_queue_copy(out, pn, q, copy_running, &owner, p);
}
