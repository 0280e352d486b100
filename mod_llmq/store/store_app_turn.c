#include "store/store_app_turn.h"

#include "base/json.h"
#include "store/store_job_record.h"
#include "store/store_page.h"

#define ROW_GUESS 192

apr_status_t llmq_store_app_turn_begin(const char **pconversation, llmq_store_t *store,
                                       const llmq_app_ref_t *ref, apr_time_t due,
                                       apr_pool_t *p)
{
    const char *when = number(due, p);
    const char *args[] = {*pconversation, when, when, ref->id, ref->tenant};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_APP_BEGIN, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    if (!llmq_store_run_next(&rows))
        return APR_NOTFOUND;
    *pconversation = llmq_store_run_text(&rows, 0);
    return APR_SUCCESS;
}

/* ------------------------------------------------------------------------------- list */

apr_status_t llmq_store_app_turn_list(llmq_job_t **pjobs, int *pn, apr_int64_t *ptotal,
                                      llmq_store_t *store, const llmq_app_turns_t *query,
                                      apr_pool_t *p)
{
    const char *args[] = {query->tenant, query->chain, NULL, NULL};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_page_count(ptotal, store, LLMQ_SQL_TURN_TALLY, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    llmq_store_page_args(&args[2], query->page, query->page_size, p);
    rv = llmq_store_run(&rows, store, LLMQ_SQL_TURN_LIST, args, p);
    if (rv == APR_SUCCESS)
        llmq_store_job_record_list(pjobs, pn, &rows, p);
    return rv;
}

/* --------------------------------------------------------------------- remove, cancel */

apr_status_t llmq_store_app_turn_remove(llmq_job_t **pjob, llmq_store_t *store,
                                        const llmq_app_turn_ref_t *ref, apr_time_t now,
                                        apr_pool_t *p)
{
    const char *when = number(now, p);
    const char *args[] = {when, when, ref->id, ref->tenant, ref->chain};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_TURN_REMOVE, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    if (!llmq_store_run_next(&rows))
        return APR_NOTFOUND;
    *pjob = apr_palloc(p, sizeof(**pjob));
    llmq_store_job_record_read(*pjob, &rows);
    return APR_SUCCESS;
}

apr_status_t llmq_store_app_turn_cancel(llmq_job_t **pjobs, int *pn, llmq_store_t *store,
                                        const char *const *ids, int n, apr_time_t now,
                                        apr_pool_t *p)
{
    const char *when = number(now, p);
    const char *args[] = {when, when, NULL};
    llmq_store_rows_t rows;
    llmq_text_t t;
    apr_status_t rv;

    *pn = 0;
    llmq_text_init(&t, (apr_size_t)n * (LLMQ_ID_MAX + 3) + 3, p);
    llmq_json_strings(&t, ids, n);
    args[2] = t.data;
    rv = llmq_store_run(&rows, store, LLMQ_SQL_TURN_CANCEL, args, p);
    if (rv != APR_SUCCESS)
        return rv;
    *pjobs = apr_palloc(p, sizeof(**pjobs) * ((apr_size_t)rows.n + 1));
    while (llmq_store_run_next(&rows))
        llmq_store_job_record_read(&(*pjobs)[(*pn)++], &rows);
    return APR_SUCCESS;
}

/* --------------------------------------------------------------------------- the past */

/* @return JSON array of the turns among them; NULL for none */
static const char *turns_to_json(int *pmost, llmq_job_t *const *jobs, int n,
                                 apr_pool_t *p)
{
    llmq_text_t t;
    int any = 0;
    int i;

    *pmost = 0;
    llmq_text_init(&t, (apr_size_t)n * ROW_GUESS + 3, p);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        llmq_app_mark_t mark;

        if (!jobs[i] || jobs[i]->kind != LLMQ_KIND_DEBUG)
            continue;
        llmq_app_turn_mark(&mark, jobs[i], p);
        *pmost = mark.rounds > *pmost ? mark.rounds : *pmost;
        if (any++)
            LLMQ_TEXT_LIT(&t, ",");
        LLMQ_TEXT_LIT(&t, "{");
        llmq_json_kv(&t, "i", jobs[i]->id);
        llmq_json_kv(&t, "t", jobs[i]->tenant);
        llmq_json_kv(&t, "c", jobs[i]->chain);
        llmq_json_kv(&t, "a", mark.app);
        llmq_json_kv_int(&t, "m", mark.memory ? 1 : 0);
        LLMQ_TEXT_LIT(&t, "}");
    }
    LLMQ_TEXT_LIT(&t, "]");
    return any ? t.data : NULL;
}

apr_status_t llmq_store_app_turn_past(llmq_turn_t **pturns, int *pn, llmq_store_t *store,
                                      llmq_job_t *const *jobs, int n, apr_pool_t *p)
{
    int most = 0;
    const char *args[] = {turns_to_json(&most, jobs, n, p), NULL};
    llmq_store_rows_t rows;
    apr_status_t rv;

    *pn = 0;
    if (!args[0])
        return APR_SUCCESS;
    args[1] = number(most < LLMQ_APP_ROUNDS_MAX ? most : LLMQ_APP_ROUNDS_MAX, p);
    rv = llmq_store_run(&rows, store, LLMQ_SQL_APP_PAST, args, p);
    if (rv != APR_SUCCESS)
        return rv;
    *pturns = apr_palloc(p, sizeof(**pturns) * ((apr_size_t)rows.n + 1));
    while (llmq_store_run_next(&rows)) {
        llmq_turn_t *turn = &(*pturns)[(*pn)++];

        turn->job = llmq_store_run_text(&rows, 0);
        turn->context = llmq_store_run_text(&rows, 1);
        turn->prompt = llmq_store_run_text(&rows, 2);
        turn->result = llmq_store_run_text(&rows, 3);
    }
    return APR_SUCCESS;
}
