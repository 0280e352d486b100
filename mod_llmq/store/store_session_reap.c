#include "store/store_session_reap.h"

#include "base/json.h"
#include "store/store_run.h"

#define ID_GUESS 48

/* The rows are in the order of their ids, which is that of time: behind one that is too young
 * there is none that is old enough. @return the ids of the old ones as JSON; NULL: none */
static const char *choose(llmq_session_walk_t *walk, llmq_store_rows_t *rows,
                          apr_time_t bound, apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, (apr_size_t)rows->n * ID_GUESS + 3, p);
    LLMQ_TEXT_LIT(&t, "[");
    while (llmq_store_run_next(rows)) {
        const char *id = llmq_store_run_text(rows, 0);

        walk->ended = walk->ended || llmq_store_run_int(rows, 1) >= bound;
        apr_cpystrn(walk->after, id, sizeof(walk->after));
        if (llmq_store_run_int(rows, 2) >= bound)
            continue;
        if (t.len > 1)
            LLMQ_TEXT_LIT(&t, ",");
        llmq_json_strz(&t, id);
    }
    LLMQ_TEXT_LIT(&t, "]");
    return t.len > 2 ? t.data : NULL;
}

apr_status_t llmq_store_session_reap_mark(llmq_session_walk_t *walk, llmq_store_t *store,
                                          apr_time_t bound, apr_time_t now, int limit,
                                          apr_pool_t *p)
{
    const char *page[] = {walk->after, number(limit, p)};
    const char *mark[] = {number(now, p), NULL, number(bound, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_SESSION_WALK, page, p);

    walk->marked = 0;
    if (rv != APR_SUCCESS)
        return rv;
    walk->ended = rows.n < limit;
    mark[1] = choose(walk, &rows, bound, p);
    if (!mark[1])
        return APR_SUCCESS;
    rv = llmq_store_run(&rows, store, LLMQ_SQL_SESSION_MARK, mark, p);
    if (rv == APR_SUCCESS)
        walk->marked = rows.n;
    return rv;
}

static apr_status_t remove_some(int *pn, llmq_store_t *store, llmq_store_sql_e what,
                                const char **args, apr_pool_t *p)
{
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, what, args, p);

    if (rv == APR_SUCCESS)
        *pn = rows.n;
    return rv;
}

apr_status_t llmq_store_session_reap_messages(int *pn, llmq_store_t *store, int sessions,
                                              int limit, apr_pool_t *p)
{
    const char *args[] = {number(sessions, p), number(limit, p)};

    return remove_some(pn, store, LLMQ_SQL_SESSION_REAP_MESSAGES, args, p);
}

apr_status_t llmq_store_session_reap_empty(int *pn, llmq_store_t *store, int sessions,
                                           apr_pool_t *p)
{
    const char *args[] = {number(sessions, p)};

    return remove_some(pn, store, LLMQ_SQL_SESSION_REAP_EMPTY, args, p);
}
