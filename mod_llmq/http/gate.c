#include "http/gate.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "cfg/cfg.h"
#include "core/control.h"
#include "http/tongue.h"
#include "queue/queue_job.h"
#include "store/store_setting.h"

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(llmq);

/* Who is counted: what the location's expression says, else the user, else the address. */
static apr_uint64_t key_of(request_rec *r, const llmq_cfg_rate_t *rate)
{
    const char *err = NULL;
    const char *key = rate->key ? ap_expr_str_exec(r, rate->key, &err) : NULL;
    const char *kind = "k";
    apr_uint64_t hash = rate->seed;

    if (err) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      LLMQ_NO(0251) "the key of the rate limit cannot be evaluated: %s",
                      err);
    }
    if (err || !key || !*key) {
        kind = r->user ? "u" : "a";
        key = r->user ? r->user : r->useragent_ip;
    }
    hash = llmq_id_hash(kind, 1, hash);
    return llmq_id_hash(key, strlen(key), hash);
}

static void set_number(request_rec *r, const char *name, apr_int64_t n)
{
    apr_table_setn(r->headers_out, name, apr_psprintf(r->pool, "%" APR_INT64_T_FMT, n));
}

static apr_int64_t seconds_up(apr_interval_time_t t)
{
    return apr_time_sec(t + APR_USEC_PER_SEC - 1);
}

/* The same in the words of OpenAI's interface. */
static void set_openai_headers(request_rec *r, const llmq_cfg_rate_t *rate,
                               const llmq_limiter_verdict_t *verdict)
{
    char *reset = apr_palloc(r->pool, LLMQ_DURATION_SIZE);

    llmq_text_duration(reset, verdict->reset);
    set_number(r, "x-ratelimit-limit-requests", rate->conf.burst);
    set_number(r, "x-ratelimit-remaining-requests", verdict->remaining);
    apr_table_setn(r->headers_out, "x-ratelimit-reset-requests", reset);
}

static apr_status_t check_rate(request_rec *r, const llmq_service_t *service,
                               llmq_result_t *why)
{
    const llmq_cfg_rate_t *rate = llmq_cfg_dir(r)->rate;
    llmq_limiter_verdict_t verdict;
    apr_int64_t wait;

    if (!rate || rate->conf.limit == 0) {
        return APR_SUCCESS;
    }
    llmq_limiter_ask(&verdict, service->limiter, &rate->conf, key_of(r, rate),
                     llmq_clock_now());
    set_number(r, "RateLimit-Limit", rate->conf.burst);
    set_number(r, "RateLimit-Remaining", verdict.remaining);
    set_number(r, "RateLimit-Reset", seconds_up(verdict.reset));
    if (llmq_tongue_of(r) == LLMQ_TONGUE_OPENAI) {
        set_openai_headers(r, rate, &verdict);
    }
    if (verdict.admitted) {
        return APR_SUCCESS;
    }
    llmq_usage_meter_limit(service->usage_meter, LLMQ_LIMITED_RATE, 0);
    wait = seconds_up(verdict.wait);
    set_number(r, "Retry-After", wait ? wait : 1);
    return llmq_result_set(why, LLMQ_PROBLEM_RATE, NULL,
                           "more calls than this caller may make");
}

/* Where it is not required it may be away. */
static int is_redis_well(const llmq_service_t *service)
{
    llmq_redis_health_t health;

    if (!service->redis || !llmq_redis_conf(service->redis)->required) {
        return 1;
    }
    llmq_redis_check(&health, service->redis);
    return health.well;
}

/* By a setting; the directive is another way. */
static int is_maintained(request_rec *r, const llmq_service_t *service)
{
    apr_uint64_t tenant = llmq_queue_job_tenant(llmq_cfg_tenant(llmq_cfg_dir(r)));

    return (llmq_queue_flags(service->queue, tenant) & LLMQ_TENANT_MAINTENANCE) != 0;
}

/* What the operator says about it. */
static const char *announcement(request_rec *r, const llmq_service_t *service)
{
    llmq_control_maintenance_t m = {0, ""};
    llmq_setting_t setting;

    if (llmq_store_setting_get(&setting, service->store, llmq_cfg_tenant(llmq_cfg_dir(r)),
                               LLMQ_SETTING_MAINTENANCE, r->pool)
        == APR_SUCCESS) {
        llmq_control_maintenance_parse(&m, setting.value, r->pool);
    }
    return *m.message ? m.message : "nothing new is taken for now";
}

apr_status_t llmq_gate_check(request_rec *r, const llmq_service_t *service,
                             llmq_result_t *why)
{
    if (is_maintained(r, service)) {
        return llmq_result_set(why, LLMQ_PROBLEM_MAINTENANCE, NULL,
                               announcement(r, service));
    }
    if (llmq_cfg_dir(r)->maintenance == 1) {
        return llmq_result_set(why, LLMQ_PROBLEM_MAINTENANCE, NULL,
                               "nothing new is taken for now");
    }
    if (!is_redis_well(service)) {
        return llmq_result_set(why, LLMQ_PROBLEM_REDIS, NULL,
                               "Redis does not answer, try again later");
    }
    return check_rate(r, service, why);
}
