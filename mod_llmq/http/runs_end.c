#include "http/runs_end.h"

#include "core/run_terms.h"
#include "http/quota.h"

#include "base/clock.h"
#include "base/log.h"
#include "bus/bus_tell.h"
#include "core/run_log.h"
#include "http/runs_job.h"
#include "store/store_agent.h"
#include "store/store_agent_settle.h"
#include "store/store_job.h"

/* While what waits begins, and what runs ends: somebody who does that may be slow, and what
 * he leaves undone as he dies is found some 8 s later (dispatch/agents_end.c). */
#define PATIENCE    apr_time_from_sec(15)
#define FIRST_PAUSE apr_time_from_msec(20)
#define LAST_PAUSE  apr_time_from_msec(320)

/* What all steps need. */
typedef struct {
    const llmq_service_t *service;
    apr_pool_t *pool;
} hand_t;

static void tell_all(const hand_t *h, const llmq_append_t *appends, int n)
{
    int i;

    for (i = 0; h->service->bus && i < n; i++) {
        if (appends[i].outcome == LLMQ_APPEND_STORED) {
            llmq_session_message_t m = appends[i].message;

            m.seq = appends[i].seq;
            llmq_bus_tell_message(h->service->bus, appends[i].tenant, &m);
        }
    }
}

static apr_status_t settle(const hand_t *h, llmq_run_verdict_t *verdict)
{
    llmq_append_t *appends = NULL;
    int n = 0;
    apr_status_t rv = llmq_store_agent_settle(&appends, &n, h->service->store, verdict, 1,
                                              llmq_clock_now(), h->pool);

    tell_all(h, appends, n);
    if (rv == APR_SUCCESS) {
        llmq_runs_job_next(verdict->run.session, h->service, h->pool);
    }
    return rv;
}

/* ---- cancel ---- */

/* Its job has ended, and whoever ended it has not yet said so: it is dead or about to. One
 * that was canceled is left to its canceler, who knows whether it is rolled back.
 * @return APR_SUCCESS; LLMQ_ESTATE */
static apr_status_t take_end(const hand_t *h, llmq_run_verdict_t *verdict)
{
    llmq_job_t **jobs = NULL;
    apr_status_t rv =
        llmq_store_job_load(&jobs, h->service->store, &verdict->run.id, 1, h->pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!jobs[0] || !llmq_job_is_final(jobs[0]->status)
        || jobs[0]->status == LLMQ_STATUS_CANCELED) {
        return LLMQ_ESTATE;
    }
    llmq_run_end_of_job(&verdict->end, jobs[0], h->pool);
    return APR_SUCCESS;
}

static apr_status_t cancel_running(const hand_t *h, llmq_run_verdict_t *verdict)
{
    llmq_run_stop_t stop = {LLMQ_STATUS_CANCELED, NULL, llmq_clock_now()};
    llmq_job_t *job = NULL;
    apr_status_t rv =
        llmq_store_agent_stop(&job, h->service->store, &verdict->run, &stop, h->pool);

    if (rv == LLMQ_ESTATE) {
        return take_end(h, verdict);
    }
    if (rv == APR_SUCCESS) {
        llmq_queue_cancel(h->service->tasks, verdict->run.id);
        llmq_run_end_of_job(&verdict->end, job, h->pool);
    }
    return rv;
}

static apr_status_t cancel_queued(const hand_t *h, llmq_run_verdict_t *verdict)
{
    apr_time_t now = llmq_clock_now();
    apr_status_t rv =
        llmq_store_agent_dismiss(h->service->store, &verdict->run, now, h->pool);

    if (rv == APR_SUCCESS) {
        llmq_job_t job = {0};

        llmq_run_terms_apply(&job, verdict->run.terms, h->pool);
        llmq_quota_forget(h->service, job.charges);
    }
    verdict->unbegun = 1;
    verdict->end.status = LLMQ_RUN_CANCELED;
    verdict->end.latency_msec = -1;
    verdict->end.finished_at = now;
    return rv;
}

static apr_status_t cancel(const hand_t *h, llmq_run_t *run, int rolled_back)
{
    llmq_run_verdict_t verdict = {.run = *run};
    apr_status_t rv = run->status == LLMQ_RUN_QUEUED ? cancel_queued(h, &verdict)
                                                     : cancel_running(h, &verdict);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    verdict.end.rolled_back = rolled_back && verdict.end.status == LLMQ_RUN_CANCELED;
    rv = settle(h, &verdict);
    *run = verdict.run;
    return rv;
}

apr_status_t llmq_runs_end_cancel(llmq_run_t *run, int rolled_back,
                                  const llmq_service_t *service, apr_pool_t *p)
{
    hand_t h = {service, p};
    llmq_run_ref_t ref = {run->tenant, run->session, run->id};
    apr_interval_time_t until = llmq_clock_steady() + PATIENCE;
    apr_interval_time_t pause = FIRST_PAUSE;
    apr_status_t rv;

    /* One that waited may have begun meanwhile; one that runs is ended by somebody else, or
     * its job is just being stored. */
    while (!llmq_run_is_final(run->status)) {
        llmq_run_t *now = NULL;

        rv = cancel(&h, run, rolled_back);
        if (rv != LLMQ_ESTATE) {
            return rv;
        }
        rv = llmq_store_agent_find(&now, service->store, &ref, p);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (now->status == run->status) {
            if (llmq_clock_steady() >= until) {
                return LLMQ_ESTORE;
            }
            apr_sleep(pause);
            pause = pause < LAST_PAUSE ? pause * 2 : pause;
        }
        *run = *now;
    }
    return APR_SUCCESS;
}

void llmq_runs_end_hear(const llmq_session_message_t *m, const char *tenant,
                        const llmq_service_t *service, apr_pool_t *p)
{
    const char *id = llmq_run_log_cancels(m, p);
    llmq_run_ref_t ref = {tenant, m->session, id};
    llmq_run_t *run = NULL;
    apr_status_t rv;

    if (!id) {
        return;
    }
    rv = llmq_store_agent_find(&run, service->store, &ref, p);
    if (rv == APR_SUCCESS) {
        rv = llmq_runs_end_cancel(run, 0, service, p);
    }
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND) {
        LLMQ_LOG(LLMQ_LOG_WARNING, rv,
                 LLMQ_NO(0290) "run[%s] could not be canceled as its session wants",
                 run ? run->id : "?");
    }
}

/* ---- never begun ---- */

apr_status_t llmq_runs_end_refuse(llmq_run_t *run, const char *why,
                                  const llmq_service_t *service, apr_pool_t *p)
{
    hand_t h = {service, p};
    llmq_run_verdict_t verdict = {.run = *run};
    apr_status_t rv;

    verdict.end.status = LLMQ_RUN_FAILED;
    verdict.end.error = verdict.end.raw = why;
    verdict.end.latency_msec = -1;
    verdict.end.finished_at = llmq_clock_now();
    rv = settle(&h, &verdict);
    *run = verdict.run;
    return rv;
}
