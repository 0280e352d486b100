#include "core/usage_meter.h"

#include "base/spin.h"

#include <stdatomic.h>
#include <string.h>

/* Behind the models the place of all others. */
#define PLACES (LLMQ_USAGE_METER_MODELS + 1)
#define OTHER  "other"

struct llmq_usage_meter_t {
    _Alignas(64) llmq_spin_t taken; /* lock of the models */
    int n;
    llmq_usage_figures_t model[PLACES];
    _Atomic(apr_uint64_t) limited[LLMQ_LIMITED_COUNT][2]; /* by whether it waits */
};

static const char *const reasons[] = {
    [LLMQ_LIMITED_REQUESTS] = "requests",
    [LLMQ_LIMITED_TOKENS] = "tokens",
    [LLMQ_LIMITED_CONCURRENCY] = "concurrency",
    [LLMQ_LIMITED_BUDGET] = "budget",
    [LLMQ_LIMITED_RATE] = "rate",
};
_Static_assert(sizeof(reasons) / sizeof(reasons[0]) == LLMQ_LIMITED_COUNT,
               "each reason has a word");

apr_size_t llmq_usage_meter_size(void)
{
    return sizeof(llmq_usage_meter_t);
}

llmq_usage_meter_t *llmq_usage_meter_init(void *memory)
{
    return memory;
}

static llmq_usage_figures_t *place_of(llmq_usage_meter_t *m, const char *model)
{
    int i;

    for (i = 0; i < m->n; i++) {
        if (strcmp(m->model[i].model, model) == 0) {
            return &m->model[i];
        }
    }
    if (m->n == PLACES - 1 || strlen(model) >= LLMQ_USAGE_METER_NAME
        || strcmp(model, OTHER) == 0) {
        memcpy(m->model[PLACES - 1].model, OTHER, sizeof(OTHER));
        return &m->model[PLACES - 1];
    }
    memcpy(m->model[m->n].model, model, strlen(model) + 1);
    return &m->model[m->n++];
}

void llmq_usage_meter_add(llmq_usage_meter_t *m, const char *model,
                          const llmq_usage_figures_t *used)
{
    llmq_usage_figures_t *place;

    if (!m) {
        return;
    }
    llmq_spin_lock(&m->taken);
    place = place_of(m, model);
    place->requests += used->requests;
    place->prompt_tokens += used->prompt_tokens;
    place->completion_tokens += used->completion_tokens;
    place->cost += used->cost;
    llmq_spin_unlock(&m->taken);
}

void llmq_usage_meter_limit(llmq_usage_meter_t *m, llmq_limited_e why, int queued)
{
    if (m) {
        atomic_fetch_add_explicit(&m->limited[why][queued != 0], 1, memory_order_relaxed);
    }
}

int llmq_usage_meter_read(llmq_usage_figures_t *figures, llmq_usage_meter_t *m)
{
    int n;

    llmq_spin_lock(&m->taken);
    n = m->n;
    memcpy(figures, m->model, sizeof(*figures) * (apr_size_t)n);
    if (m->model[PLACES - 1].model[0]) {
        figures[n++] = m->model[PLACES - 1];
    }
    llmq_spin_unlock(&m->taken);
    return n;
}

apr_uint64_t llmq_usage_meter_limited(llmq_usage_meter_t *m, llmq_limited_e why,
                                      int queued)
{
    return atomic_load_explicit(&m->limited[why][queued != 0], memory_order_relaxed);
}

const char *llmq_usage_meter_reason(llmq_limited_e why)
{
    return reasons[why];
}
