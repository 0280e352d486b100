/**
 * @file metrics_levels.h
 * Metrics that have a sample for each level, of messages and of tasks: they differ in the
 * words for their levels only.
 * @threads request
 */
#ifndef LLMQ_METRICS_LEVELS_H
#define LLMQ_METRICS_LEVELS_H

#include "base/prometheus.h"
#include "core/priority.h"
#include "queue/queue.h"

/** Which figure of a level. */
typedef enum {
    LLMQ_METRICS_LEVELS_QUEUED = 0,
    LLMQ_METRICS_LEVELS_COMPLETED,
    LLMQ_METRICS_LEVELS_FAILED,
    LLMQ_METRICS_LEVELS_RUNNING,
    LLMQ_METRICS_LEVELS_SIZE,        /* how many may wait */
    LLMQ_METRICS_LEVELS_CONCURRENCY, /* how many may run */
    LLMQ_METRICS_LEVELS_FIGURE_COUNT
} llmq_metrics_levels_figure_e;

/** A level's word. */
typedef const char *llmq_metrics_levels_name_fn_t(llmq_level_e level);

/**
 * The samples of a counter or gauge.
 * @param w        the writer, its family begun
 * @param of_level what the queue says, by level
 * @param name     the words
 * @param which    the figure
 */
void llmq_metrics_levels_count(llmq_prometheus_t *w, const llmq_queue_stats_t *of_level,
                               llmq_metrics_levels_name_fn_t *name,
                               llmq_metrics_levels_figure_e which);

/**
 * The samples of a histogram.
 * @param w        the writer, its family begun
 * @param of_level the durations, by level
 * @param name     the words
 */
void llmq_metrics_levels_times(llmq_prometheus_t *w, const llmq_octaves_t *of_level,
                               llmq_metrics_levels_name_fn_t *name);

#endif /* LLMQ_METRICS_LEVELS_H */
