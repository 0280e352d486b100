#include "http/lease_tell.h"

#include "bus/bus_tell.h"
#include "http/muster.h"

#include "queue/queue_claim.h"
#include "queue/queue_job.h"

static void tell_end(llmq_queue_t *q, const llmq_lease_change_t *change)
{
    llmq_queue_ack_t ack = {change->id, (apr_uint32_t)change->stored_attempt,
                            change->to == LLMQ_STATUS_COMPLETED ? LLMQ_ACK_COMPLETED
                                                                : LLMQ_ACK_FAILED};

    llmq_queue_ack(q, &ack, 1);
}

/* The entry may be in the queue of the node that the job was of until now; from now on it is
 * ours. */
static void tell_return(llmq_queue_t *q, const llmq_lease_change_t *change,
                        const llmq_job_t *job)
{
    llmq_job_t again = *job;
    llmq_entry_t entry;

    if (llmq_queue_requeue(q, change->id, (apr_uint32_t)job->attempt,
                           (apr_uint32_t)change->stored_attempt, change->run_at)
        != APR_NOTFOUND) {
        return;
    }
    again.attempt = change->stored_attempt;
    again.run_at = change->run_at;
    llmq_queue_job_entry(&entry, &again);
    llmq_queue_put(q, &entry, 1, 0);
}

/* A lease that is renewed and says no more changes nothing that anybody sees. */
static int shows(const llmq_lease_change_t *change)
{
    return change->to != LLMQ_STATUS_PROCESSING || change->progress >= 0 || change->note;
}

void llmq_lease_tell(const llmq_service_t *service, const llmq_lease_change_t *change,
                     const llmq_job_t *job)
{
    llmq_queue_t *q = llmq_service_queue(service, change->kind);
    apr_uint32_t attempt = (apr_uint32_t)change->stored_attempt;

    llmq_muster_changes(service, change, job);
    if (shows(change)) {
        llmq_bus_tell_job(service->bus, change->kind, change->tenant, change->id,
                          change->stored_chain);
    }
    if (change->to == LLMQ_STATUS_PENDING) {
        tell_return(q, change, job);
    }
    else if (llmq_job_is_final(change->to)) {
        tell_end(q, change);
    }
    else {
        llmq_queue_lease(q, change->id, attempt, attempt, change->stored_until);
    }
}

void llmq_lease_tell_gone(const llmq_service_t *service, llmq_kind_e kind, const char *id)
{
    llmq_queue_t *q = llmq_service_queue(service, kind);
    llmq_queue_ack_t ack = {id, APR_UINT32_MAX, LLMQ_ACK_GONE};
    llmq_entry_t entry;

    if (llmq_queue_find(&entry, q, id) == APR_SUCCESS && entry.lease_until) {
        llmq_queue_ack(q, &ack, 1);
    }
}
