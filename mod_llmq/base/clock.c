#include "base/clock.h"

#include <apr_atomic.h>

static apr_uint64_t standing; /* 0 while the system's clock is asked */

apr_time_t llmq_clock_now(void)
{
    apr_time_t now = (apr_time_t)apr_atomic_read64(&standing);

    return now ? now : apr_time_now();
}

void llmq_clock_set(apr_time_t now)
{
    apr_atomic_set64(&standing, (apr_uint64_t)now);
}

apr_interval_time_t llmq_clock_steady(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return apr_time_from_sec(ts.tv_sec) + ts.tv_nsec / 1000;
}

void llmq_clock_deadline(struct timespec *until, apr_interval_time_t in)
{
    clock_gettime(CLOCK_MONOTONIC, until);
    until->tv_sec += (time_t)apr_time_sec(in);
    until->tv_nsec += (long)apr_time_usec(in) * 1000L;
    if (until->tv_nsec >= 1000000000L) {
        until->tv_sec++;
        until->tv_nsec -= 1000000000L;
    }
}
