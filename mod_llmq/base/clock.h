/**
 * @file clock.h
 * One source of time, so that tests can stand still.
 */
#ifndef LLMQ_CLOCK_H
#define LLMQ_CLOCK_H

#include <apr_time.h>

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

#endif /* LLMQ_CLOCK_H */
