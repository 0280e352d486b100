/**
 * @file metrics_usage.h
 * What models have used and whom limits have met, as /metrics shows it.
 */
#ifndef LLMQ_METRICS_USAGE_H
#define LLMQ_METRICS_USAGE_H

#include "base/prometheus.h"
#include "core/usage_meter.h"

/**
 * @param w     the writer
 * @param meter what was counted
 * @threads request
 */
void llmq_metrics_usage_expose(llmq_prometheus_t *w, llmq_usage_meter_t *meter);

#endif /* LLMQ_METRICS_USAGE_H */
