#include "http/overlay.h"

#include "base/id.h"
#include "store/store_job.h"

static int apply(llmq_job_t *job, const llmq_entry_t *entry)
{
    if (job->status != LLMQ_STATUS_PENDING || entry->state != LLMQ_ENTRY_RUNNING
        || entry->canceled || entry->attempt != (apr_uint32_t)job->attempt) {
        return 0;
    }
    job->status = LLMQ_STATUS_PROCESSING;
    job->started_at = entry->taken_at;
    if (job->updated_at < entry->taken_at) {
        job->updated_at = entry->taken_at;
    }
    return 1;
}

apr_status_t llmq_overlay_find(llmq_job_t **pjob, llmq_status_e *pstored,
                               const llmq_service_t *service, const char *tenant,
                               llmq_kind_e kind, const char *id, apr_pool_t *p)
{
    llmq_entry_t entry;
    apr_status_t known;
    apr_status_t rv;

    if (!llmq_id_is_name(id)) {
        return APR_NOTFOUND;
    }
    known = llmq_queue_find(&entry, llmq_service_queue(service, kind), id);
    rv = llmq_store_job_find(pjob, service->store, tenant, kind, id, p);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (pstored) {
        *pstored = (*pjob)->status;
    }
    if (known == APR_SUCCESS) {
        apply(*pjob, &entry);
    }
    return APR_SUCCESS;
}

int llmq_overlay_job(llmq_job_t *job, llmq_queue_t *queue)
{
    llmq_entry_t entry;

    return job->status == LLMQ_STATUS_PENDING
           && llmq_queue_find(&entry, queue, job->id) == APR_SUCCESS
           && apply(job, &entry);
}
