/* S2: debug turns of apps, their list, and long-term memories. */
#include "http/api.h"

#include "base/clock.h"
#include "cfg/cfg.h"
#include "core/app_input.h"
#include "http/app_call.h"
#include "http/app_turns.h"
#include "http/body.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/sse.h"
#include "http/stored.h"
#include "http/wait.h"
#include "store/store_app_memory.h"
#include "store/store_app_turn.h"

#include <apr_strings.h>
#include <http_protocol.h>

/* ---- POST /apps/{id}/debug ---- */

static int wants_stream(request_rec *r)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");

    return accept && ap_strcasestr(accept, "text/event-stream") != NULL;
}

static int reply_turn(request_rec *r, const llmq_service_t *service,
                      const llmq_job_t *job)
{
    llmq_text_t t;
    int status;

    (void)service;
    llmq_text_init(&t, job->payload_len + 2048, r->pool);
    status = llmq_app_turns_write(&t, job, r->pool);
    return llmq_reply_json(r, status, t.data, t.len);
}

static void write_ended(llmq_text_t *t, const llmq_job_t *job)
{
    llmq_app_turns_write(t, job, t->pool);
}

static llmq_waited_e other_end(const llmq_job_t *job)
{
    return job->status == LLMQ_STATUS_COMPLETED ? LLMQ_WAITED_COUNT
           : job->status == LLMQ_STATUS_FAILED  ? LLMQ_WAITED_FAILED
                                                : LLMQ_WAITED_TIME;
}

static int reply_stream(request_rec *r, const llmq_service_t *service,
                        const llmq_job_t *job)
{
    const llmq_sse_t sse = {LLMQ_TOPIC_DEBUG, job->id, 0, 1};

    return llmq_sse_answer(r, service, &sse);
}

/* Until the turn has ended or its time is over. Somebody who has gone away finds the answer in
 * the list. */
static int debug_and_wait(request_rec *r, const llmq_service_t *service,
                          const llmq_app_t *app, const char *query)
{
    static const llmq_wait_how_t how = {
        .reply = reply_turn,
        .way = {.text = write_ended, .other = other_end, .late = llmq_app_turns_late},
        .failed = LLMQ_PROBLEM_ANSWER};
    apr_interval_time_t limit = llmq_cfg_app_timeout(llmq_cfg_dir(r));
    llmq_result_t why = {0};
    llmq_job_t *job = NULL;
    llmq_wait_t wait;
    apr_status_t rv = llmq_wait_begin_for(&wait, limit, &how, r, service, &why);

    if (rv == APR_SUCCESS) {
        rv = llmq_app_turns_accept(&job, r, service, app, query, &why);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_wait_for(&job, &wait, r, service, &why);
    }
    llmq_wait_end(&wait);
    if (rv == APR_EINPROGRESS) {
        return OK;
    }
    return rv == APR_SUCCESS ? reply_turn(r, service, job)
                             : llmq_app_call_reject(r, rv, &why);
}

static int debug(request_rec *r, const llmq_service_t *service, const llmq_app_t *app,
                 const char *query)
{
    llmq_result_t why = {0};
    llmq_job_t *job = NULL;
    apr_status_t rv;

    if (!wants_stream(r)) {
        return debug_and_wait(r, service, app, query);
    }
    rv = llmq_app_turns_accept(&job, r, service, app, query, &why);
    return rv == APR_SUCCESS ? reply_stream(r, service, job)
                             : llmq_app_call_reject(r, rv, &why);
}

int llmq_api_app_debug(request_rec *r, const llmq_service_t *service, const char *id)
{
    const char *query = NULL;
    llmq_app_call_t call;
    llmq_result_t why = {0};
    apr_status_t rv = llmq_app_call_begin(&call, r, service, id, &why);

    if (rv == APR_SUCCESS) {
        rv = llmq_app_input_query(&query, call.body, &call.conf, &why, r->pool);
    }
    if (rv != APR_SUCCESS) {
        return llmq_app_call_reject(r, rv, &why);
    }
    return debug(r, service, call.app, query);
}

/* ---- GET /apps/{id}/messages, POST …/messages/{id}/delete ---- */

