#include "http/quota_tell.h"

#include <apr_strings.h>

static llmq_limited_e reason_of(const llmq_cfg_quota_t *limit)
{
    switch (limit->what) {
    case LLMQ_QUOTA_TOKENS: return LLMQ_LIMITED_TOKENS;
    case LLMQ_QUOTA_CONCURRENCY: return LLMQ_LIMITED_CONCURRENCY;
    case LLMQ_QUOTA_COST: return LLMQ_LIMITED_BUDGET;
    case LLMQ_QUOTA_REQUESTS: break;
    }
    return LLMQ_LIMITED_REQUESTS;
}

static const char *number(apr_int64_t n, apr_pool_t *p)
{
    return apr_psprintf(p, "%" APR_INT64_T_FMT, n);
}

/* ---- headers ---- */

static void set_header(request_rec *r, const char *name, const char *of,
                       const char *value)
{
    apr_table_setn(r->headers_out,
                   apr_pstrcat(r->pool, "x-ratelimit-", name, "-", of, NULL), value);
}

static int is_tighter(request_rec *r, const char *of,
                      const llmq_ledger_verdict_t *verdict)
{
    const char *told = apr_table_get(
        r->headers_out, apr_pstrcat(r->pool, "x-ratelimit-remaining-", of, NULL));

    return !told || apr_atoi64(told) > verdict->remaining;
}

void llmq_quota_tell_level(request_rec *r, const llmq_cfg_quota_t *limit,
                           const llmq_ledger_verdict_t *verdict)
{
    const char *of = limit->what == LLMQ_QUOTA_TOKENS ? "tokens" : "requests";
    char *reset;

    if (limit->what == LLMQ_QUOTA_COST || !is_tighter(r, of, verdict)) {
        return;
    }
    reset = apr_palloc(r->pool, LLMQ_DURATION_SIZE);
    llmq_text_duration(reset, verdict->reset);
    set_header(r, "limit", of, number(limit->rule.limit, r->pool));
    set_header(r, "remaining", of, number(verdict->remaining, r->pool));
    set_header(r, "reset", of, reset);
}

/* ---- who has to wait, and who is refused ---- */

void llmq_quota_tell_wait(const llmq_service_t *service, const llmq_cfg_quota_t *limit)
{
    llmq_usage_meter_limit(service->usage_meter, reason_of(limit), 1);
}

apr_status_t llmq_quota_tell_refusal(request_rec *r, const llmq_service_t *service,
                                     const llmq_cfg_quota_t *limit,
                                     apr_interval_time_t wait, llmq_result_t *why)
{
    apr_int64_t seconds = apr_time_sec(wait + APR_USEC_PER_SEC - 1);

    llmq_usage_meter_limit(service->usage_meter, reason_of(limit), 0);
    apr_table_setn(r->headers_out, "Retry-After",
                   number(seconds > 0 ? seconds : 1, r->pool));
    if (limit->what == LLMQ_QUOTA_COST) {
        return llmq_result_set(why, LLMQ_PROBLEM_BUDGET, NULL,
                               "the budget of this caller is spent");
    }
    llmq_result_set(why, LLMQ_PROBLEM_RATE, NULL,
                    limit->what == LLMQ_QUOTA_TOKENS
                        ? "more tokens than this caller may use"
                    : limit->what == LLMQ_QUOTA_REQUESTS
                        ? "more requests than this caller may make"
                        : "too many requests of this caller are under way");
    why->limited = limit->what == LLMQ_QUOTA_TOKENS ? "tokens" : NULL;
    return LLMQ_EBODY;
}
