/**
 * @file duration.h
 * Durations as callers write them: Go's notation ("300ms", "1.5h", "2h45m30s"), as S0 shows
 * durations in its answers (base/text formats those).
 */
#ifndef LLMQ_DURATION_H
#define LLMQ_DURATION_H

#include <apr.h>
#include <apr_errno.h>
#include <apr_time.h>

/** The longest that is understood, a hundred years: sums with a time stay in range. */
#define LLMQ_DURATION_MAX apr_time_from_sec((apr_int64_t)100 * 366 * 86400)

/**
 * Parse a duration: one or more decimal numbers, each with a unit of ns, us, µs, ms, s, m
 * or h, or the word "0". No sign, no blanks. What is below a microsecond is cut off.
 * @param pd   out, microseconds, 0 to LLMQ_DURATION_MAX; untouched unless APR_SUCCESS
 * @param text the text
 * @return APR_SUCCESS; APR_EINVAL not a duration; APR_EGENERAL too long
 * @threads any
 */
apr_status_t llmq_duration_parse(apr_interval_time_t *pd, const char *text);

/**
 * Seconds as a number to microseconds.
 * @param pd      out, microseconds; untouched unless APR_SUCCESS
 * @param seconds not negative
 * @return APR_SUCCESS; APR_EINVAL negative or not a number; APR_EGENERAL too long
 * @threads any
 */
apr_status_t llmq_duration_of_seconds(apr_interval_time_t *pd, double seconds);

#endif /* LLMQ_DURATION_H */
