#include "http/service.h"

#include "base/clock.h"

#include <apr_atomic.h>

#define ESTIMATE_AGE apr_time_from_msec(100)
#define MAX_BATCH    256

static const llmq_service_t *current;

/* The estimates and when they are due again; msec, so that 32-bit atomics hold them. */
static apr_uint32_t estimate_msec[LLMQ_LEVEL_COUNT];
static apr_uint32_t estimate_due; /* msec since the service started, modulo 2^32 */

const llmq_service_t *llmq_service_get(void)
{
    return current;
}

void llmq_service_set(const llmq_service_t *service)
{
    current = service;
}

void llmq_service_committed(void *ctx, void *const *things, int n)
{
    const llmq_service_t *service = ctx;
    llmq_entry_t entries[MAX_BATCH];
    int done = 0;

    while (done < n) {
        int count = 0;

        while (count < MAX_BATCH && done < n) {
            entries[count++] = *(const llmq_entry_t *)things[done++];
        }
        /* A damaged queue takes nothing now; its rebuild finds the rows in the store. */
        llmq_queue_put(service->queue, entries, count, LLMQ_PUT_ADMITTED);
    }
}

static void look_up(const llmq_service_t *service)
{
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    apr_int64_t ahead_usec = 0;
    int l;

    if (llmq_queue_stats(stats, service->queue) != APR_SUCCESS) {
        return;
    }
    LLMQ_EACH_LEVEL (l) {
        const llmq_queue_stats_t *s = &stats[l];
        apr_int64_t waiting = (apr_int64_t)s->ready + s->blocked;

        ahead_usec += waiting * s->run_ewma / (s->max_concurrent ? s->max_concurrent : 1);
        apr_atomic_set32(&estimate_msec[l], (apr_uint32_t)(ahead_usec / 1000));
    }
}

apr_interval_time_t llmq_service_estimate(const llmq_service_t *service,
                                          llmq_level_e level)
{
    apr_uint32_t now = (apr_uint32_t)((llmq_clock_now() - service->started_at) / 1000);
    apr_uint32_t due = apr_atomic_read32(&estimate_due);
    apr_uint32_t next = now + (apr_uint32_t)(ESTIMATE_AGE / 1000);

    /* One thread wins the turn to look; the others use what is there. */
    if ((apr_int32_t)(now - due) >= 0
        && apr_atomic_cas32(&estimate_due, next, due) == due) {
        look_up(service);
    }
    return (apr_interval_time_t)apr_atomic_read32(&estimate_msec[level]) * 1000;
}