static apr_status_t load_turns(llmq_job_t **pjobs, int *pn, apr_int64_t *ptotal,
                               request_rec *r, const llmq_service_t *service,
                               const llmq_app_t *app, const llmq_app_page_t *page)
{
    llmq_app_turns_t query = {app->tenant, NULL, page->page, page->page_size};

    *pn = 0;
    *ptotal = 0;
    if (!app->conversation) {
        return APR_SUCCESS;
    }
    query.chain = llmq_app_turn_chain(app->conversation, r->pool);
    return llmq_store_app_turn_list(pjobs, pn, ptotal, service->store, &query, r->pool);
}

int llmq_api_app_debug_list(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_app_page_t page;
    llmq_app_ref_t ref;
    llmq_app_t *app = NULL;
    llmq_result_t why = {0};
    llmq_job_t *jobs = NULL;
    apr_int64_t total = 0;
    llmq_text_t t;
    int n = 0;
    int i;
    apr_status_t rv = llmq_app_call_find(&app, &ref, r, service, id);

    if (rv == APR_SUCCESS) {
        rv = llmq_app_call_page(&page, r, &why);
    }
    if (rv == APR_SUCCESS) {
        rv = load_turns(&jobs, &n, &total, r, service, app, &page);
    }
    if (rv != APR_SUCCESS) {
        return llmq_app_call_reject(r, rv, &why);
    }
    llmq_text_init(&t, 4096, r->pool);
    LLMQ_TEXT_LIT(&t, "{\"list\":[");
    for (i = 0; i < n; i++) {
        llmq_stored_comma(&t);
        llmq_app_turn_write(&t, &jobs[i], r->pool);
    }
    llmq_app_call_page_end(&t, &page, total);
    return llmq_app_call_success(r, t.data, "");
}

int llmq_api_app_debug_remove(request_rec *r, const llmq_service_t *service,
                              const char *id)
{
    llmq_app_ref_t ref;
    llmq_app_t *app = NULL;
    llmq_result_t why = {0};
    apr_status_t rv = llmq_app_call_find(&app, &ref, r, service, id);

    if (rv != APR_SUCCESS) {
        return llmq_app_call_fail(r, rv);
    }
    rv = llmq_app_turns_remove(r, service, app, llmq_route_id(r));
    if (rv == APR_NOTFOUND) {
        llmq_result_set(&why, LLMQ_PROBLEM_NO_MESSAGE, NULL, NULL);
        return llmq_reply_problem(r, &why);
    }
    return llmq_app_call_done(r, rv, "删除调试信息成功");
}

/* ---- GET, POST /apps/{id}/long-term-memory ---- */

static int has_memory(const llmq_app_t *app)
{
    return llmq_app_effective(app)->memory == LLMQ_APP_MEMORY_LONG_TERM;
}

static int refuse_memory(request_rec *r)
{
    return llmq_app_call_refuse(r, "该应用并未开启长期记忆，无法获取");
}

int llmq_api_app_debug_memory(request_rec *r, const llmq_service_t *service,
                              const char *id)
{
    llmq_app_ref_t ref;
    llmq_app_t *app = NULL;
    llmq_text_t t;
    apr_status_t rv = llmq_app_call_find(&app, &ref, r, service, id);

    if (rv != APR_SUCCESS) {
        return llmq_app_call_fail(r, rv);
    }
    if (!has_memory(app)) {
        return refuse_memory(r);
    }
    llmq_text_init(&t, strlen(app->summary) + 64, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "summary", app->summary);
    LLMQ_TEXT_LIT(&t, "}");
    return llmq_app_call_success(r, t.data, "");
}

int llmq_api_app_debug_remember(request_rec *r, const llmq_service_t *service,
                                const char *id)
{
    const char *summary = NULL;
    llmq_app_call_t call;
    llmq_result_t why = {0};
    apr_status_t rv = llmq_app_call_begin(&call, r, service, id, &why);

    if (rv == APR_SUCCESS) {
        rv = llmq_app_input_summary(&summary, call.body, &call.conf, &why, r->pool);
    }
    if (rv != APR_SUCCESS) {
        return llmq_app_call_reject(r, rv, &why);
    }
    if (!has_memory(call.app)) {
        return refuse_memory(r);
    }
    rv = llmq_store_app_memory_remember(service->store, &call.ref, summary,
                                        llmq_clock_now(), r->pool);
    return llmq_app_call_done(r, rv, "更新AI应用长记忆成功");
}
