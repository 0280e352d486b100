#include "queue/queue_claim.h"

#include "queue/queue_gated.h"
#include "queue/queue_tenant.h"
#include "queue/queue_turn.h"

static int lane_has_ready(const llmq_queue_t *q, apr_uint32_t t, unsigned levels)
{
    apr_uint32_t l;

    LLMQ_EACH_LEVEL (l)
        if ((levels >> l & 1)
            && atomic_load(&lane_at(q, t, l)->in) != LLMQ_QUEUE_RING_NONE
            && atomic_load(&lane_at(q, t, l)->plain) && llmq_queue_turn_is_takeable(q, l))
            return 1;
    return 0;
}

int llmq_queue_has_ready(llmq_queue_t *q, const llmq_queue_filter_t *filter)
{
    unsigned levels = filter && filter->levels ? filter->levels : ~0U;
    apr_uint32_t t, l;
    int i;

    if (llmq_queue_is_damaged(q))
        return 0;
    if (llmq_queue_next_due(q) == 0)
        return 1;
    for (i = 0; filter && i < filter->n_tenants; i++) {
        t = llmq_queue_tenant_find(q, filter->tenants[i]);
        if (t && lane_has_ready(q, t, levels))
            return 1;
    }
    LLMQ_EACH_LEVEL (l)
        if (!filter && llmq_queue_turn_is_takeable(q, l))
            return 1;
    return 0;
}

int llmq_queue_has_gates(llmq_queue_t *q)
{
    return atomic_load(&q->header->gated) > 0;
}
