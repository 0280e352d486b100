#include "store/store_delay.h"

#include "store/store_job_record.h"
#include "store/store_page.h"

#include <apr_strings.h>

/* The filters of LLMQ_SQL_DELAY_TALLY; the page follows. */
#define FILTER_COUNT 10
#define ARGS_MAX     (FILTER_COUNT + 2)

static int filters(const char **args, const llmq_delay_query_t *query, apr_pool_t *p)
{
    const char *level = apr_itoa(p, query->level);
    const char *before = number(query->before, p);
    const char *kind = apr_itoa(p, query->kind);
    const char *type = query->type ? query->type : "";
    int n = 0;

    args[n++] = number(query->now, p);
    args[n++] = query->tenant;
    args[n++] = kind;
    args[n++] = kind;
    args[n++] = type;
    args[n++] = type;
    args[n++] = level;
    args[n++] = level;
    args[n++] = before;
    args[n++] = before;
    return n;
}

apr_status_t llmq_store_delay_list(llmq_job_t **pjobs, int *pn, apr_int64_t *ptotal,
                                   llmq_store_t *store, const llmq_delay_query_t *query,
                                   apr_pool_t *p)
{
    const char *args[ARGS_MAX];
    llmq_store_rows_t rows;
    int n = filters(args, query, p);
    apr_status_t rv = llmq_store_page_count(ptotal, store, LLMQ_SQL_DELAY_TALLY, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    llmq_store_page_args(&args[n], query->page, query->page_size, p);
    rv = llmq_store_run(&rows, store, LLMQ_SQL_DELAY_LIST, args, p);
    if (rv == APR_SUCCESS)
        llmq_store_job_record_list(pjobs, pn, &rows, p);
    return rv;
}

apr_status_t llmq_store_delay_hasten(llmq_job_t **pjob, llmq_store_t *store,
                                     const char *tenant, llmq_kind_e kind, const char *id,
                                     apr_time_t now, apr_pool_t *p)
{
    const char *when = number(now, p);
    const char *args[] = {when, when, store->conf.node, id, tenant, apr_itoa(p, kind),
                          when};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_DELAY_HASTEN, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    if (!llmq_store_run_next(&rows))
        return LLMQ_ESTATE;
    *pjob = apr_palloc(p, sizeof(**pjob));
    llmq_store_job_record_read(*pjob, &rows);
    return APR_SUCCESS;
}

apr_status_t llmq_store_delay_remove(llmq_store_t *store, const char *tenant,
                                     llmq_kind_e kind, const char *id, apr_time_t now,
                                     apr_pool_t *p)
{
    const char *when = number(now, p);
    const char *args[] = {when, when, id, tenant, apr_itoa(p, kind), when};

    return llmq_store_run_change(store, LLMQ_SQL_DELAY_REMOVE, args, LLMQ_ESTATE, p);
}
