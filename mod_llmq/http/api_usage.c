/* GET /admin/usage: what was used, by day, caller, API key and model. */
#include "http/api.h"

#include "base/clock.h"
#include "base/json.h"
#include "cfg/cfg.h"
#include "http/page.h"
#include "http/query.h"
#include "http/reply.h"
#include "store/store_usage.h"

#include <apr_strings.h>

#include <string.h>

static const char *const params[] = {"key",   "api_key", "model",     "since",
                                     "until", "page",    "page_size", NULL};

/* Whole days: the one that the moment is in. */
static apr_status_t read_day(int *pday, const apr_table_t *query, const char *name,
                             apr_time_t when, llmq_result_t *why)
{
    apr_status_t rv = llmq_query_moment(&when, query, name, llmq_clock_now(), 0, why);

    *pday = (int)(when / LLMQ_USAGE_DAY);
    return rv;
}

static apr_status_t read_query(llmq_usage_query_t *q, request_rec *r, llmq_result_t *why)
{
    apr_time_t now = llmq_clock_now();
    apr_table_t *query;
    apr_status_t rv;

    memset(q, 0, sizeof(*q));
    q->tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    if ((rv = llmq_query_parse(&query, r, why)) != APR_SUCCESS
        || (rv = llmq_query_known(query, params, why)) != APR_SUCCESS
        || (rv = read_day(&q->since, query, "since", now - 30 * LLMQ_USAGE_DAY, why))
               != APR_SUCCESS
        || (rv = read_day(&q->until, query, "until", now, why)) != APR_SUCCESS) {
        return rv;
    }
    q->caller = apr_table_get(query, "key");
    q->api_key = apr_table_get(query, "api_key");
    q->model = apr_table_get(query, "model");
    return llmq_page_read(&q->page, &q->page_size, query, why);
}

static void add_items(llmq_text_t *t, const llmq_usage_t *list, int n)
{
    int i;

    llmq_json_key(t, "items");
    LLMQ_TEXT_LIT(t, "[");
    for (i = 0; i < n; i++) {
        if (i) {
            LLMQ_TEXT_LIT(t, ",");
        }
        llmq_usage_write(t, &list[i], 0);
    }
    LLMQ_TEXT_LIT(t, "]");
}

int llmq_api_usage_list(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_result_t why = {0};
    llmq_usage_query_t q;
    llmq_usage_sum_t sum;
    llmq_usage_t *list;
    apr_int64_t total = 0;
    llmq_text_t t;
    apr_status_t rv;
    int n = 0;

    (void)id;
    if (read_query(&q, r, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    if ((rv = llmq_store_usage_total(&sum, &total, service->store, &q, r->pool))
            != APR_SUCCESS
        || (rv = llmq_store_usage_list(&list, &n, service->store, &q, r->pool))
               != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_text_init(&t, 4096, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_key(&t, "total");
    llmq_usage_write_sum(&t, &sum);
    add_items(&t, list, n);
    llmq_page_end(&t, q.page, q.page_size, total);
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}
