#include "queue/queue_bell.h"

#include "base/clock.h"
#include "queue/queue_entry.h"
#include "queue/queue_lock.h"

void llmq_queue_tick(llmq_queue_t *q)
{
    if (llmq_queue_next_due(q) != 0 || llmq_queue_is_damaged(q)
        || llmq_queue_lock_enter(q) != APR_SUCCESS)
        return;
    llmq_queue_entry_due(q, llmq_clock_now());
    llmq_queue_lock_leave(q);
}
