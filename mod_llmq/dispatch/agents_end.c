#include "dispatch/agents_end.h"

#include "base/clock.h"
#include "base/log.h"
#include "bus/bus_tell.h"
#include "dispatch/dispatch_inner.h"
#include "queue/queue_job.h"
#include "store/store_agent.h"
#include "store/store_job.h"

#include <string.h>

#define SWEEP_INTERVAL apr_time_from_sec(3)
#define SWEEP_AGE      apr_time_from_sec(5) /* what is younger may be under way */
#define SWEEP_MAX      100

void llmq_agents_end_tell(llmq_dispatch_t *d, const llmq_append_t *appends, int n)
{
    int i;

    for (i = 0; d->bus && i < n; i++) {
        if (appends[i].outcome == LLMQ_APPEND_STORED) {
            llmq_session_message_t m = appends[i].message;

            m.seq = appends[i].seq;
            llmq_bus_tell_message(d->bus, appends[i].tenant, &m);
        }
    }
}

/* ---- those that begin ---- */

static int retries_of(const llmq_dispatch_t *d, const char *agent)
{
    int i;

    for (i = 0; i < d->conf->n_handlers; i++) {
        const llmq_agent_conf_t *conf = d->conf->handlers[i]->agent;

        if (conf && strcmp(conf->to.name, agent) == 0) {
            return conf->max_retries;
        }
    }
    return LLMQ_RUN_RETRIES;
}

/* Jobs for runs that have none. */
static apr_status_t insert_jobs(llmq_job_t *jobs, const llmq_run_t *runs, int n,
                                llmq_dispatch_t *d, llmq_store_t *store, apr_pool_t *p)
{
    llmq_text_t rows;
    int i;

    llmq_text_init(&rows, 512 * (apr_size_t)n, p);
    LLMQ_TEXT_LIT(&rows, "[");
    for (i = 0; i < n; i++) {
        if (i) {
            LLMQ_TEXT_LIT(&rows, ",");
        }
        llmq_run_job(&jobs[i], &runs[i], retries_of(d, runs[i].agent), llmq_clock_now(),
                     p);
        llmq_store_job_row(&rows, &jobs[i]);
    }
    LLMQ_TEXT_LIT(&rows, "]");
    return llmq_store_job_insert(store, rows.data, p);
}

static void begin(llmq_dispatch_t *d, llmq_store_t *store, const llmq_run_t *runs, int n,
                  apr_pool_t *p)
{
    llmq_job_t *jobs = apr_palloc(p, sizeof(*jobs) * ((apr_size_t)n + 1));
    llmq_entry_t *entries = apr_palloc(p, sizeof(*entries) * ((apr_size_t)n + 1));
    int i;

    if (n == 0 || insert_jobs(jobs, runs, n, d, store, p) != APR_SUCCESS) {
        return; /* the sweep finds them */
    }
    for (i = 0; i < n; i++) {
        llmq_queue_job_entry(&entries[i], &jobs[i]);
    }
    llmq_queue_put(d->tasks, entries, n, 0);
}

static void let_next_begin(llmq_dispatch_t *d, llmq_store_t *store,
                           const char *const *sessions, int n, apr_pool_t *p)
{
    llmq_run_t *runs = NULL;
    int n_runs = 0;

    if (llmq_store_agent_promote(&runs, &n_runs, store, sessions, n, p) == APR_SUCCESS) {
        begin(d, store, runs, n_runs, p);
    }
}

/* ---- those that end ---- */

void llmq_agents_end_settle(llmq_dispatch_t *d, llmq_store_t *store,
                            llmq_run_verdict_t *verdicts, int n, apr_pool_t *p)
{
    const char **sessions = apr_palloc(p, sizeof(*sessions) * ((apr_size_t)n + 1));
    llmq_append_t *appends = NULL;
    int n_appends = 0;
    apr_status_t rv;
    int i;

    if (n == 0) {
        return;
    }
    rv = llmq_store_agent_settle(&appends, &n_appends, store, verdicts, n,
                                 llmq_clock_now(), p);
    llmq_agents_end_tell(d, appends, n_appends);
    if (rv != APR_SUCCESS) {
        LLMQ_LOG(LLMQ_LOG_WARNING, rv,
                 LLMQ_NO(0780) "the ends of %d runs wait for the database", n);
        return;
    }
    for (i = 0; i < n; i++) {
        sessions[i] = verdicts[i].run.session;
        LLMQ_LOG(LLMQ_LOG_DEBUG, 0, LLMQ_NO(0781) "run[%s] is %s", verdicts[i].run.id,
                 llmq_run_status_name(verdicts[i].run.status));
    }
    let_next_begin(d, store, sessions, n, p);
}

