#include "store/store_job.h"

#include "store/store_job_record.h"
#include "store/store_page.h"

#include <apr_strings.h>

/* The filters of LLMQ_SQL_LIST, in their order; the chain and the page follow. */
#define FILTER_COUNT 8
#define ARGS_MAX     (FILTER_COUNT + 4)

static int filters(const char **args, const llmq_job_query_t *query, apr_pool_t *p)
{
    const char *user = query->user ? query->user : "";
    const char *status = apr_itoa(p, query->status);
    const char *level = apr_itoa(p, query->level);
    int n = 0;

    args[n++] = query->tenant;
    args[n++] = apr_itoa(p, query->kind);
    args[n++] = user;
    args[n++] = user;
    args[n++] = status;
    args[n++] = status;
    args[n++] = level;
    args[n++] = level;
    if (query->chain) {
        args[n++] = query->chain;
        args[n++] = apr_psprintf(p, "%" APR_INT64_T_FMT, query->since);
    }
    return n;
}

static llmq_store_sql_e list_statement(const llmq_job_query_t *query)
{
    int slot = query->sort * 4 + (query->chain ? 2 : 0) + (query->descending ? 1 : 0);

    return (llmq_store_sql_e)(LLMQ_SQL_LIST + slot);
}

apr_status_t llmq_store_job_list(llmq_job_t **pjobs, int *pn, apr_int64_t *ptotal,
                                 llmq_store_t *store, const llmq_job_query_t *query,
                                 apr_pool_t *p)
{
    const char *args[ARGS_MAX];
    llmq_store_rows_t rows;
    int n = filters(args, query, p);
    apr_int64_t total;
    apr_status_t rv = llmq_store_page_count(
        &total, store, query->chain ? LLMQ_SQL_TALLY_CHAIN : LLMQ_SQL_TALLY, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    llmq_store_page_args(&args[n], query->page, query->page_size, p);
    rv = llmq_store_run(&rows, store, list_statement(query), args, p);
    if (rv != APR_SUCCESS)
        return rv;
    llmq_store_job_record_list(pjobs, pn, &rows, p);
    *ptotal = total;
    return APR_SUCCESS;
}
