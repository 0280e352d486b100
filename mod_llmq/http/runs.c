/* The way of a new run. Read llmq_runs_begin() first. */
#include "http/runs.h"

#include "base/clock.h"
#include "cfg/cfg.h"
#include "core/run_terms.h"
#include "http/quota.h"
#include "http/runs_end.h"
#include "http/runs_job.h"
#include "queue/queue_job.h"
#include "store/store_agent.h"

#include <string.h>

#define LEVEL LLMQ_LEVEL_NORMAL /* of every run, see llmq_run_job() */
#define TRIES 10                /* while others begin and end runs of the same session */

/* What all steps need. */
typedef struct {
    const llmq_service_t *service;
    const llmq_runs_wish_t *wish;
    llmq_run_conf_t conf;
    request_rec *r;
    llmq_result_t *why;
    llmq_job_t *asked; /* as it was let in; NULL: it was not asked for yet */
    apr_pool_t *pool;
} hand_t;

static const char unfit[] = "The trigger message is not a user's prompt with content";

/* ---- a new run ---- */

static llmq_run_t *make_run(const hand_t *h, llmq_run_status_e status)
{
    llmq_run_t *run = apr_pcalloc(h->pool, sizeof(*run));

    run->id = h->wish->id;
    run->tenant = h->wish->session->tenant;
    run->session = h->wish->session->id;
    run->trigger = h->wish->trigger->id;
    run->agent = h->conf.agent;
    run->user = h->wish->session->owner;
    run->status = status;
    run->latency_msec = -1;
    run->created_at = llmq_clock_now();
    return run;
}

static llmq_run_ref_t by_trigger(const hand_t *h)
{
    llmq_run_ref_t ref = {h->wish->session->tenant, h->wish->session->id,
                          h->wish->trigger->id};

    return ref;
}

/* Does its caller have any left? Asked once, however many tries there are.
 * @return as llmq_quota_ask() */
static apr_status_t ask(llmq_run_t *run, hand_t *h)
{
    llmq_job_t *job = apr_palloc(h->pool, sizeof(*job));
    apr_status_t rv;

    if (!h->asked) {
        llmq_run_job(job, run, 0, run->created_at, h->pool);
        job->payload_len = strlen(h->wish->trigger->content);
        rv = llmq_quota_ask(h->r, h->service, &job, 1, h->why);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        h->asked = job;
    }
    run->terms = llmq_run_terms_format(h->asked, h->pool);
    return APR_SUCCESS;
}

/* Nobody is asked: what cannot be answered fails at once. */
static apr_status_t begin_unfit(llmq_run_t *run, const hand_t *h)
{
    apr_status_t rv = llmq_store_agent_insert(h->service->store, run, h->pool);

    return rv == APR_SUCCESS ? llmq_runs_end_refuse(run, unfit, h->service, h->pool) : rv;
}

static apr_uint64_t lane_of(const llmq_run_t *run, const hand_t *h)
{
    llmq_job_t job;

    llmq_run_job(&job, run, 0, run->created_at, h->pool);
    return llmq_queue_job_tenant_of(&job);
}

/* Who waits takes no place in the queue yet, but does not come while it is full. */
static apr_status_t look_for_room(const llmq_run_t *run, const hand_t *h)
{
    apr_uint64_t lane = lane_of(run, h);
    apr_status_t rv = llmq_queue_admit(h->service->tasks, lane, LEVEL);

    if (rv == APR_SUCCESS) {
        llmq_queue_dismiss(h->service->tasks, lane, LEVEL);
    }
    return rv;
}

