#include "http/overlay.h"

int llmq_overlay_job(llmq_job_t *job, llmq_queue_t *queue)
{
    llmq_entry_t entry;

    if (job->status != LLMQ_STATUS_PENDING
        || llmq_queue_find(&entry, queue, job->id) != APR_SUCCESS
        || entry.state != LLMQ_ENTRY_RUNNING || entry.canceled) {
        return 0;
    }
    job->status = LLMQ_STATUS_PROCESSING;
    job->started_at = entry.taken_at;
    if (job->updated_at < entry.taken_at) {
        job->updated_at = entry.taken_at;
    }
    return 1;
}
