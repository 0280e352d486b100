#include "queue/queue_rebuild.h"

#include "queue/queue_layout.h"

static int has_missed(llmq_queue_t *q)
{
    int l;

    LLMQ_EACH_LEVEL (l)
        if (atomic_load(&q->header->level[l].missed))
            return 1;
    return 0;
}

static void forget_missed(llmq_queue_t *q, apr_uint32_t l)
{
    apr_uint32_t t;

    /* What is missed meanwhile is in the store already: the walk that begins meets it. */
    atomic_store(&q->header->level[l].missed, 0);
    LLMQ_QUEUE_EACH_TENANT(q, t)
    atomic_store(&lane_at(q, t, l)->missed, 0);
}

void llmq_queue_rebuild_begin(llmq_queue_t *q)
{
    apr_uint32_t l;

    /* The walk asks for itself: if it never ends, it is still asked for. */
    q->walk = atomic_fetch_add(&q->header->suspects, 1) + 1;
    atomic_store(&q->header->walking, q->walk);
    LLMQ_EACH_LEVEL (l)
        forget_missed(q, l);
}

void llmq_queue_rebuild_end(llmq_queue_t *q, int complete)
{
    apr_uint32_t walked = atomic_load(&q->header->walked);

    /* A walk that stopped for lack of room is repeated when there is some; one that
     * stopped for another reason is repeated at once. */
    if (!complete && !has_missed(q))
        return;
    /* An older walk of another process must not undo a younger one's mark; the difference
     * tells the order even when the counter wraps. */
    while ((apr_int32_t)(q->walk - walked) > 0
           && !atomic_compare_exchange_weak(&q->header->walked, &walked, q->walk))
        continue;
}