/* @return as llmq_store_agent_insert(); LLMQ_EFULL; LLMQ_EBODY: a limit */
static apr_status_t begin_now(llmq_run_t *run, hand_t *h)
{
    apr_uint64_t lane = lane_of(run, h);
    llmq_job_t job;
    apr_status_t rv = ask(run, h);

    if (rv != APR_SUCCESS
        || (rv = llmq_queue_admit(h->service->tasks, lane, LEVEL)) != APR_SUCCESS) {
        return rv;
    }
    rv = llmq_store_agent_insert(h->service->store, run, h->pool);
    if (rv == APR_SUCCESS) {
        rv = llmq_runs_job_insert(&job, run, h->service, h->pool);
    }
    if (rv == APR_SUCCESS) {
        llmq_runs_job_put(&job, LLMQ_PUT_ADMITTED, h->service);
    }
    else {
        llmq_queue_dismiss(h->service->tasks, lane, LEVEL);
    }
    return rv;
}

/* ---- another one is open ---- */

static apr_status_t load_open(llmq_run_t **popen, int *pn, const hand_t *h)
{
    llmq_run_ref_t session = {h->wish->session->tenant, h->wish->session->id, NULL};

    return llmq_store_agent_open(popen, pn, h->service->store, &session, h->pool);
}

/* Those that were there before: the one that is RUNNING, and those that wait longer. Whatever
 * comes later does the same with us, so the last one stays. Those that wait go first, or one
 * of them would begin. */
static apr_status_t cancel_others(const hand_t *h, const char *own)
{
    llmq_run_t *open = NULL;
    apr_status_t rv;
    int n = 0;
    int i;

    rv = load_open(&open, &n, h);
    i = n - 1;
    while (i > 0 && strcmp(open[i].id, own) != 0) {
        i--;
    }
    /* Not among them at all: it has ended, or a later one was faster. */
    for (i--; i >= 0 && rv == APR_SUCCESS; i--) {
        rv = llmq_runs_end_cancel(&open[i], h->conf.conflict == LLMQ_RUN_ROLLBACK,
                                  h->service, h->pool);
    }
    return rv;
}

/* It waits for its turn, and its turn may be now.
 * @return APR_EAGAIN: its trigger has got a run meanwhile */
static apr_status_t line_up(llmq_run_t **prun, hand_t *h)
{
    llmq_run_t *run = make_run(h, LLMQ_RUN_QUEUED);
    llmq_run_ref_t ref = {run->tenant, run->session, run->id};
    apr_status_t rv = look_for_room(run, h);

    if (rv == APR_SUCCESS) {
        rv = ask(run, h);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_store_agent_insert(h->service->store, run, h->pool);
    }
    if (rv != APR_SUCCESS) {
        return rv == LLMQ_ESTATE ? APR_EAGAIN : rv;
    }
    if (h->conf.conflict != LLMQ_RUN_ENQUEUE) {
        rv = cancel_others(h, run->id);
    }
    if (rv == APR_SUCCESS) {
        llmq_runs_job_next(run->session, h->service, h->pool);
        rv = llmq_store_agent_find(prun, h->service->store, &ref, h->pool);
    }
    return rv;
}

/* @return APR_SUCCESS *prun is the answer; APR_EAGAIN try again; LLMQ_EBODY; LLMQ_EFULL */
static apr_status_t meet(llmq_run_t **prun, hand_t *h)
{
    llmq_run_t *open = NULL;
    apr_status_t rv;
    int n = 0;

    if (h->conf.conflict != LLMQ_RUN_REUSE && h->conf.conflict != LLMQ_RUN_REJECT) {
        return line_up(prun, h);
    }
    rv = load_open(&open, &n, h);
    if (rv != APR_SUCCESS || n == 0) {
        return rv == APR_SUCCESS ? APR_EAGAIN : rv;
    }
    if (h->conf.conflict == LLMQ_RUN_REUSE) {
        *prun = &open[0];
        return APR_SUCCESS;
    }
    llmq_result_set(h->why, LLMQ_PROBLEM_RUN_CONFLICT, NULL,
                    "another run of the session is in progress");
    h->why->id = open[0].id;
    return LLMQ_EBODY;
}

/* Who is only told of a run that is there already is not counted, nor refused by a limit. */
static apr_status_t look_for_another(llmq_run_t **prun, hand_t *h)
{
    int waits = h->conf.conflict != LLMQ_RUN_REUSE && h->conf.conflict != LLMQ_RUN_REJECT;

    return waits || h->asked || !llmq_quota_limits(h->r) ? APR_EAGAIN : meet(prun, h);
}

