#include "store/store_reap.h"

#include "base/json.h"
#include "store/store_run.h"

#define NAME_GUESS 96

static const char *names_to_json(llmq_store_rows_t *rows, apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, (apr_size_t)rows->n * NAME_GUESS + 3, p);
    LLMQ_TEXT_LIT(&t, "[");
    while (llmq_store_run_next(rows)) {
        if (t.len > 1)
            LLMQ_TEXT_LIT(&t, ",");
        LLMQ_TEXT_LIT(&t, "{");
        llmq_json_kv(&t, "t", llmq_store_run_text(rows, 0));
        llmq_json_kv(&t, "c", llmq_store_run_text(rows, 1));
        LLMQ_TEXT_LIT(&t, "}");
    }
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}

apr_status_t llmq_store_reap_find(llmq_reap_t *reap, llmq_store_t *store, apr_time_t now,
                                  int limit, apr_pool_t *p)
{
    const char *args[] = {number(now, p), number(limit, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_REAP_FIND, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    reap->n = rows.n;
    reap->names = rows.n ? names_to_json(&rows, p) : NULL;
    return APR_SUCCESS;
}

apr_status_t llmq_store_reap_jobs(int *pn, llmq_store_t *store, const llmq_reap_t *reap,
                                  apr_time_t now, int limit, apr_pool_t *p)
{
    const char *args[] = {reap->names, number(now, p), number(limit, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_REAP_JOBS, args, p);

    if (rv == APR_SUCCESS)
        *pn = rows.n;
    return rv;
}

apr_status_t llmq_store_reap_empty(int *pn, llmq_store_t *store, const llmq_reap_t *reap,
                                   apr_time_t now, apr_pool_t *p)
{
    const char *args[] = {reap->names, number(now, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_REAP_EMPTY, args, p);

    if (rv == APR_SUCCESS)
        *pn = rows.n;
    return rv;
}

apr_status_t llmq_store_reap_completions(int *pn, llmq_store_t *store, apr_time_t before,
                                         int limit, apr_pool_t *p)
{
    const char *args[] = {number(before, p), number(limit, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_REAP_COMPLETIONS, args, p);

    if (rv == APR_SUCCESS)
        *pn = rows.n;
    return rv;
}
