/**
 * @file clock.h
 * One source of time, so that tests can stand still.
 */
#ifndef LLMQ_CLOCK_H
#define LLMQ_CLOCK_H

#include <apr_time.h>
#include <time.h>

/**
 * @return microseconds since 1970, from the system or from llmq_clock_set()
 * @threads any
 */
apr_time_t llmq_clock_now(void);

/**
 * Tests only: let the clock stand at @a now; 0 gives it back to the system.
 * @param now microseconds since 1970, or 0
 * @threads any
 */
void llmq_clock_set(apr_time_t now);

/**
 * For how long something takes: a clock that nobody sets, llmq_clock_set() neither.
 * @return microseconds since some moment of the past, > 0
 * @threads any
 */
apr_interval_time_t llmq_clock_steady(void);

/**
 * Until when to wait, for calls that take CLOCK_MONOTONIC; llmq_clock_set() does not move it.
 * @param until out
 * @param in    microseconds from now, 0 or more
 * @threads any
 */
void llmq_clock_deadline(struct timespec *until, apr_interval_time_t in);

#endif /* LLMQ_CLOCK_H */
