#include "queue/queue_claim.h"

#include "base/clock.h"
#include "queue/queue_layout.h"

/* How long until a moment that is published in the header, 0 for none. */
static apr_interval_time_t until(_Atomic(apr_int64_t) *moment)
{
    apr_time_t at = atomic_load(moment), now;

    if (at == 0)
        return -1;
    now = llmq_clock_now();
    return at > now ? at - now : 0;
}

apr_interval_time_t llmq_queue_next_due(llmq_queue_t *q)
{
    return until(&q->header->due_at);
}

apr_interval_time_t llmq_queue_next_lease(llmq_queue_t *q)
{
    return until(&q->header->lease_at);
}
