#include "store/store_agent.h"

#include "base/json.h"
#include "store/store_job_record.h"

#include <apr_strings.h>

#include <string.h>

#define COLUMNS 15 /* of RUN_RECORD */

static void read_run(llmq_run_t *run, const llmq_store_rows_t *rows)
{
    memset(run, 0, sizeof(*run));
    run->id = llmq_store_run_text(rows, 0);
    run->tenant = llmq_store_run_text(rows, 1);
    run->session = llmq_store_run_text(rows, 2);
    run->trigger = llmq_store_run_text(rows, 3);
    run->agent = llmq_store_run_text(rows, 4);
    run->user = llmq_store_run_text(rows, 5);
    run->status = (llmq_run_status_e)llmq_store_run_int(rows, 6);
    run->told = (int)llmq_store_run_int(rows, 7);
    run->rolled_back = (int)llmq_store_run_int(rows, 8);
    run->attempts = (int)llmq_store_run_int(rows, 9);
    run->latency_msec = llmq_store_run_int(rows, 10);
    run->error = llmq_store_run_text(rows, 11);
    run->created_at = llmq_store_run_int(rows, 12);
    run->finished_at = llmq_store_run_int(rows, 13);
    run->terms = llmq_store_run_text(rows, 14);
}

static void read_runs(llmq_run_t **pruns, int *pn, llmq_store_rows_t *rows, apr_pool_t *p)
{
    *pruns = apr_palloc(p, sizeof(**pruns) * ((apr_size_t)rows->n + 1));
    *pn = 0;
    while (llmq_store_run_next(rows)) {
        read_run(&(*pruns)[(*pn)++], rows);
    }
}

static apr_status_t find(llmq_run_t **prun, llmq_store_t *store, llmq_store_sql_e what,
                         const llmq_run_ref_t *ref, apr_pool_t *p)
{
    const char *args[] = {ref->id, ref->session, ref->tenant};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, what, args, p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!llmq_store_run_next(&rows)) {
        return APR_NOTFOUND;
    }
    *prun = apr_palloc(p, sizeof(**prun));
    read_run(*prun, &rows);
    return APR_SUCCESS;
}

apr_status_t llmq_store_agent_find(llmq_run_t **prun, llmq_store_t *store,
                                   const llmq_run_ref_t *ref, apr_pool_t *p)
{
    return find(prun, store, LLMQ_SQL_RUN_FIND, ref, p);
}

apr_status_t llmq_store_agent_of_trigger(llmq_run_t **prun, llmq_store_t *store,
                                         const llmq_run_ref_t *ref, apr_pool_t *p)
{
    return find(prun, store, LLMQ_SQL_RUN_OF_TRIGGER, ref, p);
}

apr_status_t llmq_store_agent_look(llmq_run_t **pruns, int *pn, llmq_store_t *store,
                                   const char *const *ids, int n, apr_pool_t *p)
{
    const char *args[1];
    llmq_store_rows_t rows;
    llmq_text_t t;
    apr_status_t rv;

    llmq_text_init(&t, (apr_size_t)n * (LLMQ_ID_MAX + 3) + 3, p);
    llmq_json_strings(&t, ids, n);
    args[0] = t.data;
    rv = llmq_store_run(&rows, store, LLMQ_SQL_RUN_LOOK, args, p);
    if (rv == APR_SUCCESS) {
        read_runs(pruns, pn, &rows, p);
    }
    return rv;
}

apr_status_t llmq_store_agent_open(llmq_run_t **pruns, int *pn, llmq_store_t *store,
                                   const llmq_run_ref_t *ref, apr_pool_t *p)
{
    const char *args[] = {ref->session, ref->tenant};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_RUN_OPEN, args, p);

    if (rv == APR_SUCCESS) {
        read_runs(pruns, pn, &rows, p);
    }
    return rv;
}

apr_status_t llmq_store_agent_insert(llmq_store_t *store, const llmq_run_t *run,
                                     apr_pool_t *p)
{
    const char *status = number(run->status, p);
    const char *args[] = {
        run->id,    run->tenant, run->session, run->trigger,
        run->agent, run->user,   status,       number(run->created_at, p),
        run->terms, status,      run->session};

    return llmq_store_run_change(store, LLMQ_SQL_RUN_INSERT, args, LLMQ_ESTATE, p);
}