void llmq_agents_end_attempts(const llmq_batch_t *batch)
{
    llmq_run_verdict_t *verdicts =
        apr_pcalloc(batch->p, sizeof(*verdicts) * ((apr_size_t)batch->n + 1));
    int n_verdicts = 0;
    int i;

    for (i = 0; i < batch->n; i++) {
        const llmq_run_t *run = batch->as[i]->run;
        const llmq_outcome_t *o = &batch->o[i];
        llmq_job_t job = {.status = o->status,
                          .result = o->result,
                          .error = o->error,
                          .retry_count = o->retry_count,
                          .started_at = o->started_at,
                          .finished_at = o->finished_at};

        if (run && o->accepted && llmq_job_is_final(o->status)) {
            verdicts[n_verdicts].run = *run;
            llmq_run_end_of_job(&verdicts[n_verdicts++].end, &job, batch->p);
        }
    }
    llmq_agents_end_settle(batch->d, batch->store, verdicts, n_verdicts, batch->p);
}

/* ---- what was left undone ---- */

static void take_up(llmq_dispatch_t *d, llmq_store_t *store, llmq_run_left_t *left, int n,
                    apr_pool_t *p)
{
    llmq_run_verdict_t *verdicts = apr_pcalloc(p, sizeof(*verdicts) * (apr_size_t)n);
    const char **sessions = apr_palloc(p, sizeof(*sessions) * (apr_size_t)n);
    llmq_run_t *jobless = apr_palloc(p, sizeof(*jobless) * (apr_size_t)n);
    llmq_job_t *jobs = apr_palloc(p, sizeof(*jobs) * (apr_size_t)n);
    int n_verdicts = 0;
    int n_sessions = 0;
    int n_jobless = 0;
    int i;

    for (i = 0; i < n; i++) {
        llmq_run_verdict_t *v = &verdicts[n_verdicts];

        if (left[i].run.status == LLMQ_RUN_QUEUED) {
            sessions[n_sessions++] = left[i].run.session;
        }
        else if (left[i].run.status == LLMQ_RUN_RUNNING && !left[i].has_job) {
            jobless[n_jobless++] = left[i].run;
        }
        else {
            v->run = left[i].run;
            v->unbegun = left[i].run.status == LLMQ_RUN_CANCELED;
            left[i].job.status =
                left[i].has_job ? left[i].job.status : LLMQ_STATUS_CANCELED;
            llmq_run_end_of_job(&v->end, &left[i].job, p);
            v->end.finished_at =
                v->end.finished_at ? v->end.finished_at : left[i].run.finished_at;
            n_verdicts++;
        }
    }
    llmq_agents_end_settle(d, store, verdicts, n_verdicts, p);
    if (n_sessions > 0) {
        let_next_begin(d, store, sessions, n_sessions, p);
    }
    /* Another node may do the same at this moment: whose row it is, the walk tells. */
    if (n_jobless > 0
        && insert_jobs(jobs, jobless, n_jobless, d, store, p) == APR_SUCCESS) {
        llmq_queue_suspect(d->tasks);
    }
}

apr_status_t llmq_agents_end_sweep(llmq_dispatch_t *d, llmq_store_t *store,
                                   apr_time_t now, apr_pool_t *p)
{
    static apr_time_t next; /* first thread only */
    llmq_run_left_t *left = NULL;
    apr_status_t rv;
    int n = 0;

    if (now < next) {
        return APR_SUCCESS;
    }
    rv = llmq_store_agent_sweep(&left, &n, store, now - SWEEP_AGE, SWEEP_MAX, p);
    if (rv == APR_SUCCESS && n > 0) {
        LLMQ_LOG(LLMQ_LOG_INFO, 0, LLMQ_NO(0782) "%d runs were left undone", n);
        take_up(d, store, left, n, p);
    }
    if (rv == APR_SUCCESS) {
        next = n == SWEEP_MAX ? now : now + SWEEP_INTERVAL;
    }
    return rv;
}
