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
