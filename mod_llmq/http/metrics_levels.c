#include "http/metrics_levels.h"

static apr_uint64_t figure_of(const llmq_queue_stats_t *s,
                              llmq_metrics_levels_figure_e which)
{
    const apr_uint64_t figures[LLMQ_METRICS_LEVELS_FIGURE_COUNT] = {
        [LLMQ_METRICS_LEVELS_QUEUED] = s->total_put,
        [LLMQ_METRICS_LEVELS_COMPLETED] = s->total_completed,
        [LLMQ_METRICS_LEVELS_FAILED] = s->total_failed,
        [LLMQ_METRICS_LEVELS_RUNNING] = s->running,
        [LLMQ_METRICS_LEVELS_SIZE] = s->max_size,
        [LLMQ_METRICS_LEVELS_CONCURRENCY] = s->max_concurrent,
    };

    return figures[which];
}

void llmq_metrics_levels_count(llmq_prometheus_t *w, const llmq_queue_stats_t *of_level,
                               llmq_metrics_levels_name_fn_t *name,
                               llmq_metrics_levels_figure_e which)
{
    int l;

    LLMQ_EACH_LEVEL (l) {
        LLMQ_PROMETHEUS_WITH(labels, "level", name((llmq_level_e)l));

        llmq_prometheus_count(w, labels, figure_of(&of_level[l], which));
    }
}

void llmq_metrics_levels_times(llmq_prometheus_t *w, const llmq_octaves_t *of_level,
                               llmq_metrics_levels_name_fn_t *name)
{
    int l;

    LLMQ_EACH_LEVEL (l) {
        LLMQ_PROMETHEUS_WITH(labels, "level", name((llmq_level_e)l));

        llmq_prometheus_octaves(w, labels, &of_level[l]);
    }
}
