#include "dispatch/deadline.h"

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/dispatch_inner.h"

void llmq_deadline_end(llmq_dispatch_t *d, const llmq_entry_t *entry,
                       const llmq_job_t *job, const llmq_chat_past_t *past)
{
    llmq_attempt_t *a = llmq_attempt_create(d, entry, job, past);

    if (!a) {
        /* Out of memory: it expires again. */
        llmq_queue_requeue(llmq_dispatch_inner_queue(d, job->kind), entry->id,
                           entry->attempt, entry->attempt, 0);
        return;
    }
    a->expired = 1;
    a->start_written = 1; /* there is none */
    a->call.ended_at = llmq_clock_now();
    LLMQ_LOG(LLMQ_LOG_INFO, 0, LLMQ_NO(0790) "msg[%s] was not begun before its deadline",
             a->call.id);
    llmq_attempt_launch(a);
    llmq_finisher_put(d->finisher, a);
}
