#include "store/store_dead.h"

#include "base/json.h"
#include "store/store_job_record.h"
#include "store/store_page.h"

#include <apr_strings.h>

#include <string.h>

/* The filters of LLMQ_SQL_DEAD_TALLY, in their order; the page follows. */
#define FILTER_COUNT 14
#define ARGS_MAX     (FILTER_COUNT + 3)

#define ESCAPE '!' /* of LIKE */

/* The error is stored as JSON: quotes and the like are looked for as they are written
 * there. */
static const char *pattern_of(const char *needle, apr_pool_t *p)
{
    llmq_text_t quoted;
    llmq_text_t t;
    apr_size_t i;

    llmq_text_init(&quoted, strlen(needle) + 16, p);
    llmq_json_strz(&quoted, needle);
    llmq_text_init(&t, 2 * quoted.len + 4, p);
    LLMQ_TEXT_LIT(&t, "%");
    for (i = 1; i + 1 < quoted.len; i++) {
        char c = quoted.data[i];

        if (c == '%' || c == '_' || c == ESCAPE)
            LLMQ_TEXT_LIT(&t, "!");
        llmq_text_add(&t, &c, 1);
    }
    LLMQ_TEXT_LIT(&t, "%");
    return t.data;
}

static int filters(const char **args, const llmq_dead_query_t *query, apr_pool_t *p)
{
    const char *level = apr_itoa(p, query->level);
    const char *kind = apr_itoa(p, query->kind);
    const char *type = query->type ? query->type : "";
    const char *user = query->user ? query->user : "";
    const char *chain = query->chain ? query->chain : "";
    const char *needle =
        query->needle && *query->needle ? pattern_of(query->needle, p) : "";
    int n = 0;

    args[n++] = query->tenant;
    args[n++] = kind;
    args[n++] = kind;
    args[n++] = type;
    args[n++] = type;
    args[n++] = level;
    args[n++] = level;
    args[n++] = number(query->since, p);
    args[n++] = user;
    args[n++] = user;
    args[n++] = chain;
    args[n++] = chain;
    args[n++] = needle;
    args[n++] = needle;
    return n;
}

apr_status_t llmq_store_dead_count(apr_int64_t *ptotal, llmq_store_t *store,
                                   const llmq_dead_query_t *query, apr_pool_t *p)
{
    const char *args[ARGS_MAX];

    filters(args, query, p);
    return llmq_store_page_count(ptotal, store, LLMQ_SQL_DEAD_TALLY, args, p);
}

apr_status_t llmq_store_dead_list(llmq_job_t **pjobs, int *pn, apr_int64_t *ptotal,
                                  llmq_store_t *store, const llmq_dead_query_t *query,
                                  apr_pool_t *p)
{
    const char *args[ARGS_MAX];
    llmq_store_rows_t rows;
    int n = filters(args, query, p);
    apr_status_t rv = llmq_store_dead_count(ptotal, store, query, p);

    if (rv != APR_SUCCESS)
        return rv;
    llmq_store_page_args(&args[n], query->page, query->page_size, p);
    rv = llmq_store_run(&rows, store,
                        query->descending ? LLMQ_SQL_DEAD_LIST_DOWN : LLMQ_SQL_DEAD_LIST,
                        args, p);
    if (rv == APR_SUCCESS)
        llmq_store_job_record_list(pjobs, pn, &rows, p);
    return rv;
}

apr_status_t llmq_store_dead_page(llmq_job_t **pjobs, int *pn, llmq_store_t *store,
                                  const llmq_dead_query_t *query, const llmq_job_t *after,
                                  int limit, apr_pool_t *p)
{
    const char *args[ARGS_MAX];
    llmq_store_rows_t rows;
    int n = filters(args, query, p);
    apr_status_t rv;

    args[n++] = number(after ? after->finished_at : -1, p);
    args[n++] = number(after ? after->seq : 0, p);
    args[n++] = apr_itoa(p, limit);
    rv = llmq_store_run(&rows, store, LLMQ_SQL_DEAD_PAGE, args, p);
    if (rv == APR_SUCCESS)
        llmq_store_job_record_list(pjobs, pn, &rows, p);
    return rv;
}

static const char *returns_to_json(const llmq_dead_return_t *returns, int n,
                                   apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, (apr_size_t)n * 80 + 3, p);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        if (i)
            LLMQ_TEXT_LIT(&t, ",");
        LLMQ_TEXT_LIT(&t, "{");
        llmq_json_kv(&t, "i", returns[i].id);
        llmq_json_kv_int(&t, "r", returns[i].run_at);
        LLMQ_TEXT_LIT(&t, "}");
    }
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}

apr_status_t llmq_store_dead_requeue(llmq_job_t **pjobs, int *pn, llmq_store_t *store,
                                     const char *tenant,
                                     const llmq_dead_return_t *returns, int n,
                                     apr_time_t now, apr_pool_t *p)
{
    const char *args[] = {store->conf.node, number(now, p),
                          returns_to_json(returns, n, p), tenant};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_DEAD_REQUEUE, args, p);

    if (rv == APR_SUCCESS)
        llmq_store_job_record_list(pjobs, pn, &rows, p);
    return rv;
}

apr_status_t llmq_store_dead_remove(int *pn, llmq_store_t *store, const char *tenant,
                                    const char *const *ids, int n, apr_time_t now,
                                    apr_pool_t *p)
{
    const char *when = number(now, p);
    const char *args[] = {when, when, tenant, NULL};
    llmq_store_rows_t rows;
    llmq_text_t t;
    apr_status_t rv;

    llmq_text_init(&t, (apr_size_t)n * (LLMQ_ID_MAX + 3) + 3, p);
    llmq_json_strings(&t, ids, n);
    args[3] = t.data;
    rv = llmq_store_run(&rows, store, LLMQ_SQL_DEAD_REMOVE, args, p);
    if (rv == APR_SUCCESS)
        *pn = rows.n;
    return rv;
}
