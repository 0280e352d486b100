#include "http/quota.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "cfg/cfg.h"
#include "core/charge.h"
#include "http/identity.h"
#include "http/quota_gauge.h"
#include "http/quota_tell.h"
#include "store/store_limit.h"

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_log.h>
#include <json-c/json.h>

#include <string.h>

APLOG_USE_MODULE(llmq);

#define TRIES       3
#define BODY_DEPTH  64
#define MOST_TOKENS (1 << 24) /* that a body may ask for; more counts as this */

/* One job on its way. */
typedef struct {
    request_rec *r;
    const llmq_service_t *service;
    llmq_job_t *job;
    llmq_result_t *why;
    apr_time_t now;
    apr_int64_t tokens; /* that it may use, estimated; 0: not yet */
    llmq_charge_t charges[LLMQ_CHARGES_MAX];
    int n_charges;
} quota_t;

/* ---- whose account ---- */

/* Of who has several API keys each counts by itself. */
static const char *caller(request_rec *r)
{
    const llmq_identity_t *id = llmq_identity_get(r);

    return id->key ? id->key : id->user ? id->user : r->useragent_ip;
}

static const char *key_text(const quota_t *q, const llmq_cfg_quota_t *limit)
{
    const char *err = NULL;
    const char *key = NULL;

    if (limit->expr) {
        key = ap_expr_str_exec(q->r, limit->expr, &err);
        if (err) {
            ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, q->r,
                          LLMQ_NO(0252) "the key of a limit cannot be evaluated: %s",
                          err);
        }
    }
    else if (limit->key == LLMQ_QUOTA_TENANT) {
        key = "";
    }
    else if (limit->key == LLMQ_QUOTA_USER) {
        key = q->job->user;
    }
    return key && !err ? key : caller(q->r);
}

/* The same on all nodes: lines that say the same share their accounts in a tenant. */
static apr_uint64_t account_of(const quota_t *q, const llmq_cfg_quota_t *limit)
{
    const char *key = key_text(q, limit);
    apr_uint64_t hash =
        llmq_id_hash(q->job->tenant, strlen(q->job->tenant) + 1, limit->seed);

    return llmq_id_hash(key, strlen(key), hash);
}

/* ---- how much ---- */

static apr_int64_t member_int(struct json_object *body, const char *name)
{
    struct json_object *value = llmq_json_member(body, name);
    apr_int64_t n =
        json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;

    return n > MOST_TOKENS ? MOST_TOKENS : n > 0 ? n : 0;
}

/* What the caller wants at most; only of a completion that is known. */
static apr_int64_t asked_tokens(const llmq_job_t *job, apr_pool_t *p)
{
    struct json_object *body = NULL;
    llmq_result_t why;
    apr_int64_t n;

    if (job->kind != LLMQ_KIND_COMPLETION
        || llmq_json_parse(&body, job->payload, job->payload_len, BODY_DEPTH, &why, p)
               != APR_SUCCESS) {
        return 0;
    }
    n = member_int(body, "max_completion_tokens");
    return n ? n : member_int(body, "max_tokens");
}

static apr_int64_t units_of(quota_t *q, const llmq_cfg_quota_t *limit)
{
    if (limit->what == LLMQ_QUOTA_REQUESTS) {
        return 1;
    }
    if (limit->what == LLMQ_QUOTA_COST) {
        return 0; /* known afterwards */
    }
    if (!q->tokens) {
        q->tokens = 1 + (apr_int64_t)(q->job->payload_len / LLMQ_CHARGE_BYTES_A_TOKEN)
                    + asked_tokens(q->job, q->r->pool);
    }
    return q->tokens;
}

/* Only models use tokens, and tasks are done by workers and handlers. */
static int concerns(const llmq_cfg_quota_t *limit, const llmq_job_t *job)
{
    return job->kind != LLMQ_KIND_TASK || limit->what == LLMQ_QUOTA_REQUESTS
           || limit->what == LLMQ_QUOTA_CONCURRENCY;
}

/* ---- one limit ---- */

/* Who is not in the ledger is looked for in the store: after a restart, or because there
 * are more keys than places. */
static apr_status_t book(llmq_ledger_verdict_t *verdict, const quota_t *q,
                         const llmq_cfg_quota_t *limit, apr_uint64_t account,
                         apr_int64_t n)
{
    llmq_ledger_t *l = q->service->ledger;
    llmq_ledger_state_t state = {.account = account};
    apr_status_t rv;
    int i;

    for (i = 0; i < TRIES; i++) {
        if (limit->queues) {
            llmq_ledger_queue(verdict, l, &limit->rule, account, n, q->now);
        }
        else {
            llmq_ledger_book(verdict, l, &limit->rule, account, n, q->now);
        }
        if (verdict->known) {
            return APR_SUCCESS;
        }
        rv = llmq_store_limit_load(&state, q->service->store, q->r->pool);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        llmq_ledger_seed(l, &limit->rule, &state, q->now);
    }
    verdict->admitted = 1; /* others push it out as fast as it comes in */
    verdict->window = llmq_ledger_window(&limit->rule, q->now);
    return APR_SUCCESS;
}

static void note(quota_t *q, const llmq_cfg_quota_t *limit, apr_uint64_t account,
                 apr_int64_t n, apr_time_t window)
{
    llmq_charge_t *charge = &q->charges[q->n_charges++];

    charge->what = limit->what == LLMQ_QUOTA_REQUESTS ? LLMQ_CHARGE_REQUESTS
                   : limit->what == LLMQ_QUOTA_TOKENS ? LLMQ_CHARGE_TOKENS
                                                      : LLMQ_CHARGE_COST;
    charge->account = account;
    charge->n = n;
    charge->window = window;
    charge->rule = limit->rule;
}

