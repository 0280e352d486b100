/* S4: runs of agents. How they begin is http/runs.c, how callers end them
 * http/runs_end.c. */
#include "http/api.h"

#include "base/id.h"
#include "cfg/cfg.h"
#include "http/body.h"
#include "http/idempotency.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/runs.h"
#include "http/runs_end.h"
#include "http/session_call.h"
#include "http/wait.h"
#include "store/store_agent.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <json-c/json.h>

#define FIELD "trigger_message_id"

static int reply_run(request_rec *r, int status, const llmq_run_t *run)
{
    llmq_text_t t;

    llmq_text_init(&t, 512, r->pool);
    llmq_run_write(&t, run);
    LLMQ_TEXT_LIT(&t, "\n");
    return llmq_reply_json(r, status, t.data, t.len);
}

/* ---- POST /sessions/{id}/runs ---- */

/* As Laravel sees it, who makes null of empty strings. */
static int is_nothing(struct json_object *value)
{
    return !value
           || (json_object_is_type(value, json_type_string)
               && json_object_get_string_len(value) == 0);
}

static apr_status_t read_trigger(const char **pid, request_rec *r, llmq_result_t *why)
{
    struct json_object *body = NULL;
    struct json_object *value;
    apr_status_t rv = llmq_body_json_or_none(&body, r, why);
    char *id;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    value = llmq_json_member(body, FIELD);
    if (is_nothing(value)) {
        return llmq_result_blame(why, FIELD, "The trigger message id field is required.",
                                 r->pool);
    }
    if (!json_object_is_type(value, json_type_string)
        || !llmq_id_is_uuid(json_object_get_string(value))) {
        return llmq_result_blame(
            why, FIELD, "The trigger message id field must be a valid UUID.", r->pool);
    }
    id = apr_pstrdup(r->pool, json_object_get_string(value));
    *pid = id;
    for (; *id; id++) {
        *id = apr_tolower(*id);
    }
    return APR_SUCCESS;
}

/* What is asked for, if it is there and the session's state allows it. */
static apr_status_t read_wish(llmq_runs_wish_t *wish, request_rec *r,
                              const llmq_service_t *service, const char *id,
                              const char *trigger)
{
    llmq_session_ref_t ref;
    llmq_session_t *session = NULL;
    llmq_session_message_t *m = NULL;
    const char *own = llmq_idempotency_id(r, "", NULL);
    apr_status_t rv = llmq_session_call_find(&session, &ref, r, service, id);

    if (rv == APR_SUCCESS) {
        rv = llmq_store_session_message(&m, service->store, &ref, trigger, r->pool);
    }
    if (rv == APR_SUCCESS) {
        wish->session = session;
        wish->trigger = m;
        wish->id = llmq_id_uuid(own ? own : llmq_id_create("", r->pool), 0, r->pool);
    }
    return rv;
}

/* A closed session begins nothing; what its trigger began before is still told. */
static apr_status_t begin(llmq_run_t **prun, const llmq_runs_wish_t *wish, request_rec *r,
                          const llmq_service_t *service, llmq_result_t *why)
{
    llmq_run_ref_t ref = {wish->session->tenant, wish->session->id, wish->trigger->id};
    apr_status_t rv;

    if (wish->session->status != LLMQ_SESSION_CLOSED) {
        return llmq_runs_begin(prun, wish, r, service, why);
    }
    rv = llmq_store_agent_of_trigger(prun, service->store, &ref, r->pool);
    return rv == APR_NOTFOUND ? LLMQ_ESTATE : rv;
}

static int reply_created(request_rec *r, const llmq_service_t *service,
                         const llmq_job_t *job)
{
    (void)service;
    apr_table_setn(r->headers_out, "Location",
                   apr_pstrcat(r->pool, llmq_route_base(r), "/sessions/", job->chain,
                               "/runs/", job->id, NULL));
    return llmq_reply_json(r, HTTP_CREATED, job->payload, job->payload_len);
}

static void write_ended(llmq_text_t *t, const llmq_job_t *job)
{
    llmq_text_add(t, job->payload, job->payload_len);
}

static int create(request_rec *r, const llmq_service_t *service,
                  const llmq_runs_wish_t *wish, llmq_wait_t *wait)
{
    llmq_job_t *job = apr_palloc(r->pool, sizeof(*job));
    llmq_result_t why = {0};
    llmq_run_t *run = NULL;
    apr_status_t rv = begin(&run, wish, r, service, &why);

    if (rv == APR_SUCCESS) {
        llmq_runs_as_job(job, run, r->pool);
        rv = llmq_wait_for(&job, wait, r, service, &why);
    }
    llmq_wait_end(wait); /* who has read the answer may ask again at once */
    if (rv == APR_EINPROGRESS) {
        return OK;
    }
    if (rv == LLMQ_EBODY) {
        return llmq_reply_problem(r, &why);
    }
    return rv == APR_SUCCESS ? reply_created(r, service, job)
                             : llmq_session_call_fail(r, rv);
}

int llmq_api_run_create(request_rec *r, const llmq_service_t *service, const char *id)
{
    static const llmq_wait_how_t how = {
        .reply = reply_created, .way = {.text = write_ended, .look = llmq_runs_look}};
    llmq_runs_wish_t wish = {0};
    llmq_result_t why = {0};
    llmq_wait_t wait;
    const char *trigger = NULL;
    apr_status_t rv;

    if (read_trigger(&trigger, r, &why) != APR_SUCCESS) {
        return llmq_session_call_refuse(r, service, id, &why);
    }
    rv = read_wish(&wish, r, service, id, trigger);
    if (rv != APR_SUCCESS) {
        return llmq_session_call_fail(r, rv);
    }
    if (llmq_wait_begin(&wait, &how, r, service, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    return create(r, service, &wish, &wait);
}

/* ---- GET /sessions/{id}/runs/{id}, POST …/cancel ---- */

static apr_status_t find(llmq_run_t **prun, request_rec *r, const llmq_service_t *service,
                         const char *id)
{
    llmq_session_ref_t ref;
    llmq_session_ref_t inner;
    llmq_session_t *session;
    llmq_run_ref_t which;
    apr_status_t rv = llmq_session_call_find(&session, &ref, r, service, id);

    if (rv == APR_SUCCESS) {
        rv = llmq_session_call_ref(&inner, r, llmq_route_id(r));
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    which.tenant = ref.tenant;
    which.session = ref.id;
    which.id = inner.id;
    return llmq_store_agent_find(prun, service->store, &which, r->pool);
}

int llmq_api_run_get(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_run_t *run = NULL;
    apr_status_t rv = find(&run, r, service, id);

    return rv == APR_SUCCESS ? reply_run(r, HTTP_OK, run) : llmq_session_call_fail(r, rv);
}

/* One that has ended stays as it is: whoever wants it canceled has got what he wants. */
int llmq_api_run_cancel(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_run_t *run = NULL;
    apr_status_t rv = find(&run, r, service, id);

    if (rv == APR_SUCCESS) {
        rv = llmq_runs_end_cancel(run, 0, service, r->pool);
    }
    return rv == APR_SUCCESS ? reply_run(r, HTTP_OK, run) : llmq_session_call_fail(r, rv);
}
