/**
 * @file lanes.h
 * Figures of tasks. Their queue keeps them for each type of each tenant; a tenant's are the
 * sum of those.
 * @threads request
 */
#ifndef LLMQ_LANES_H
#define LLMQ_LANES_H

#include "core/task_type.h"
#include "http/service.h"
#include "queue/queue.h"

/**
 * @param stats   out: LLMQ_LEVEL_COUNT figures, those of all levels at 0
 * @param service the service of this process
 * @param tenant  name of the tenant
 * @param type    name of the type
 * @return as llmq_queue_tenant_stats()
 */
apr_status_t llmq_lanes_of(llmq_queue_stats_t *stats, const llmq_service_t *service,
                           const char *tenant, const char *type);

/**
 * All types of a tenant together: counts and totals; waits and means stay 0.
 * @param stats   out: LLMQ_LEVEL_COUNT figures, those of all levels at 0
 * @param service the service of this process
 * @param tenant  name of the tenant
 * @param types   those there are
 * @return as llmq_queue_tenant_stats()
 */
apr_status_t llmq_lanes_sum(llmq_queue_stats_t *stats, const llmq_service_t *service,
                            const char *tenant, const llmq_task_types_t *types);

#endif /* LLMQ_LANES_H */
