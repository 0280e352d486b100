/* S3, the list of tasks: GET /tasks with its filters, orders and pages. */
#include "http/api.h"

#include "base/clock.h"
#include "cfg/cfg.h"
#include "core/task.h"
#include "http/overlay.h"
#include "http/page.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/task_view.h"
#include "store/store_task.h"

static const char *const sort_words[] = {
    [LLMQ_TASK_SORT_CREATED] = "created_at", [LLMQ_TASK_SORT_UPDATED] = "updated_at",
    [LLMQ_TASK_SORT_LEVEL] = "priority",     [LLMQ_TASK_SORT_STATUS] = "status",
    [LLMQ_TASK_SORT_PROGRESS] = "progress",  [LLMQ_TASK_SORT_COUNT] = NULL,
};

static const char *const order_words[] = {"asc", "desc", NULL};

static apr_status_t read_type(llmq_task_query_t *q, const apr_table_t *query,
                              const llmq_task_types_t *types, llmq_result_t *why)
{
    q->type = apr_table_get(query, "task_type");
    if (q->type && !llmq_task_type_find(types, q->type)) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "task_type",
                               "no such task type");
    }
    return APR_SUCCESS;
}

static apr_status_t read_filters(llmq_task_query_t *q, const apr_table_t *query,
                                 llmq_result_t *why)
{
    const char *priority = apr_table_get(query, "priority");
    int state = 0;
    apr_status_t rv =
        llmq_query_word(&state, query, "status", llmq_task_state_words, why);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (priority && llmq_task_parse_level(&q->level, priority) != APR_SUCCESS) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "priority",
                               "must be low, normal, high or critical");
    }
    q->state = apr_table_get(query, "status");
    q->kb = apr_table_get(query, "kb_id");
    return llmq_query_moment(&q->created_after, query, "created_after", q->now, 0, why);
}

static apr_status_t read_query(llmq_task_query_t *q, request_rec *r, llmq_result_t *why)
{
    apr_table_t *query;
    int sort = LLMQ_TASK_SORT_CREATED;
    int order = 1;
    apr_status_t rv = llmq_query_parse(&query, r, why);

    memset(q, 0, sizeof(*q));
    q->tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    q->now = llmq_clock_now();
    if (rv != APR_SUCCESS || (rv = read_filters(q, query, why)) != APR_SUCCESS
        || (rv = read_type(q, query, llmq_cfg_task_types(r->server), why)) != APR_SUCCESS
        || (rv = llmq_page_read(&q->page, &q->page_size, query, why)) != APR_SUCCESS
        || (rv = llmq_query_word(&sort, query, "sort_by", sort_words, why)) != APR_SUCCESS
        || (rv = llmq_query_word(&order, query, "sort_order", order_words, why))
               != APR_SUCCESS) {
        return rv;
    }
    q->sort = (llmq_task_sort_e)sort;
    q->descending = order;
    return APR_SUCCESS;
}

static void add_tasks(llmq_text_t *t, llmq_job_t *jobs, int n, request_rec *r,
                      const llmq_service_t *service)
{
    const llmq_task_view_look_t *look = llmq_task_view_look(r, service);
    int i;

    LLMQ_TEXT_LIT(t, "{\"tasks\":[");
    for (i = 0; i < n; i++) {
        if (i) {
            LLMQ_TEXT_LIT(t, ",");
        }
        llmq_overlay_job(&jobs[i], service->tasks);
        llmq_task_view_add(t, &jobs[i], look);
    }
    LLMQ_TEXT_LIT(t, "]");
}

int llmq_api_task_list(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_task_query_t q;
    llmq_result_t why = {0};
    llmq_job_t *jobs;
    llmq_text_t t;
    apr_int64_t total;
    int n;
    apr_status_t rv = read_query(&q, r, &why);

    (void)id;
    if (rv == LLMQ_EBODY) {
        return llmq_reply_problem(r, &why);
    }
    rv = llmq_store_task_list(&jobs, &n, &total, service->store, &q, r->pool);
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_text_init(&t, 4096, r->pool);
    add_tasks(&t, jobs, n, r, service);
    llmq_json_kv_int(&t, "total", total);
    llmq_page_end(&t, q.page, q.page_size, total);
    return llmq_reply_json(r, HTTP_OK, t.data, t.len);
}