static apr_status_t charge(quota_t *q, const llmq_cfg_quota_t *limit)
{
    apr_uint64_t account = account_of(q, limit);
    apr_int64_t n = units_of(q, limit);
    llmq_ledger_verdict_t verdict;
    llmq_message_conf_t conf;
    apr_status_t rv = book(&verdict, q, limit, account, n);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (verdict.known) {
        llmq_quota_tell_level(q->r, limit, &verdict);
    }
    if (!verdict.admitted) {
        return llmq_quota_tell_refusal(q->r, q->service, limit, verdict.wait, q->why);
    }
    note(q, limit, account, n, verdict.window);
    llmq_cfg_message(&conf, llmq_cfg_dir(q->r));
    if (verdict.wait > conf.max_delay) {
        return llmq_quota_tell_refusal(q->r, q->service, limit, verdict.wait, q->why);
    }
    if (verdict.wait > 0) {
        llmq_quota_tell_wait(q->service, limit);
    }
    if (verdict.wait > 0 && q->job->run_at < q->now + verdict.wait) {
        q->job->run_at = q->now + verdict.wait;
    }
    return APR_SUCCESS;
}

/* Queueing, the key takes turns under its name and no more of it run at once; else those
 * that have not ended are counted in the store, where all nodes see them. */
static apr_status_t count(quota_t *q, const llmq_cfg_quota_t *limit)
{
    apr_uint64_t account = account_of(q, limit);
    apr_status_t rv;
    apr_time_t since = 0;

    if (limit->queues) {
        q->job->fair_key = account;
        q->job->key_cap = (int)limit->rule.limit;
        return APR_SUCCESS;
    }
    if (q->job->gauge) {
        return APR_SUCCESS; /* a job counts on one */
    }
    rv = llmq_quota_gauge_enter(&since, q->service, account, limit->rule.limit,
                                q->r->pool);
    if (rv == APR_SUCCESS && since) {
        q->job->gauge = account;
        q->job->gauge_since = since;
        return rv;
    }
    return rv == APR_SUCCESS ? llmq_quota_tell_refusal(q->r, q->service, limit,
                                                       APR_USEC_PER_SEC, q->why)
                             : rv;
}

/* ---- one job, and many ---- */

static void give_back(const llmq_service_t *service, const llmq_charge_t *charges, int n)
{
    apr_time_t now = llmq_clock_now();
    int i;

    for (i = 0; i < n; i++) {
        llmq_ledger_settle(service->ledger, charges[i].account, -charges[i].n,
                           charges[i].window, now);
    }
}

static void end_gauge(const llmq_service_t *service, llmq_job_t *job)
{
    if (job->gauge) {
        llmq_quota_gauge_leave(service, job->gauge, job->gauge_since);
        job->gauge = 0;
    }
}

/* Of a job that was accepted the request was made, whatever becomes of it. */
static int drop_requests(llmq_charge_t *charges, int n)
{
    int left = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (charges[i].what != LLMQ_CHARGE_REQUESTS) {
            charges[left++] = charges[i];
        }
    }
    return left;
}

static apr_status_t ask_one(request_rec *r, const llmq_service_t *service,
                            llmq_job_t *job, llmq_result_t *why)
{
    const apr_array_header_t *limits = llmq_cfg_dir(r)->quotas;
    quota_t q = {
        .r = r, .service = service, .job = job, .why = why, .now = llmq_clock_now()};
    apr_status_t rv = APR_SUCCESS;
    int i;

    job->api_key = llmq_identity_get(r)->key;
    for (i = 0; limits && i < limits->nelts && rv == APR_SUCCESS; i++) {
        const llmq_cfg_quota_t *limit = &APR_ARRAY_IDX(limits, i, llmq_cfg_quota_t);

        if (concerns(limit, job)) {
            rv = limit->what == LLMQ_QUOTA_CONCURRENCY ? count(&q, limit)
                                                       : charge(&q, limit);
        }
    }
    if (rv != APR_SUCCESS) {
        give_back(service, q.charges, q.n_charges);
        end_gauge(service, job);
        return rv;
    }
    job->booked = llmq_charge_format(q.charges, q.n_charges, r->pool);
    job->charges =
        llmq_charge_format(q.charges, drop_requests(q.charges, q.n_charges), r->pool);
    return APR_SUCCESS;
}

apr_status_t llmq_quota_ask(request_rec *r, const llmq_service_t *service,
                            llmq_job_t *const *jobs, int n, llmq_result_t *why)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < n && rv == APR_SUCCESS; i++) {
        rv = ask_one(r, service, jobs[i], why);
    }
    if (rv != APR_SUCCESS) {
        llmq_quota_end(service, jobs, i - 1, 0);
    }
    return rv;
}

int llmq_quota_limits(request_rec *r)
{
    const apr_array_header_t *limits = llmq_cfg_dir(r)->quotas;

    return limits && limits->nelts > 0;
}

void llmq_quota_forget(const llmq_service_t *service, const char *text)
{
    llmq_charge_t charges[LLMQ_CHARGES_MAX];

    give_back(service, charges, llmq_charge_parse(charges, text));
}

void llmq_quota_end(const llmq_service_t *service, llmq_job_t *const *jobs, int n,
                    int stored)
{
    llmq_charge_t charges[LLMQ_CHARGES_MAX];
    int i;

    for (i = 0; i < n; i++) {
        if (!stored) {
            give_back(service, charges, llmq_charge_parse(charges, jobs[i]->booked));
        }
        end_gauge(service, jobs[i]);
    }
}
