#include "store/store_node.h"

#include "base/log.h"
#include "store/store_run.h"

#include <apr_strings.h>

#define LOG_PAUSE apr_time_from_sec(60)

static apr_status_t beat(llmq_store_t *store, const char *now, const char *limit,
                         apr_pool_t *p)
{
    static apr_uint64_t last;
    const char *node = store->conf.node;
    const char *args[] = {node, now, now, node, limit}; /* the last two for SQLite only */
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_BEAT, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    if (rows.n > 0)
        return APR_SUCCESS;
    if (llmq_log_once_per(&last, LOG_PAUSE))
        LLMQ_LOG(LLMQ_LOG_ERR, LLMQ_ESTATE,
                 LLMQ_NO(0410) "another node is alive on this SQLite database; "
                               "several nodes need PostgreSQL");
    return LLMQ_ESTATE;
}

apr_status_t llmq_store_node_beat(llmq_store_t *store, int *padopted, apr_time_t now,
                                  apr_pool_t *p)
{
    const char *node = store->conf.node;
    const char *present = apr_psprintf(p, "%" APR_TIME_T_FMT, now);
    const char *limit =
        apr_psprintf(p, "%" APR_TIME_T_FMT, now - store->conf.node_timeout);
    const char *args[] = {node, present, limit, node, limit};
    llmq_store_rows_t rows;
    apr_status_t rv = beat(store, present, limit, p);

    if (rv != APR_SUCCESS)
        return rv;
    rv = llmq_store_run(&rows, store, LLMQ_SQL_ADOPT, args, p);
    if (rv != APR_SUCCESS)
        return rv;
    *padopted = rows.n;
    if (rows.n > 0)
        LLMQ_LOG(LLMQ_LOG_WARNING, APR_SUCCESS,
                 LLMQ_NO(0411) "adopted %d jobs of nodes that fell silent", rows.n);
    return APR_SUCCESS;
}

apr_status_t llmq_store_node_leave(llmq_store_t *store, apr_pool_t *p)
{
    const char *args[] = {store->conf.node};
    llmq_store_rows_t rows;

    return llmq_store_run(&rows, store, LLMQ_SQL_LEAVE, args, p);
}
