/* What workers say of the jobs that they have: POST /tasks/{id}/heartbeat, complete, fail,
 * release, and the same of messages. Each is one change in the store on the condition that
 * the token holds; what is not accepted is explained afterwards. */
#include "http/api.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "cfg/cfg.h"
#include "http/lease_call.h"
#include "http/lease_tell.h"
#include "http/reply.h"

#include <apr_strings.h>
#include <json-c/json.h>

#define MIN_LEASE       apr_time_from_msec(100)
#define MAX_RETRY_AFTER apr_time_from_sec(86400)

/* A call. */
typedef struct {
    request_rec *r;
    const llmq_service_t *service;
    llmq_kind_e kind;
    const char *id;
    struct json_object *body;
    const char *token;
    llmq_lease_change_t change;
    llmq_job_t *job; /* of calls that look first, else NULL */
    llmq_result_t why;
} call_t;

/* @return APR_SUCCESS; LLMQ_EBODY see why; APR_NOTFOUND nothing has such an id */
static apr_status_t begin(call_t *c, request_rec *r, const llmq_service_t *service,
                          llmq_kind_e kind, const char *id)
{
    apr_status_t rv;

    memset(c, 0, sizeof(*c));
    c->r = r;
    c->service = service;
    c->kind = kind;
    c->id = id;
    if ((rv = llmq_lease_call_body(&c->body, r, &c->why)) != APR_SUCCESS
        || (rv = llmq_lease_call_token(&c->token, c->body, &c->why)) != APR_SUCCESS) {
        return rv;
    }
    if (!llmq_id_is_name(id) || strlen(id) > LLMQ_ID_MAX) {
        return APR_NOTFOUND;
    }
    llmq_store_lease_init(&c->change, llmq_clock_now());
    c->change.tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    c->change.kind = kind;
    c->change.id = id;
    c->change.token = c->token;
    return APR_SUCCESS;
}

/* ---- answers ---- */

static const char *noun_of(llmq_kind_e kind)
{
    return kind == LLMQ_KIND_TASK ? "Task" : "Message";
}

static int reply(call_t *c, const char *what, const char *status)
{
    llmq_text_t t;

    llmq_text_init(&t, 256, c->r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "message",
                 apr_pstrcat(c->r->pool, noun_of(c->kind), " ", what, NULL));
    llmq_json_kv(&t, c->kind == LLMQ_KIND_TASK ? "task_id" : "message_id", c->id);
    llmq_json_kv(&t, "status", status);
    if (c->change.to == LLMQ_STATUS_PROCESSING) {
        llmq_json_kv_time(&t, "lease_expires_at", c->change.stored_until);
    }
    if (c->change.to == LLMQ_STATUS_PENDING) {
        llmq_json_kv_time(&t, "run_at", c->change.run_at);
    }
    if (c->change.retry_count >= 0) {
        llmq_json_kv_int(&t, "retry_count", c->change.retry_count);
    }
    LLMQ_TEXT_LIT(&t, "}\n");
    return llmq_reply_json(c->r, HTTP_OK, t.data, t.len);
}

/* Write the change. @return non-zero if it was accepted and the queue has heard of it; else
 * *preply is the answer */
static int accept_change(int *preply, call_t *c)
{
    apr_status_t rv = llmq_store_lease_change(&c->change, c->service->store,
                                              c->service->changes, c->r->pool);

    if (rv == LLMQ_EROW) {
        llmq_result_set(&c->why, LLMQ_PROBLEM_REQUEST, NULL,
                        "the database refuses this as it is");
        *preply = llmq_reply_problem(c->r, &c->why);
        return 0;
    }
    if (rv != APR_SUCCESS) {
        *preply = llmq_reply_status(c->r, rv);
        return 0;
    }
    if (!c->change.accepted) {
        *preply = llmq_lease_call_refuse(c->r, c->service, c->kind, c->id, c->token);
        return 0;
    }
    llmq_lease_tell(c->service, &c->change, c->job);
    return 1;
}

/* ---- heartbeat ---- */

static int heartbeat(call_t *c)
{
    const llmq_cfg_dir_t *dir = llmq_cfg_dir(c->r);
    llmq_lease_call_range_t range = {"extend", MIN_LEASE, llmq_cfg_lease_max(dir)};
    apr_interval_time_t extend = llmq_cfg_lease_usual(dir);
    int answer = OK;

    if (llmq_lease_call_seconds(&extend, c->body, &range, &c->why, c->r->pool)
        != APR_SUCCESS) {
        return llmq_reply_problem(c->r, &c->why);
    }
    c->change.until = c->change.now + extend;
    return accept_change(&answer, c) ? reply(c, "lease extended", "processing") : answer;
}

/* ---- complete ---- */

static int complete(call_t *c)
{
    int answer = OK;

    if (llmq_lease_call_result(&c->change.result, c->body, c->kind, &c->why, c->r->pool)
        != APR_SUCCESS) {
        return llmq_reply_problem(c->r, &c->why);
    }
    c->change.to = LLMQ_STATUS_COMPLETED;
    c->change.progress = 100;
    return accept_change(&answer, c) ? reply(c, "completed", "completed") : answer;
}

/* ---- fail, release: what becomes of the job depends on what was before ---- */

