#include "http/dead_call.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "cfg/cfg.h"
#include "http/body.h"
#include "http/query.h"
#include "http/reply.h"
#include "store/store_job.h"

#include <apr_strings.h>
#include <http_log.h>
#include <json-c/json.h>

#include <string.h>

APLOG_USE_MODULE(llmq);

apr_status_t llmq_dead_call_filters(llmq_dead_call_t *call, request_rec *r,
                                    llmq_result_t *why)
{
    llmq_dead_query_t *q = &call->query;
    const char *kb_id = apr_table_get(call->params, "kb_id");
    apr_status_t rv;

    memset(q, 0, sizeof(*q));
    rv = llmq_query_kind(&q->kind, call->params, why);
    q->tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    q->user = kb_id ? kb_id : apr_table_get(call->params, "user_id");
    q->type = apr_table_get(call->params, "task_type");
    q->chain = apr_table_get(call->params, "conversation_id");
    q->needle = apr_table_get(call->params, "error");
    if (rv == APR_SUCCESS) {
        rv = llmq_query_level(&q->level, call->params, "priority", why);
    }
    return rv == APR_SUCCESS ? llmq_query_moment(&q->since, call->params, "since",
                                                 llmq_clock_now(), 0, why)
                             : rv;
}

apr_status_t llmq_dead_call_params(llmq_dead_call_t *call, request_rec *r,
                                   const char *const *known, llmq_result_t *why)
{
    apr_status_t rv = llmq_query_parse(&call->params, r, why);

    return rv == APR_SUCCESS ? llmq_query_known(call->params, known, why) : rv;
}

apr_status_t llmq_dead_call_body(llmq_dead_call_t *call, request_rec *r,
                                 const char *const *known, llmq_result_t *why)
{
    struct json_object *body;
    apr_status_t rv;

    if (!ap_request_has_body(r)) {
        return APR_SUCCESS;
    }
    if ((rv = llmq_body_json(&body, r, why)) != APR_SUCCESS) {
        return rv;
    }
    if (!json_object_is_type(body, json_type_object)) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, NULL,
                               "the body must be an object");
    }
    json_object_object_foreach(body, name, value)
    {
        if (!json_object_is_type(value, json_type_string)
            && !json_object_is_type(value, json_type_int)) {
            return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, apr_pstrdup(r->pool, name),
                                   "must be a string or a whole number");
        }
        apr_table_set(call->params, name, json_object_get_string(value));
    }
    return llmq_query_known(call->params, known, why);
}

/* ---- one ---- */

int llmq_dead_call_unknown(request_rec *r, const char *id)
{
    int is_task = llmq_job_kind_of(id) == LLMQ_KIND_TASK;
    llmq_result_t why;

    llmq_result_set(&why, is_task ? LLMQ_PROBLEM_NO_TASK : LLMQ_PROBLEM_NO_MESSAGE, "id",
                    is_task ? "no such task" : "no such message");
    return llmq_reply_problem(r, &why);
}

llmq_job_t *llmq_dead_call_find(int *preply, request_rec *r,
                                const llmq_service_t *service, const char *id)
{
    llmq_job_t *job = NULL;
    llmq_result_t why;
    apr_status_t rv = APR_NOTFOUND;

    if (llmq_id_is_name(id)) {
        rv = llmq_store_job_find(&job, service->store, llmq_cfg_tenant(llmq_cfg_dir(r)),
                                 llmq_job_kind_of(id), id, r->pool);
    }
    if (rv == APR_SUCCESS && job->dead_letter) {
        return job;
    }
    if (rv == APR_SUCCESS) {
        llmq_result_set(&why, LLMQ_PROBLEM_TRANSITION, "id", "it is no dead letter");
        *preply = llmq_reply_problem(r, &why);
    }
    else {
        *preply =
            rv == APR_NOTFOUND ? llmq_dead_call_unknown(r, id) : llmq_reply_status(r, rv);
    }
    return NULL;
}

int llmq_dead_call_no_longer(request_rec *r)
{
    llmq_result_t why;

    llmq_result_set(&why, LLMQ_PROBLEM_TRANSITION, "id", "it is no dead letter any more");
    return llmq_reply_problem(r, &why);
}

/* ---- many ---- */

int llmq_dead_call_sum(request_rec *r, const char *done, const char *message,
                       const llmq_dead_sum_t *sum, int rate)
{
    llmq_text_t t;

    llmq_text_init(&t, 256, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv_int(&t, done, sum->done);
    llmq_json_kv_int(&t, "remaining",
                     sum->total > sum->done ? sum->total - sum->done : 0);
    if (rate) {
        llmq_json_kv_int(&t, "rate", rate);
    }
    if (sum->last) {
        llmq_json_kv_time(&t, "last_at", sum->last);
    }
    LLMQ_TEXT_LIT(&t, "}");
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  LLMQ_NO(0261) "dead letters %s: %" APR_INT64_T_FMT, done, sum->done);
    return llmq_reply_data(r, HTTP_OK, message, t.data);
}
