/**
 * @file prometheus.h
 * Metrics as text, in the form of Prometheus (0.0.4) or of OpenMetrics (1.0.0). A family is
 * begun and its samples follow; names of families stand without `_total`, which the form
 * adds where it belongs.
 * @threads any; a writer belongs to one thread
 */
#ifndef LLMQ_PROMETHEUS_H
#define LLMQ_PROMETHEUS_H

#include "base/histogram.h"

typedef enum {
    LLMQ_PROMETHEUS_COUNTER,
    LLMQ_PROMETHEUS_GAUGE,
    LLMQ_PROMETHEUS_HISTOGRAM
} llmq_prometheus_e;

typedef struct llmq_prometheus_t {
    llmq_text_t *text;
    int openmetrics;        /* non-zero: OpenMetrics */
    const char *name;       /* of the family */
    llmq_prometheus_e type; /* likewise */
} llmq_prometheus_t;

/** At most so many labels of a sample; llmq_prometheus_label_t ends with a NULL name. */
#define LLMQ_PROMETHEUS_LABELS 4

typedef struct llmq_prometheus_label_t {
    const char *name;
    const char *value; /* any UTF-8; escaped when written */
} llmq_prometheus_label_t;

/** Declare the labels @a l, one and two of them. */
#define LLMQ_PROMETHEUS_WITH(l, n, v)                                                    \
    llmq_prometheus_label_t l[] = {{(n), (v)}, {NULL, NULL}}
#define LLMQ_PROMETHEUS_WITH2(l, n, v, n2, v2)                                           \
    llmq_prometheus_label_t l[] = {{(n), (v)}, {(n2), (v2)}, {NULL, NULL}}

/**
 * @param w           out: the writer
 * @param text        where to
 * @param openmetrics non-zero for OpenMetrics
 */
void llmq_prometheus_init(llmq_prometheus_t *w, llmq_text_t *text, int openmetrics);

/**
 * Begin a family.
 * @param w    the writer
 * @param type what kind of metric
 * @param name [a-z_]+, without `_total`; static
 * @param help a sentence
 */
void llmq_prometheus_family(llmq_prometheus_t *w, llmq_prometheus_e type,
                            const char *name, const char *help);

/**
 * A sample of a counter or gauge.
 * @param w      the writer
 * @param labels ended by one without a name; NULL for none
 * @param value  the value
 */
void llmq_prometheus_number(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
                            double value);

/** As llmq_prometheus_number() for a whole number, to the last digit. */
void llmq_prometheus_count(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
                           apr_uint64_t value);

/** As llmq_prometheus_number() for a duration in microseconds, written in seconds. */
void llmq_prometheus_seconds(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
                             apr_interval_time_t value);

/**
 * The samples of a histogram.
 * @param w      the writer
 * @param labels as above
 * @param o      the durations; buckets are cumulative, `le` in seconds
 */
void llmq_prometheus_octaves(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
                             const llmq_octaves_t *o);

/**
 * Nothing follows.
 * @param w the writer
 */
void llmq_prometheus_end(llmq_prometheus_t *w);

#endif /* LLMQ_PROMETHEUS_H */
