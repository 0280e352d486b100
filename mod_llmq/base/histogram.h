/**
 * @file histogram.h
 * How durations are spread: a fixed array of counters whose borders grow with the values,
 * beside the exact number, sum, least and largest. Plain data without pointers, so it may
 * lie in shared memory and be copied.
 *
 * Borders. Bucket 0 holds all up to 1 ms. From there each doubling is split into eight
 * equal steps, up to 2^27 ms (37 hours); the last bucket holds what is longer. A bucket
 * includes its upper border and not its lower one, as the `le` of Prometheus does, and all
 * powers of two milliseconds are borders, so eight buckets together are an octave exactly.
 *
 * Precision. A bucket is an eighth of its lower border wide at most and a quantile answers
 * with its middle, so it is off by 1/16 of the true value at most; below 1 ms, by 0.5 ms.
 * Number, sum, least and largest are exact.
 *
 * Counters have 32 bits. One that is full stays full; the number and the sum go on.
 * @threads any; whoever shares one guards it
 */
#ifndef LLMQ_HISTOGRAM_H
#define LLMQ_HISTOGRAM_H

#include "base/text.h"

#define LLMQ_HISTOGRAM_STEPS   8  /* buckets of an octave */
#define LLMQ_HISTOGRAM_LAST    27 /* octaves between 1 ms and the last bucket */
#define LLMQ_HISTOGRAM_BUCKETS (1 + LLMQ_HISTOGRAM_LAST * LLMQ_HISTOGRAM_STEPS + 1)

typedef struct llmq_histogram_t {
    apr_uint64_t count;
    apr_interval_time_t sum; /* microseconds, as are all durations here */
    apr_interval_time_t min; /* 0 while count is 0 */
    apr_interval_time_t max;
    apr_uint32_t bucket[LLMQ_HISTOGRAM_BUCKETS];
} llmq_histogram_t;

/** Whole octaves: slot 0 up to 1 ms, slot k up to 2^k ms, the last one everything. */
#define LLMQ_HISTOGRAM_OCTAVES (1 + LLMQ_HISTOGRAM_LAST + 1)

/** The coarse kind, for totals that grow as long as the server runs. */
typedef struct llmq_octaves_t {
    apr_uint64_t count;
    apr_interval_time_t sum;
    apr_uint64_t octave[LLMQ_HISTOGRAM_OCTAVES]; /* each for itself, not cumulative */
} llmq_octaves_t;

/**
 * @param d microseconds; negative counts as 0
 * @return index of its bucket
 */
int llmq_histogram_index(apr_interval_time_t d);

/**
 * @param index of a bucket
 * @return its upper border, which it includes; of the last one the largest duration
 */
apr_interval_time_t llmq_histogram_upper(int index);

/**
 * @param index of a bucket
 * @return the octave it belongs to
 */
int llmq_histogram_octave(int index);

/**
 * @param octave slot of llmq_octaves_t but the last
 * @return its upper border, which it includes
 */
apr_interval_time_t llmq_histogram_octave_upper(int octave);

/**
 * Count a duration.
 * @param h zeroed before its first use
 * @param d microseconds; negative counts as 0
 */
void llmq_histogram_add(llmq_histogram_t *h, apr_interval_time_t d);

/**
 * Count a duration.
 * @param o zeroed before its first use
 * @param d microseconds; negative counts as 0
 */
void llmq_histogram_add_octave(llmq_octaves_t *o, apr_interval_time_t d);

/**
 * Add all of another one. The order of merging does not matter.
 * @param h    what grows
 * @param from what is added
 */
void llmq_histogram_merge(llmq_histogram_t *h, const llmq_histogram_t *from);

/**
 * @param h the histogram
 * @return the true mean, rounded down; 0 if empty
 */
apr_interval_time_t llmq_histogram_mean(const llmq_histogram_t *h);

/**
 * @param h the histogram
 * @param q which part, 0 to 1: 0.5 is the median
 * @return the duration that this part of all does not exceed; 0 if empty
 */
apr_interval_time_t llmq_histogram_quantile(const llmq_histogram_t *h, double q);

/**
 * Append as text: `count sum min max` and `index:counter` of each bucket in use.
 * @param t where to
 * @param h the histogram
 */
void llmq_histogram_format(llmq_text_t *t, const llmq_histogram_t *h);

/**
 * Read what llmq_histogram_format() wrote.
 * @param h    out; untouched unless APR_SUCCESS
 * @param text NUL-terminated
 * @return APR_SUCCESS; APR_EINVAL it is something else
 */
apr_status_t llmq_histogram_parse(llmq_histogram_t *h, const char *text);

#endif /* LLMQ_HISTOGRAM_H */
