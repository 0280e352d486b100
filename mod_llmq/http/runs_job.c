#include "http/runs_job.h"

#include "base/clock.h"
#include "queue/queue_job.h"
#include "store/store_agent.h"
#include "store/store_job.h"

#include <string.h>

static int retries_of(const llmq_service_t *service, const char *agent)
{
    int i;

    for (i = 0; i < service->n_agents; i++) {
        if (strcmp(service->agents[i].name, agent) == 0) {
            return service->agents[i].max_retries;
        }
    }
    return LLMQ_RUN_RETRIES;
}

apr_status_t llmq_runs_job_insert(llmq_job_t *job, const llmq_run_t *run,
                                  const llmq_service_t *service, apr_pool_t *p)
{
    llmq_text_t row;

    llmq_run_job(job, run, retries_of(service, run->agent), llmq_clock_now(), p);
    llmq_text_init(&row, 512, p);
    LLMQ_TEXT_LIT(&row, "[");
    llmq_store_job_row(&row, job);
    LLMQ_TEXT_LIT(&row, "]");
    return llmq_store_job_insert(service->store, row.data, p);
}

void llmq_runs_job_put(const llmq_job_t *job, int how, const llmq_service_t *service)
{
    llmq_entry_t entry;

    llmq_queue_job_entry(&entry, job);
    llmq_queue_put(service->tasks, &entry, 1, how);
}

void llmq_runs_job_next(const char *session, const llmq_service_t *service, apr_pool_t *p)
{
    llmq_run_t *runs = NULL;
    llmq_job_t job;
    int n = 0;
    int i;

    if (llmq_store_agent_promote(&runs, &n, service->store, &session, 1, p)
        != APR_SUCCESS) {
        return;
    }
    for (i = 0; i < n; i++) {
        if (llmq_runs_job_insert(&job, &runs[i], service, p) == APR_SUCCESS) {
            llmq_runs_job_put(&job, 0, service);
        }
    }
}
