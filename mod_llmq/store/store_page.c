#include "store/store_page.h"

apr_status_t llmq_store_page_count(apr_int64_t *pn, llmq_store_t *store,
                                   llmq_store_sql_e what, const char **args,
                                   apr_pool_t *p)
{
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, what, args, p);

    if (rv == APR_SUCCESS) {
        *pn = llmq_store_run_next(&rows) ? llmq_store_run_int(&rows, 0) : 0;
    }
    return rv;
}

void llmq_store_page_args(const char **args, int page, int size, apr_pool_t *p)
{
    args[0] = number(size, p);
    args[1] = number(((apr_int64_t)page - 1) * size, p);
}
