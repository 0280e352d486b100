#include "http/metrics_usage.h"

#define COUNTER LLMQ_PROMETHEUS_COUNTER

/* ---- what was used ---- */

typedef void usage_fn_t(llmq_prometheus_t *w, const llmq_usage_figures_t *f);

static void requests_of(llmq_prometheus_t *w, const llmq_usage_figures_t *f)
{
    LLMQ_PROMETHEUS_WITH(labels, "model", f->model);
    llmq_prometheus_count(w, labels, f->requests);
}

static void tokens_of(llmq_prometheus_t *w, const llmq_usage_figures_t *f)
{
    LLMQ_PROMETHEUS_WITH2(prompt, "model", f->model, "direction", "prompt");
    LLMQ_PROMETHEUS_WITH2(completion, "model", f->model, "direction", "completion");

    llmq_prometheus_count(w, prompt, f->prompt_tokens);
    llmq_prometheus_count(w, completion, f->completion_tokens);
}

static void cost_of(llmq_prometheus_t *w, const llmq_usage_figures_t *f)
{
    LLMQ_PROMETHEUS_WITH(labels, "model", f->model);
    llmq_prometheus_number(w, labels, (double)f->cost / 1e6);
}

static void usage(llmq_prometheus_t *w, llmq_usage_meter_t *meter)
{
    static const struct {
        const char *name, *help;
        usage_fn_t *sample;
    } families[] = {
        {"llmq_model_requests", "Jobs that a model has ended, well or badly.",
         requests_of},
        {"llmq_model_tokens", "Tokens that backends say they have used.", tokens_of},
        {"llmq_model_cost", "What they cost, as LLMQPrice says.", cost_of},
    };
    llmq_usage_figures_t figures[LLMQ_USAGE_METER_MODELS + 1];
    int n = llmq_usage_meter_read(figures, meter);
    unsigned f;
    int i;

    for (f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        llmq_prometheus_family(w, COUNTER, families[f].name, families[f].help);
        for (i = 0; i < n; i++) {
            families[f].sample(w, &figures[i]);
        }
    }
}

/* ---- who was limited ---- */

static void limited(llmq_prometheus_t *w, llmq_usage_meter_t *meter)
{
    int why;

    llmq_prometheus_family(w, COUNTER, "llmq_limited_requests",
                           "Requests that a limit has refused, or has let wait.");
    for (why = 0; why < LLMQ_LIMITED_COUNT; why++) {
        const char *reason = llmq_usage_meter_reason((llmq_limited_e)why);
        LLMQ_PROMETHEUS_WITH2(refused, "reason", reason, "action", "rejected");
        LLMQ_PROMETHEUS_WITH2(queued, "reason", reason, "action", "queued");

        llmq_prometheus_count(w, refused,
                              llmq_usage_meter_limited(meter, (llmq_limited_e)why, 0));
        llmq_prometheus_count(w, queued,
                              llmq_usage_meter_limited(meter, (llmq_limited_e)why, 1));
    }
}

void llmq_metrics_usage_expose(llmq_prometheus_t *w, llmq_usage_meter_t *meter)
{
    usage(w, meter);
    limited(w, meter);
}
