#include "store/store_survey.h"

#include "store/store_run.h"

apr_status_t llmq_store_survey_jobs(llmq_survey_t **prows, int *pn, llmq_store_t *store,
                                    const char *tenant, apr_pool_t *p)
{
    const char *args[] = {tenant ? tenant : "", tenant ? tenant : ""};
    llmq_store_rows_t rows;
    llmq_survey_t *list;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_SURVEY_JOBS, args, p);
    int n = 0;

    if (rv != APR_SUCCESS)
        return rv;
    list = apr_palloc(p, sizeof(*list) * ((apr_size_t)rows.n + 1));
    while (llmq_store_run_next(&rows)) {
        llmq_survey_t *s = &list[n++];

        s->tenant = llmq_store_run_text(&rows, 0);
        s->level = (llmq_level_e)llmq_store_run_int(&rows, 1);
        s->status = (llmq_status_e)llmq_store_run_int(&rows, 2);
        s->dead = (int)llmq_store_run_int(&rows, 3);
        s->count = llmq_store_run_int(&rows, 4);
        s->oldest = llmq_store_run_int(&rows, 5);
        s->kind = (llmq_kind_e)llmq_store_run_int(&rows, 6);
    }
    *prows = list;
    *pn = n;
    return APR_SUCCESS;
}

apr_status_t llmq_store_survey_nodes(llmq_survey_node_t **pnodes, int *pn,
                                     llmq_store_t *store, apr_pool_t *p)
{
    llmq_store_rows_t rows;
    llmq_survey_node_t *list;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_SURVEY_NODES, NULL, p);
    int n = 0;

    if (rv != APR_SUCCESS)
        return rv;
    list = apr_palloc(p, sizeof(*list) * ((apr_size_t)rows.n + 1));
    while (llmq_store_run_next(&rows)) {
        llmq_survey_node_t *node = &list[n++];

        node->name = llmq_store_run_text(&rows, 0);
        node->heartbeat = llmq_store_run_int(&rows, 1);
        node->started = llmq_store_run_int(&rows, 2);
    }
    *pnodes = list;
    *pn = n;
    return APR_SUCCESS;
}

apr_status_t llmq_store_survey_sessions(llmq_survey_session_t **prows, int *pn,
                                        llmq_store_t *store, const char *tenant,
                                        apr_pool_t *p)
{
    const char *args[] = {tenant ? tenant : "", tenant ? tenant : ""};
    llmq_store_rows_t rows;
    llmq_survey_session_t *list;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_SURVEY_SESSIONS, args, p);
    int n = 0;

    if (rv != APR_SUCCESS)
        return rv;
    list = apr_palloc(p, sizeof(*list) * ((apr_size_t)rows.n + 1));
    while (llmq_store_run_next(&rows)) {
        llmq_survey_session_t *s = &list[n++];

        s->tenant = llmq_store_run_text(&rows, 0);
        s->status = (int)llmq_store_run_int(&rows, 1);
        s->count = llmq_store_run_int(&rows, 2);
        s->messages = llmq_store_run_int(&rows, 3);
        s->latest = llmq_store_run_int(&rows, 4);
    }
    *prows = list;
    *pn = n;
    return APR_SUCCESS;
}
