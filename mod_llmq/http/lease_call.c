#include "http/lease_call.h"

#include "base/duration.h"
#include "base/id.h"
#include "cfg/cfg.h"
#include "http/body.h"
#include "http/lease_tell.h"
#include "http/reply.h"

#include <apr_strings.h>
#include <json-c/json.h>

/* ---- bodies ---- */

apr_status_t llmq_lease_call_body(struct json_object **pbody, request_rec *r,
                                  llmq_result_t *why)
{
    const char *data;
    apr_size_t len = 0;
    apr_status_t rv = llmq_body_read(&data, &len, r, why);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!len) {
        return llmq_json_parse(pbody, "{}", 2, 2, why, r->pool);
    }
    rv = llmq_body_json(pbody, r, why);
    if (rv == APR_SUCCESS && !json_object_is_type(*pbody, json_type_object)) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, NULL,
                               "the body must be an object");
    }
    return rv;
}

apr_status_t llmq_lease_call_seconds(apr_interval_time_t *pt, struct json_object *body,
                                     const llmq_lease_call_range_t *range,
                                     llmq_result_t *why, apr_pool_t *p)
{
    struct json_object *value = llmq_json_member(body, range->field);
    apr_interval_time_t t = 0;

    if (!value) {
        return APR_SUCCESS;
    }
    if ((!json_object_is_type(value, json_type_int)
         && !json_object_is_type(value, json_type_double))
        || llmq_duration_of_seconds(&t, json_object_get_double(value)) != APR_SUCCESS
        || t < range->min || t > range->max) {
        return llmq_result_set(
            why, LLMQ_PROBLEM_REQUEST, range->field,
            apr_psprintf(p, "%s must be a number of seconds from %.3g to %.6g",
                         range->field, (double)range->min / APR_USEC_PER_SEC,
                         (double)range->max / APR_USEC_PER_SEC));
    }
    *pt = t;
    return APR_SUCCESS;
}

apr_status_t llmq_lease_call_text(const char **ptext, struct json_object *body,
                                  const char *field, llmq_result_t *why)
{
    struct json_object *value = llmq_json_member(body, field);

    if (!value) {
        return APR_SUCCESS;
    }
    if (!json_object_is_type(value, json_type_string)) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, field, "must be a string");
    }
    *ptext = json_object_get_string(value);
    return APR_SUCCESS;
}

apr_status_t llmq_lease_call_token(const char **ptoken, struct json_object *body,
                                   llmq_result_t *why)
{
    const char *token = NULL;
    apr_status_t rv = llmq_lease_call_text(&token, body, "lease_token", why);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!token || !*token) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "lease_token",
                               "the token that came with the claim is needed");
    }
    /* What is no token of ours is nobody's; the store need not be asked with it. */
    *ptoken =
        strlen(token) <= LLMQ_LEASE_TOKEN_MAX && llmq_id_is_name(token) ? token : "";
    return APR_SUCCESS;
}

static const char *content_of(struct json_object *value, apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, 256, p);
    LLMQ_TEXT_LIT(&t, "{\"content\":");
    llmq_json_string(&t, json_object_get_string(value),
                     (apr_size_t)json_object_get_string_len(value));
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}

apr_status_t llmq_lease_call_result(const char **presult, struct json_object *body,
                                    llmq_kind_e kind, llmq_result_t *why, apr_pool_t *p)
{
    struct json_object *value = llmq_json_member(body, "result");

    *presult = NULL;
    if (!value) {
        return APR_SUCCESS;
    }
    if (kind == LLMQ_KIND_MESSAGE && json_object_is_type(value, json_type_string)) {
        *presult = content_of(value, p);
        return APR_SUCCESS;
    }
    if (kind == LLMQ_KIND_MESSAGE && !json_object_is_type(value, json_type_object)) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "result",
                               "must be an object or a string");
    }
    *presult = apr_pstrdup(p, llmq_json_format(value));
    return APR_SUCCESS;
}

apr_status_t llmq_lease_call_worker(const char *name, llmq_result_t *why)
{
    if (llmq_id_is_name(name)) {
        return APR_SUCCESS;
    }
    return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "worker_id",
                           "must be 1 to 128 characters of A-Z a-z 0-9 _ . : -");
}

/* ---- refusals ---- */

apr_status_t llmq_lease_call_look(llmq_job_t **pjob, int *premoved, request_rec *r,
                                  const llmq_service_t *service, llmq_kind_e kind,
                                  const char *id)
{
    llmq_job_t **jobs;
    int *removed;
    apr_status_t rv;

    if (!llmq_id_is_name(id) || strlen(id) > LLMQ_ID_MAX) {
        return APR_NOTFOUND;
    }
    rv = llmq_store_lease_look(&jobs, &removed, service->store, &id, 1, r->pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!jobs[0] || jobs[0]->kind != kind
        || strcmp(jobs[0]->tenant, llmq_cfg_tenant(llmq_cfg_dir(r))) != 0) {
        return APR_NOTFOUND;
    }
    *pjob = jobs[0];
    *premoved = removed[0];
    return APR_SUCCESS;
}

int llmq_lease_call_unknown(request_rec *r, llmq_kind_e kind, const char *id)
{
    llmq_result_t why = {0};

    if (kind == LLMQ_KIND_TASK) {
        return llmq_reply_no_task(r, id);
    }
    llmq_result_set(&why, LLMQ_PROBLEM_NO_MESSAGE, NULL, "no such message");
    why.id = id;
    return llmq_reply_problem(r, &why);
}

/* @return non-zero if the worker should hear that nobody wants it any more */
static int is_unwanted(const llmq_job_t *job, int removed)
{
    return removed || job->status == LLMQ_STATUS_CANCELED;
}

static void explain(llmq_result_t *why, const llmq_job_t *job, int removed)
{
    memset(why, 0, sizeof(*why));
    if (is_unwanted(job, removed)) {
        llmq_result_set(why, LLMQ_PROBLEM_TASK_FINISHED, NULL,
                        removed ? "it was deleted, stop working on it"
                                : "it was canceled, stop working on it");
        why->cancel = 1;
    }
    else if (llmq_job_is_final(job->status)) {
        llmq_result_set(why, LLMQ_PROBLEM_TASK_FINISHED, NULL,
                        "it has ended, nothing can be reported any more");
    }
    else {
        llmq_result_set(why, LLMQ_PROBLEM_STALE_LEASE, NULL,
                        "the lease has ended, or was never this worker's");
    }
    why->id = job->id;
}

int llmq_lease_call_refuse(request_rec *r, const llmq_service_t *service,
                           llmq_kind_e kind, const char *id, const char *token)
{
    llmq_result_t why;
    llmq_job_t *job = NULL;
    int removed = 0;
    apr_status_t rv = llmq_lease_call_look(&job, &removed, r, service, kind, id);

    /* Whoever had it may know that it is gone; for all others it never was. */
    if (rv == APR_SUCCESS && removed
        && (!token || !job->lease_token || strcmp(token, job->lease_token) != 0)) {
        rv = APR_NOTFOUND;
    }
    if (rv != APR_SUCCESS) {
        return rv == APR_NOTFOUND ? llmq_lease_call_unknown(r, kind, id)
                                  : llmq_reply_status(r, rv);
    }
    if (is_unwanted(job, removed)) {
        llmq_lease_tell_gone(service, kind, id);
    }
    explain(&why, job, removed);
    return llmq_reply_problem(r, &why);
}
