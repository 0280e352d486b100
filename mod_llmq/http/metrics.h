/**
 * @file metrics.h
 * All figures of this server at one moment, as both forms of /metrics show them.
 * @threads request
 */
#ifndef LLMQ_METRICS_H
#define LLMQ_METRICS_H

#include "http/board.h"
#include "http/hub_meter.h"
#include "http/metrics_task.h"
#include "http/service.h"
#include "http/traffic.h"
#include "queue/queue_figures.h"
#include "store/store_meter.h"

typedef struct llmq_metrics_t {
    llmq_queue_stats_t queue[LLMQ_LEVEL_COUNT]; /* by level; slot 0 the sum */
    llmq_queue_times_t times;
    llmq_metrics_task_t tasks;
    llmq_traffic_t traffic;
    llmq_board_t board;
    llmq_store_use_t database;
    llmq_hub_figures_t streams;
    double memory_percent;
    double disk_percent; /* of the disk that holds the server's files */
} llmq_metrics_t;

/**
 * @param m       out
 * @param service the service of this process
 * @param p       scratch
 * @return APR_SUCCESS; APR_EINCOMPLETE the queue is being reset
 */
apr_status_t llmq_metrics_gather(llmq_metrics_t *m, const llmq_service_t *service,
                                 apr_pool_t *p);

/**
 * Write all figures as text for Prometheus.
 * @param t           where to
 * @param m           the figures
 * @param service     the service
 * @param openmetrics non-zero for OpenMetrics
 */
void llmq_metrics_expose(llmq_text_t *t, const llmq_metrics_t *m,
                         const llmq_service_t *service, int openmetrics);

#endif /* LLMQ_METRICS_H */
