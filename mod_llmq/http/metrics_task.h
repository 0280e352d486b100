/**
 * @file metrics_task.h
 * The part of /metrics that is about tasks and workers. What is told by type is read from
 * the store, the unfinished work of this node alone; all else is in shared memory, and is
 * told while the database is away, too.
 * @threads request
 */
#ifndef LLMQ_METRICS_TASK_H
#define LLMQ_METRICS_TASK_H

#include "base/prometheus.h"
#include "core/roster.h"
#include "http/service.h"
#include "queue/queue_figures.h"
#include "store/store_census.h"

typedef struct llmq_metrics_task_t {
    llmq_queue_stats_t queue[LLMQ_LEVEL_COUNT]; /* by level; slot 0 the sum */
    llmq_queue_times_t times;
    llmq_roster_sums_t workers;
    llmq_backlog_sum_t *open; /* NULL: not read, or the database is away */
    int n_open;
    apr_int64_t dead;
    apr_time_t now;
} llmq_metrics_task_t;

/**
 * What is in shared memory.
 * @param m       out; zeroed before
 * @param service the service of this process
 * @return APR_SUCCESS; APR_EINCOMPLETE the queue is being reset
 */
apr_status_t llmq_metrics_task_gather(llmq_metrics_task_t *m,
                                      const llmq_service_t *service);

/**
 * What is in the store.
 * @param m       out, after llmq_metrics_task_gather()
 * @param service the service of this process
 * @param p       pool of the result
 */
void llmq_metrics_task_look(llmq_metrics_task_t *m, const llmq_service_t *service,
                            apr_pool_t *p);

/**
 * @param w where to
 * @param m the figures
 */
void llmq_metrics_task_expose(llmq_prometheus_t *w, const llmq_metrics_task_t *m);

#endif /* LLMQ_METRICS_TASK_H */
