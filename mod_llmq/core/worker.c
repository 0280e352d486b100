#include "core/worker.h"

apr_time_t llmq_worker_sign(const llmq_worker_t *w, apr_time_t now)
{
    apr_time_t waited = w->waits_until < now ? w->waits_until : now;

    return waited > w->seen ? waited : w->seen;
}

int llmq_worker_has_stopped(const llmq_worker_t *w, apr_time_t now,
                            apr_interval_time_t timeout)
{
    return now - llmq_worker_sign(w, now) >= timeout;
}

llmq_worker_e llmq_worker_state(const llmq_worker_t *w, apr_time_t now,
                                apr_interval_time_t timeout)
{
    if (llmq_worker_has_stopped(w, now, timeout)) {
        return LLMQ_WORKER_STOPPED;
    }
    return w->tasks > 0 && now < w->holds_until ? LLMQ_WORKER_BUSY : LLMQ_WORKER_IDLE;
}

const char *llmq_worker_state_name(llmq_worker_e state)
{
    static const char *const names[] = {
        [LLMQ_WORKER_STOPPED] = "stopped",
        [LLMQ_WORKER_IDLE] = "idle",
        [LLMQ_WORKER_BUSY] = "busy",
    };
    _Static_assert(sizeof(names) / sizeof(names[0]) == LLMQ_WORKER_COUNT,
                   "a word for each");

    return names[state];
}
