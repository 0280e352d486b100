#include "dispatch/spent.h"

#include "base/clock.h"
#include "core/charge.h"
#include "dispatch/dispatch_inner.h"
#include "dispatch/settle.h"

#include <string.h>

/* A backend may say anything: names become rows, so they are bounded. */
static const char *model_of(const llmq_call_t *call)
{
    const char *model = call->model ? call->model : call->backend->model;

    if (!model || !*model) {
        return "default";
    }
    return strlen(model) <= LLMQ_SPENT_MODEL_MAX ? model : "other";
}

/* By the name that the backend tells, that it was given, or what all others cost. */
static apr_int64_t cost_of(const llmq_attempt_t *a)
{
    const llmq_dispatch_conf_t *conf = a->d->conf;
    const llmq_call_t *call = &a->call;
    const char *const names[] = {call->model, call->raw ? call->raw->model : NULL,
                                 call->backend->model, "*"};
    const llmq_price_conf_t *price = NULL;
    size_t i;

    for (i = 0; !price && i < sizeof(names) / sizeof(names[0]); i++) {
        price = llmq_price_find(conf->prices, conf->n_prices, names[i]);
    }
    return llmq_price_cost(price, call->prompt_tokens, call->completion_tokens);
}

/* Over HTTP a model is what is sent messages; handlers and agents get a body of their own. */
static int is_model_call(const llmq_attempt_t *a)
{
    const llmq_call_t *call = &a->call;

    return !a->expired && !a->refused && !a->handed_back && call->backend
           && (call->backend->kind != LLMQ_BACKEND_HTTP || call->messages);
}

/* Of a stream that its client has left in the middle nobody tells the usage, and it was used
 * all the same: each chunk is about a token. */
static void estimate(llmq_call_t *call)
{
    if (call->raw && call->raw->chunks > 0 && !call->ok && call->prompt_tokens < 0
        && call->completion_tokens < 0) {
        call->prompt_tokens =
            1 + (int)(call->body ? strlen(call->body) / LLMQ_CHARGE_BYTES_A_TOKEN : 0);
        call->completion_tokens = call->raw->chunks;
    }
}

void llmq_spent_read(llmq_used_t *used, llmq_attempt_t *a)
{
    memset(used, 0, sizeof(*used));
    used->prompt_tokens = used->completion_tokens = -1;
    if (is_model_call(a)) {
        estimate(&a->call);
        used->model = model_of(&a->call);
        used->prompt_tokens = a->call.prompt_tokens;
        used->completion_tokens = a->call.completion_tokens;
        used->cost = cost_of(a);
    }
}

/* ---- counting, settling ---- */

static apr_int64_t known(int tokens)
{
    return tokens > 0 ? tokens : 0;
}

/* Of a completion the model that was asked for, as llmq_usage has it. */
static const char *name_of(const llmq_attempt_t *a, const llmq_used_t *used)
{
    return a->job.kind == LLMQ_KIND_COMPLETION && a->job.type ? a->job.type : used->model;
}

void llmq_spent_count(const llmq_spent_by_t *by, llmq_attempt_t *const *attempts,
                      const llmq_outcome_t *outcomes, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        const llmq_used_t *used = &outcomes[i].used;
        llmq_usage_figures_t figures = {
            .requests = llmq_job_is_final(outcomes[i].status) ? 1 : 0,
            .prompt_tokens = (apr_uint64_t)known(used->prompt_tokens),
            .completion_tokens = (apr_uint64_t)known(used->completion_tokens),
            .cost = (apr_uint64_t)used->cost};

        if (outcomes[i].accepted && used->model) {
            llmq_usage_meter_add(by->meter, name_of(attempts[i], used), &figures);
        }
    }
}

/* What a backend has answered without telling what it used stays as it was estimated. */
static llmq_settle_t used_of(const llmq_outcome_t *o)
{
    const llmq_used_t *used = &o->used;
    llmq_settle_t settle = {.cost = used->cost};

    settle.tokens = known(used->prompt_tokens) + known(used->completion_tokens);
    if (used->model && o->status == LLMQ_STATUS_COMPLETED && used->prompt_tokens < 0
        && used->completion_tokens < 0) {
        settle.tokens = -1;
    }
    return settle;
}

void llmq_spent_settle(const llmq_spent_by_t *by, llmq_attempt_t *const *attempts,
                       const llmq_outcome_t *outcomes, int n)
{
    int i;

    for (i = 0; by->ledger && i < n; i++) {
        if (outcomes[i].accepted && outcomes[i].settles
            && llmq_job_is_final(outcomes[i].status)) {
            llmq_settle_t used = used_of(&outcomes[i]);

            llmq_settle_job(attempts[i]->job.charges, &used, by->ledger, by->store,
                            by->pool);
        }
    }
}
