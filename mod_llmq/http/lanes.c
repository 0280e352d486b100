#include "http/lanes.h"

#include "queue/queue_job.h"

#include <string.h>

apr_status_t llmq_lanes_of(llmq_queue_stats_t *stats, const llmq_service_t *service,
                           const char *tenant, const char *type)
{
    return llmq_queue_tenant_stats(stats, service->tasks,
                                   llmq_queue_job_lane(tenant, type));
}

static void add(llmq_queue_stats_t *sum, const llmq_queue_stats_t *s)
{
    sum->ready += s->ready;
    sum->blocked += s->blocked;
    sum->delayed += s->delayed;
    sum->running += s->running;
    sum->total_put += s->total_put;
    sum->total_completed += s->total_completed;
    sum->total_failed += s->total_failed;
    sum->total_taken += s->total_taken;
    /* Limits are the levels', the same in each. */
    sum->max_size = s->max_size;
    sum->max_concurrent = s->max_concurrent;
    sum->concurrency = s->concurrency;
}

apr_status_t llmq_lanes_sum(llmq_queue_stats_t *stats, const llmq_service_t *service,
                            const char *tenant, const llmq_task_types_t *types)
{
    llmq_queue_stats_t of_type[LLMQ_LEVEL_COUNT];
    apr_status_t rv = APR_SUCCESS;
    int i;
    int l;

    memset(stats, 0, sizeof(*stats) * LLMQ_LEVEL_COUNT);
    for (i = 0; rv == APR_SUCCESS && i < types->n; i++) {
        rv = llmq_lanes_of(of_type, service, tenant, types->type[i].name);
        for (l = 0; rv == APR_SUCCESS && l < LLMQ_LEVEL_COUNT; l++) {
            add(&stats[l], &of_type[l]);
        }
    }
    return rv;
}
