#include "dispatch/pace.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/autoscale.h"
#include "core/priority.h"

#include <stdatomic.h>

#define STEP apr_time_from_sec(1)

#define HTTP_TOO_MANY    429
#define HTTP_UNAVAILABLE 503
#define HTTP_OVERLOADED  529 /* not of any RFC, but what some models' providers say */

/* What was measured since the last step. */
typedef struct {
    _Atomic(int) ended;
    _Atomic(int) overloads;
    _Atomic(int) good;
    _Atomic(apr_int64_t) usec;
} meter_t;

struct llmq_pace_t {
    llmq_queue_t *queue;
    const llmq_pace_conf_t *conf;
    meter_t meter[LLMQ_LEVEL_COUNT];
    llmq_autoscale_t level[LLMQ_LEVEL_COUNT]; /* first thread only */
    apr_time_t next;
};

llmq_pace_t *llmq_pace_create(llmq_queue_t *queue, const llmq_pace_conf_t *conf,
                              apr_pool_t *p)
{
    llmq_pace_t *pace = apr_pcalloc(p, sizeof(*pace));

    pace->queue = queue;
    pace->conf = conf;
    return pace;
}

static int is_overload(const llmq_failure_t *failure)
{
    return failure->kind == LLMQ_FAILURE_TIMEOUT
           || (failure->kind == LLMQ_FAILURE_STATUS
               && (failure->http_status == HTTP_TOO_MANY
                   || failure->http_status == HTTP_UNAVAILABLE
                   || failure->http_status == HTTP_OVERLOADED));
}

void llmq_pace_note(llmq_pace_t *pace, llmq_level_e level, const llmq_call_t *call,
                    apr_time_t begun_at)
{
    meter_t *m = &pace->meter[level];

    if (!call->ok
        && (call->failure.kind == LLMQ_FAILURE_UNREACHABLE || call->failure.ours))
        return;
    atomic_fetch_add(&m->ended, 1);
    if (!call->ok) {
        atomic_fetch_add(&m->overloads, is_overload(&call->failure));
        return;
    }
    atomic_fetch_add(&m->good, 1);
    if (call->ended_at > begun_at)
        atomic_fetch_add(&m->usec, call->ended_at - begun_at);
}

static void step(llmq_pace_t *pace, int l, const llmq_queue_stats_t *stats)
{
    int max = (int)stats->max_concurrent;
    int min = pace->conf->min[l] > 0 ? pace->conf->min[l] : 1;
    llmq_autoscale_conf_t bounds = {min < max ? min : max, max};
    llmq_autoscale_t *a = &pace->level[l];
    llmq_autoscale_sample_t sample;
    meter_t *m = &pace->meter[l];
    int limit;

    sample.ended = atomic_exchange(&m->ended, 0);
    sample.overloads = atomic_exchange(&m->overloads, 0);
    sample.good = atomic_exchange(&m->good, 0);
    sample.usec = atomic_exchange(&m->usec, 0);
    sample.waiting = (int)stats->ready;
    sample.running = (int)stats->running;
    if (a->limit == 0)
        llmq_autoscale_init(a, &bounds);
    limit = llmq_autoscale_step(a, &bounds, &sample);
    if (limit == (int)stats->concurrency)
        return;
    LLMQ_LOG(LLMQ_LOG_DEBUG, 0, LLMQ_NO(0736) "level %s: %d at once instead of %d",
             llmq_priority_name((llmq_level_e)l), limit, (int)stats->concurrency);
    llmq_queue_set_concurrency(pace->queue, (llmq_level_e)l, (apr_uint32_t)limit);
}

void llmq_pace_tick(llmq_pace_t *pace)
{
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    apr_time_t now = llmq_clock_now();
    int l;

    if (!pace->conf->on || now < pace->next)
        return;
    pace->next = now + STEP;
    if (llmq_queue_stats(stats, pace->queue) != APR_SUCCESS)
        return;
    LLMQ_EACH_LEVEL (l)
        step(pace, l, &stats[l]);
}
