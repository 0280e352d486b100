#include "store/store_usage.h"

#include "base/clock.h"
#include "base/json.h"
#include "store/store_page.h"
#include "store/store_run.h"

#include <string.h>

#define ROW_GUESS 160

/* ---- writing ---- */

static apr_int64_t known(int tokens)
{
    return tokens > 0 ? tokens : 0;
}

static void sums_to_json(llmq_text_t *t, const llmq_outcome_t *o)
{
    llmq_json_kv(t, "m", o->used.model);
    llmq_json_kv_int(t, "n", o->status >= LLMQ_STATUS_COMPLETED);
    llmq_json_kv_int(t, "p", known(o->used.prompt_tokens));
    llmq_json_kv_int(t, "c", known(o->used.completion_tokens));
    llmq_json_kv_int(t, "x", o->used.cost);
}

static void to_json(llmq_text_t *t, const llmq_outcome_t *o, apr_time_t now)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "i", o->id);
    llmq_json_kv_int(t, "a", o->attempt);
    llmq_json_kv_int(t, "u", o->finished_at ? o->finished_at : now);
    sums_to_json(t, o);
    LLMQ_TEXT_LIT(t, "}");
}

/* An attempt that is to be tried again counts if the backend has told its usage. */
int llmq_store_usage_counts(const llmq_outcome_t *o)
{
    return o->used.model
           && (o->status >= LLMQ_STATUS_COMPLETED || o->used.prompt_tokens > 0
               || o->used.completion_tokens > 0);
}

void llmq_store_usage_row(llmq_text_t *t, const llmq_outcome_t *o)
{
    if (llmq_store_usage_counts(o)) {
        sums_to_json(t, o);
    }
}

const char *llmq_store_usage_rows(const llmq_outcome_t *outcomes, int n, apr_pool_t *p)
{
    apr_time_t now = llmq_clock_now();
    llmq_text_t t;
    int i;

    llmq_text_init(&t, (apr_size_t)n * ROW_GUESS, p);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        if (!llmq_store_usage_counts(&outcomes[i])) {
            continue;
        }
        if (t.len > 1) {
            LLMQ_TEXT_LIT(&t, ",");
        }
        to_json(&t, &outcomes[i], now);
    }
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}

/* ---- reading ---- */

static void read_sum(llmq_usage_sum_t *sum, const llmq_store_rows_t *rows, int column)
{
    sum->requests = llmq_store_run_int(rows, column);
    sum->prompt_tokens = llmq_store_run_int(rows, column + 1);
    sum->completion_tokens = llmq_store_run_int(rows, column + 2);
    sum->cost = llmq_store_run_int(rows, column + 3);
}

/* Names end before it. A range is what an index can serve, other than a condition that may be
 * switched off. */
static const char *last_tenant(const llmq_usage_query_t *query)
{
    return query->tenant ? query->tenant : "~";
}

static const char *or_any(const char *filter)
{
    return filter ? filter : "";
}

/* What the statements that look have in common. */
#define FILTERS 10
static void filters(const char *args[FILTERS], const llmq_usage_query_t *query,
                    apr_pool_t *p)
{
    args[0] = or_any(query->tenant);
    args[1] = last_tenant(query);
    args[2] = number(query->since, p);
    args[3] = number(query->until, p);
    args[4] = args[5] = or_any(query->caller);
    args[6] = args[7] = or_any(query->api_key);
    args[8] = args[9] = or_any(query->model);
}

apr_status_t llmq_store_usage_list(llmq_usage_t **plist, int *pn, llmq_store_t *store,
                                   const llmq_usage_query_t *query, apr_pool_t *p)
{
    const char *args[FILTERS + 2];
    llmq_store_rows_t rows;
    llmq_usage_t *list;
    apr_status_t rv;
    int n = 0;

    filters(args, query, p);
    llmq_store_page_args(&args[FILTERS], query->page, query->page_size, p);
    rv = llmq_store_run(&rows, store, LLMQ_SQL_USAGE_LIST, args, p);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    list = apr_palloc(p, sizeof(*list) * ((apr_size_t)rows.n + 1));
    while (llmq_store_run_next(&rows)) {
        list[n].day = (int)llmq_store_run_int(&rows, 0);
        list[n].tenant = llmq_store_run_text(&rows, 1);
        list[n].caller = llmq_store_run_text(&rows, 2);
        list[n].model = llmq_store_run_text(&rows, 3);
        list[n].api_key = llmq_store_run_text(&rows, 4);
        read_sum(&list[n++].sum, &rows, 5);
    }
    *plist = list;
    *pn = n;
    return APR_SUCCESS;
}

apr_status_t llmq_store_usage_total(llmq_usage_sum_t *sum, apr_int64_t *ptotal,
                                    llmq_store_t *store, const llmq_usage_query_t *query,
                                    apr_pool_t *p)
{
    const char *args[FILTERS];
    llmq_store_rows_t rows;
    apr_status_t rv;

    filters(args, query, p);
    rv = llmq_store_run(&rows, store, LLMQ_SQL_USAGE_TOTAL, args, p);
    if (rv == APR_SUCCESS && llmq_store_run_next(&rows)) {
        *ptotal = llmq_store_run_int(&rows, 0);
        read_sum(sum, &rows, 1);
    }
    return rv;
}
