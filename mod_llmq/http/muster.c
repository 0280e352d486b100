#include "http/muster.h"

#include "base/clock.h"

void llmq_muster_asks(const llmq_service_t *service, const llmq_claim_t *claim)
{
    apr_time_t now = llmq_clock_now();

    llmq_roster_waits(service->roster, claim->tenant, claim->worker, now + claim->wait,
                      now);
}

void llmq_muster_gets(const llmq_service_t *service, const llmq_job_t *job, int n)
{
    llmq_roster_claimed(service->roster, job->tenant, job->owner, n, job->lease_until,
                        llmq_clock_now());
}

/* A failure has used up a retry, or the last of them; what is given back has not. */
static llmq_worker_end_e how_it_ended(const llmq_lease_change_t *change,
                                      const llmq_job_t *job)
{
    if (change->to == LLMQ_STATUS_COMPLETED) {
        return LLMQ_WORKER_SUCCEEDED;
    }
    return change->to == LLMQ_STATUS_PENDING && job
                   && change->retry_count <= job->retry_count
               ? LLMQ_WORKER_RELEASED
               : LLMQ_WORKER_FAILED;
}

void llmq_muster_changes(const llmq_service_t *service, const llmq_lease_change_t *change,
                         const llmq_job_t *job)
{
    /* A row that is pending again has lost its owner. */
    const char *worker = job ? job->owner : change->stored_owner;
    apr_time_t started = job ? job->started_at : change->stored_started;
    apr_time_t now = llmq_clock_now();
    llmq_worker_end_t end;

    if (change->to == LLMQ_STATUS_PROCESSING) {
        llmq_roster_renewed(service->roster, change->tenant, worker, change->stored_until,
                            now);
        return;
    }
    end.how = how_it_ended(change, job);
    end.took = now - started;
    llmq_roster_ended(service->roster, change->tenant, worker, end, now);
}

void llmq_muster_loses(const llmq_service_t *service, const llmq_job_t *job)
{
    apr_time_t now = llmq_clock_now();
    llmq_worker_end_t end = {LLMQ_WORKER_CANCELED, now - job->started_at};

    if (job->owner && job->lease_token) {
        llmq_roster_ended(service->roster, job->tenant, job->owner, end, now);
    }
}