/* @return non-zero if the job is this worker's; else *preply is the answer */
static int look(int *preply, call_t *c)
{
    int removed = 0;
    apr_status_t rv =
        llmq_lease_call_look(&c->job, &removed, c->r, c->service, c->kind, c->id);

    if (rv == APR_SUCCESS && !removed && llmq_lease_is_held(c->job)
        && strcmp(c->job->lease_token, c->token) == 0) {
        return 1;
    }
    *preply = rv == APR_SUCCESS || rv == APR_NOTFOUND
                  ? llmq_lease_call_refuse(c->r, c->service, c->kind, c->id, c->token)
                  : llmq_reply_status(c->r, rv);
    return 0;
}

static unsigned int chance(void)
{
    unsigned int n = 0;

    apr_generate_random_bytes((unsigned char *)&n, sizeof(n));
    return n;
}

static int end_delivery(call_t *c, const llmq_lease_end_t *end, const char *error)
{
    const char *status = "failed";
    llmq_lease_verdict_t verdict;
    int answer = OK;

    if (!look(&answer, c)) {
        return answer;
    }
    llmq_lease_decide(&verdict, &c->service->lease, end, c->job, c->change.now, chance());
    llmq_store_lease_follow(&c->change, c->job, &verdict, error);
    if (!accept_change(&answer, c)) {
        return answer;
    }
    if (verdict.status == LLMQ_STATUS_PENDING) {
        status = end->how == LLMQ_LEASE_RELEASED ? "queued" : "retrying";
    }
    return reply(c, end->how == LLMQ_LEASE_RELEASED ? "released" : "failed", status);
}

/* The error as it is stored: an object with the worker's words. */
static const char *error_of(struct json_object *error, apr_pool_t *p)
{
    struct json_object *message = error;
    llmq_text_t t;

    if (json_object_is_type(error, json_type_object)) {
        message = llmq_json_member(error, "message");
    }
    llmq_text_init(&t, 256, p);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "type", "worker");
    llmq_json_kv(&t, "message",
                 json_object_is_type(message, json_type_string)
                     ? json_object_get_string(message)
                     : "the worker has failed");
    if (message != error) {
        llmq_json_kv_raw(&t, "details", llmq_json_format(error));
    }
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}

static apr_status_t read_failure(llmq_lease_end_t *end, const char **perror, call_t *c)
{
    llmq_lease_call_range_t range = {"retry_after", 0, MAX_RETRY_AFTER};
    struct json_object *error = llmq_json_member(c->body, "error");
    struct json_object *retryable = llmq_json_member(c->body, "retryable");

    if (error && !json_object_is_type(error, json_type_string)
        && !json_object_is_type(error, json_type_object)) {
        return llmq_result_set(&c->why, LLMQ_PROBLEM_REQUEST, "error",
                               "must be a string or an object");
    }
    if (retryable && !json_object_is_type(retryable, json_type_boolean)) {
        return llmq_result_set(&c->why, LLMQ_PROBLEM_REQUEST, "retryable",
                               "must be true or false");
    }
    end->how = LLMQ_LEASE_FAILED;
    end->final = retryable && !json_object_get_boolean(retryable);
    *perror = error_of(error, c->r->pool);
    return llmq_lease_call_seconds(&end->retry_after, c->body, &range, &c->why,
                                   c->r->pool);
}

static int fail(call_t *c)
{
    llmq_lease_end_t end = {0};
    const char *error = NULL;

    return read_failure(&end, &error, c) == APR_SUCCESS
               ? end_delivery(c, &end, error)
               : llmq_reply_problem(c->r, &c->why);
}

static int release(call_t *c)
{
    llmq_lease_end_t end = {.how = LLMQ_LEASE_RELEASED};

    return end_delivery(c, &end, NULL);
}

/* ---- the routes ---- */

static int run(int (*what)(call_t *c), request_rec *r, const llmq_service_t *service,
               llmq_kind_e kind, const char *id)
{
    call_t c;
    apr_status_t rv = begin(&c, r, service, kind, id);

    if (rv == APR_NOTFOUND) {
        return llmq_lease_call_unknown(r, kind, id);
    }
    return rv == APR_SUCCESS ? what(&c) : llmq_reply_problem(r, &c.why);
}

#define CALL(name, what, kind)                                                           \
    int name(request_rec *r, const llmq_service_t *service, const char *id)              \
    {                                                                                    \
        return run(what, r, service, kind, id);                                          \
    }

CALL(llmq_api_lease_task_heartbeat, heartbeat, LLMQ_KIND_TASK)
CALL(llmq_api_lease_task_complete, complete, LLMQ_KIND_TASK)
CALL(llmq_api_lease_task_fail, fail, LLMQ_KIND_TASK)
CALL(llmq_api_lease_task_release, release, LLMQ_KIND_TASK)
CALL(llmq_api_lease_message_heartbeat, heartbeat, LLMQ_KIND_MESSAGE)
CALL(llmq_api_lease_message_complete, complete, LLMQ_KIND_MESSAGE)
CALL(llmq_api_lease_message_fail, fail, LLMQ_KIND_MESSAGE)
CALL(llmq_api_lease_message_release, release, LLMQ_KIND_MESSAGE)
