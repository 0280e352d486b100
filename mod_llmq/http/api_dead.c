/* Administration of dead letters: list and look. */
#include "http/api.h"

#include "http/dead_call.h"
#include "http/page.h"
#include "http/query.h"
#include "http/reply.h"
#include "store/store_dead.h"

static const char *const order_words[] = {"asc", "desc", NULL};
static const char *const list_params[] = {LLMQ_DEAD_CALL_FILTERS, "page", "page_size",
                                          "order", NULL};

int llmq_api_dead_get(request_rec *r, const llmq_service_t *service, const char *id)
{
    int reply = OK;
    llmq_job_t *job = llmq_dead_call_find(&reply, r, service, id);
    llmq_text_t t;

    if (!job) {
        return reply;
    }
    llmq_text_init(&t, job->payload_len + 1024, r->pool);
    llmq_page_job(&t, job, llmq_task_view_look(r, service));
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}

int llmq_api_dead_list(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_result_t why = {0};
    apr_int64_t total = 0;
    llmq_job_t *jobs;
    llmq_text_t t;
    llmq_dead_call_t call;
    apr_status_t rv;
    int order = 1;
    int n = 0;

    (void)id;
    if (llmq_dead_call_params(&call, r, list_params, &why) != APR_SUCCESS
        || llmq_dead_call_filters(&call, r, &why) != APR_SUCCESS
        || llmq_page_read(&call.query.page, &call.query.page_size, call.params, &why)
               != APR_SUCCESS
        || llmq_query_word(&order, call.params, "order", order_words, &why)
               != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    call.query.descending = order;
    rv = llmq_store_dead_list(&jobs, &n, &total, service->store, &call.query, r->pool);
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_text_init(&t, 4096, r->pool);
    llmq_page_jobs(&t, "items", jobs, n, llmq_task_view_look(r, service));
    llmq_page_end(&t, call.query.page, call.query.page_size, total);
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}
