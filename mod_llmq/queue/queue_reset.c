#include "queue/queue_rebuild.h"

#include "base/log.h"
#include "queue/queue_lock.h"
#include "queue/queue_wake.h"

apr_status_t llmq_queue_reset(llmq_queue_t *q)
{
    apr_status_t rv = llmq_queue_lock_enter_damaged(q);
    int damaged;

    if (rv != APR_SUCCESS)
        return rv;
    damaged = llmq_queue_is_damaged(q);
    if (damaged) {
        /* The flag goes last: whoever dies in here leaves the queue damaged. */
        llmq_queue_layout_clear(q);
        llmq_queue_suspect(q);
        llmq_queue_wake_note(q);
        atomic_store(&q->header->damaged, 0);
    }
    llmq_queue_lock_leave(q);
    if (damaged)
        LLMQ_LOG(LLMQ_LOG_NOTICE, APR_SUCCESS,
                 LLMQ_NO(0302) "the damaged queue was emptied and awaits its rebuild");
    return APR_SUCCESS;
}