static apr_status_t begin_one(llmq_run_t **prun, hand_t *h)
{
    apr_status_t rv;

    if (!llmq_run_is_trigger(h->wish->trigger)) {
        *prun = make_run(h, LLMQ_RUN_RUNNING);
        return begin_unfit(*prun, h);
    }
    rv = look_for_another(prun, h);
    if (rv == APR_EAGAIN) {
        *prun = make_run(h, LLMQ_RUN_RUNNING);
        rv = begin_now(*prun, h);
    }
    return rv;
}

static apr_status_t begin(llmq_run_t **prun, hand_t *h)
{
    llmq_run_ref_t ref = by_trigger(h);
    apr_status_t rv = APR_EAGAIN;
    int i;

    for (i = 0; i < TRIES && rv == APR_EAGAIN; i++) {
        /* 1. A trigger has one run, for ever. */
        rv = llmq_store_agent_of_trigger(prun, h->service->store, &ref, h->pool);
        if (rv != APR_NOTFOUND) {
            return rv;
        }
        /* 2. A new one, where no other is open. */
        rv = begin_one(prun, h);
        if (rv != LLMQ_ESTATE) {
            return rv;
        }
        /* 3. Else the rule of the location; or somebody was faster with the same trigger. */
        rv = llmq_store_agent_of_trigger(prun, h->service->store, &ref, h->pool);
        if (rv == APR_NOTFOUND) {
            rv = meet(prun, h);
        }
    }
    return rv == APR_EAGAIN ? LLMQ_ESTORE : rv;
}

apr_status_t llmq_runs_begin(llmq_run_t **prun, const llmq_runs_wish_t *wish,
                             request_rec *r, const llmq_service_t *service,
                             llmq_result_t *why)
{
    hand_t h = {.service = service, .wish = wish, .r = r, .why = why, .pool = r->pool};
    apr_status_t rv;

    llmq_cfg_agent_runs(&h.conf, llmq_cfg_dir(r), r->server);
    rv = begin(prun, &h);
    if (h.asked) {
        llmq_quota_end(service, &h.asked, 1,
                       rv == APR_SUCCESS && strcmp((*prun)->id, wish->id) == 0);
    }
    return rv;
}

/* ---- wait ---- */

void llmq_runs_as_job(llmq_job_t *job, const llmq_run_t *run, apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, 512, p);
    llmq_run_write(&t, run);
    LLMQ_TEXT_LIT(&t, "\n");
    memset(job, 0, sizeof(*job));
    job->id = run->id;
    job->tenant = run->tenant;
    job->kind = LLMQ_KIND_RUN;
    job->chain = run->session;
    job->status = run->told ? LLMQ_STATUS_COMPLETED : LLMQ_STATUS_PROCESSING;
    job->payload = t.data;
    job->payload_len = t.len;
}

apr_status_t llmq_runs_look(llmq_job_t ***pjobs, int **premoved, llmq_store_t *store,
                            const char *const *ids, int n, apr_pool_t *p)
{
    llmq_run_t *runs = NULL;
    int n_runs = 0;
    apr_status_t rv = llmq_store_agent_look(&runs, &n_runs, store, ids, n, p);
    llmq_job_t **jobs = apr_pcalloc(p, sizeof(*jobs) * (apr_size_t)n);
    int i;
    int k;

    /* Several may wait for one. */
    for (i = 0; rv == APR_SUCCESS && i < n; i++) {
        for (k = 0; k < n_runs && strcmp(runs[k].id, ids[i]) != 0; k++)
            ;
        if (k < n_runs) {
            jobs[i] = apr_palloc(p, sizeof(*jobs[i]));
            llmq_runs_as_job(jobs[i], &runs[k], p);
        }
    }
    *pjobs = jobs;
    *premoved = apr_pcalloc(p, sizeof(**premoved) * (apr_size_t)n);
    return rv;
}
