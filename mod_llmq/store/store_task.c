#include "store/store_task.h"

#include "store/store_job_record.h"
#include "store/store_page.h"

/* The filters of LLMQ_SQL_TASK_LIST and the page. */
#define ARGS_MAX 12

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* In the order of the statements' text. */
static int filters(const char **args, const llmq_task_query_t *query, apr_pool_t *p)
{
    int n = 0;

    args[n++] = query->tenant;
    args[n++] = number(query->created_after, p);
    args[n++] = or_empty(query->type);
    args[n++] = or_empty(query->type);
    args[n++] = number(query->level, p);
    args[n++] = number(query->level, p);
    args[n++] = or_empty(query->state);
    args[n++] = number(query->now, p);
    args[n++] = or_empty(query->state);
    if (query->kb)
        args[n++] = query->kb;
    return n;
}

static llmq_store_sql_e list_statement(const llmq_task_query_t *query)
{
    int slot = query->sort * 4 + (query->kb ? 2 : 0) + (query->descending ? 1 : 0);

    return (llmq_store_sql_e)(LLMQ_SQL_TASK_LIST + slot);
}

apr_status_t llmq_store_task_list(llmq_job_t **pjobs, int *pn, apr_int64_t *ptotal,
                                  llmq_store_t *store, const llmq_task_query_t *query,
                                  apr_pool_t *p)
{
    const char *args[ARGS_MAX];
    llmq_store_rows_t rows;
    int n = filters(args, query, p);
    apr_int64_t total;
    apr_status_t rv = llmq_store_page_count(
        &total, store, query->kb ? LLMQ_SQL_TASK_TALLY_KB : LLMQ_SQL_TASK_TALLY, args, p);

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

/* A statement that changes one task and tells it whole. */
static apr_status_t change(llmq_job_t **pjob, llmq_store_t *store, llmq_store_sql_e what,
                           const char **args, apr_pool_t *p)
{
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, what, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    if (!llmq_store_run_next(&rows))
        return LLMQ_ESTATE;
    *pjob = apr_palloc(p, sizeof(**pjob));
    llmq_store_job_record_read(*pjob, &rows);
    return APR_SUCCESS;
}

apr_status_t llmq_store_task_cancel(llmq_job_t **pjob, llmq_store_t *store,
                                    const llmq_task_ref_t *ref, apr_pool_t *p)
{
    const char *now = number(ref->now, p);
    const char *args[] = {now, now, ref->id, ref->tenant};

    return change(pjob, store, LLMQ_SQL_TASK_CANCEL, args, p);
}

apr_status_t llmq_store_task_retry(llmq_job_t **pjob, llmq_store_t *store,
                                   const llmq_task_ref_t *ref, apr_pool_t *p)
{
    const char *now = number(ref->now, p);
    const char *args[] = {store->conf.node, now, now, ref->id, ref->tenant};

    return change(pjob, store, LLMQ_SQL_TASK_RETRY, args, p);
}