apr_status_t llmq_store_agent_promote(llmq_run_t **pruns, int *pn, llmq_store_t *store,
                                      const char *const *sessions, int n, apr_pool_t *p)
{
    const char *args[1];
    llmq_store_rows_t rows;
    llmq_text_t t;
    apr_status_t rv;

    *pn = 0;
    llmq_text_init(&t, (apr_size_t)n * (LLMQ_ID_MAX + 3) + 3, p);
    llmq_json_strings(&t, sessions, n);
    args[0] = t.data;
    rv = llmq_store_run(&rows, store, LLMQ_SQL_RUN_PROMOTE, args, p);
    if (rv == LLMQ_EROW) {
        return APR_SUCCESS; /* another one began at the same moment */
    }
    if (rv == APR_SUCCESS) {
        read_runs(pruns, pn, &rows, p);
    }
    return rv;
}

apr_status_t llmq_store_agent_dismiss(llmq_store_t *store, const llmq_run_t *run,
                                      apr_time_t now, apr_pool_t *p)
{
    const char *args[] = {number(now, p), run->id, run->tenant};

    return llmq_store_run_change(store, LLMQ_SQL_RUN_DISMISS, args, LLMQ_ESTATE, p);
}

apr_status_t llmq_store_agent_stop(llmq_job_t **pjob, llmq_store_t *store,
                                   const llmq_run_t *run, const llmq_run_stop_t *stop,
                                   apr_pool_t *p)
{
    const char *now = number(stop->now, p);
    const char *args[] = {
        number(stop->status, p), stop->error, now, now, run->id, run->tenant};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_RUN_STOP, args, p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!llmq_store_run_next(&rows)) {
        return LLMQ_ESTATE;
    }
    *pjob = apr_palloc(p, sizeof(**pjob));
    llmq_store_job_record_read(*pjob, &rows);
    return APR_SUCCESS;
}

apr_status_t llmq_store_agent_undone(const char ***pids, int *pn, llmq_store_t *store,
                                     const llmq_run_ref_t *ref, apr_pool_t *p)
{
    const char *args[] = {ref->session};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_RUN_UNDONE, args, p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    *pids = apr_palloc(p, sizeof(**pids) * ((apr_size_t)rows.n + 1));
    *pn = 0;
    while (llmq_store_run_next(&rows)) {
        (*pids)[(*pn)++] = llmq_store_run_text(&rows, 0);
    }
    return APR_SUCCESS;
}

static void read_left(llmq_run_left_t *left, const llmq_store_rows_t *rows)
{
    apr_int64_t status = llmq_store_run_int(rows, COLUMNS);

    memset(left, 0, sizeof(*left));
    read_run(&left->run, rows);
    left->has_job = status >= 0;
    if (left->has_job) {
        left->job.id = left->run.id;
        left->job.status = (llmq_status_e)status;
        left->job.result = llmq_store_run_text(rows, COLUMNS + 1);
        left->job.error = llmq_store_run_text(rows, COLUMNS + 2);
        left->job.retry_count = (int)llmq_store_run_int(rows, COLUMNS + 3);
        left->job.started_at = llmq_store_run_int(rows, COLUMNS + 4);
        left->job.finished_at = llmq_store_run_int(rows, COLUMNS + 5);
    }
}

apr_status_t llmq_store_agent_sweep(llmq_run_left_t **pleft, int *pn, llmq_store_t *store,
                                    apr_time_t before, int limit, apr_pool_t *p)
{
    const char *bound = number(before, p);
    const char *args[] = {bound, bound, number(limit, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_RUN_SWEEP, args, p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    *pleft = apr_palloc(p, sizeof(**pleft) * ((apr_size_t)rows.n + 1));
    *pn = 0;
    while (llmq_store_run_next(&rows)) {
        read_left(&(*pleft)[(*pn)++], &rows);
    }
    return APR_SUCCESS;
}
