#include "store/store_job.h"

#include "store/store_job_record.h"

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

static apr_status_t tally(apr_int64_t *ptotal, llmq_store_t *store,
                          const llmq_job_query_t *query, const char **args, apr_pool_t *p)
{
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(
        &rows, store, query->chain ? LLMQ_SQL_TALLY_CHAIN : LLMQ_SQL_TALLY, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    *ptotal = llmq_store_run_next(&rows) ? llmq_store_run_int(&rows, 0) : 0;
    return APR_SUCCESS;
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
    apr_int64_t total, skip = (apr_int64_t)(query->page - 1) * query->page_size;
    llmq_store_rows_t rows;
    llmq_job_t *jobs;
    int count = filters(args, query, p), n = 0;
    apr_status_t rv = tally(&total, store, query, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    args[count++] = apr_itoa(p, query->page_size);
    args[count++] = apr_psprintf(p, "%" APR_INT64_T_FMT, skip);
    rv = llmq_store_run(&rows, store, list_statement(query), args, p);
    if (rv != APR_SUCCESS)
        return rv;
    jobs = apr_palloc(p, sizeof(*jobs) * (rows.n + 1));
    while (llmq_store_run_next(&rows))
        llmq_store_job_record_read(&jobs[n++], &rows);
    *pjobs = jobs;
    *pn = n;
    *ptotal = total;
    return APR_SUCCESS;
}
