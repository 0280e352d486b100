/* Administration of dead letters: send them back into the queue, one or many. */
#include "http/api.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "core/task.h"
#include "http/dead_call.h"
#include "http/query.h"
#include "http/reply.h"
#include "queue/queue_job.h"
#include "store/store_dead.h"

#include <apr_hash.h>
#include <http_log.h>

APLOG_USE_MODULE(llmq);

#define DEFAULT_RATE 100 /* a second */
#define MAX_RATE     10000

static const char *const requeue_params[] = {LLMQ_DEAD_CALL_FILTERS, "rate", NULL};

/* ---- sending back ---- */

/* Asks for a place of each level first: what does not fit stays dead. The places are given
 * back before the entries come, without a place of their own, so that they stand where they
 * stood in their conversations. Whoever takes such a place meanwhile makes one of them wait
 * for the next walk over the store. Returns those that got a place. */
static int admit(const llmq_service_t *service, const llmq_job_t *jobs, int n,
                 llmq_dead_return_t *returns, apr_time_t first, apr_interval_time_t step)
{
    int fit = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (llmq_queue_admit(llmq_service_queue(service, jobs[i].kind),
                             llmq_queue_job_tenant_of(&jobs[i]), jobs[i].level)
            == APR_SUCCESS) {
            returns[fit].id = jobs[i].id;
            returns[fit].run_at = first + fit * step;
            fit++;
        }
    }
    return fit;
}

static void dismiss(const llmq_service_t *service, const llmq_job_t *jobs, int n,
                    const llmq_dead_return_t *returns, int fit)
{
    int at = 0;
    int i;

    for (i = 0; i < n && at < fit; i++) {
        if (returns[at].id == jobs[i].id) {
            llmq_queue_dismiss(llmq_service_queue(service, jobs[i].kind),
                               llmq_queue_job_tenant_of(&jobs[i]), jobs[i].level);
            at++;
        }
    }
}

/* Those of one kind, under one lock. */
static void enter(const llmq_service_t *service, llmq_kind_e kind, const llmq_job_t *jobs,
                  int n, apr_pool_t *p)
{
    llmq_entry_t *entries = apr_palloc(p, sizeof(*entries) * (apr_size_t)(n + 1));
    int count = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (jobs[i].kind == kind) {
            llmq_queue_job_entry(&entries[count++], &jobs[i]);
        }
    }
    if (count) {
        llmq_queue_put(llmq_service_queue(service, kind), entries, count, 0);
    }
}

static void suspect_both(const llmq_service_t *service)
{
    llmq_queue_suspect(service->queue);
    llmq_queue_suspect(service->tasks);
}

/* Those that came back are failures no more. */
static void revive(const llmq_service_t *service, const llmq_job_t *jobs, int n,
                   const llmq_job_t *back, int n_back, apr_pool_t *p)
{
    apr_hash_t *ids = apr_hash_make(p);
    int i;

    for (i = 0; i < n_back; i++) {
        apr_hash_set(ids, back[i].id, APR_HASH_KEY_STRING, &back[i]);
    }
    for (i = 0; i < n; i++) {
        if (apr_hash_get(ids, jobs[i].id, APR_HASH_KEY_STRING)) {
            llmq_queue_job_tell(llmq_service_queue(service, jobs[i].kind), &jobs[i],
                                jobs[i].status == LLMQ_STATUS_TIMEOUT
                                    ? LLMQ_FIGURE_REVIVED_TIMEOUT
                                    : LLMQ_FIGURE_REVIVED_FAILED);
        }
    }
}

/* Send those of a list back that fit (*pfit of them), the i-th of them i steps after @a first. */
static apr_status_t send_back(int *pn, int *pfit, const llmq_service_t *service,
                              const llmq_job_t *jobs, int n, apr_time_t first,
                              apr_interval_time_t step, apr_pool_t *p)
{
    llmq_dead_return_t *returns = apr_palloc(p, sizeof(*returns) * (apr_size_t)(n + 1));
    int fit = admit(service, jobs, n, returns, first, step);
    apr_status_t rv = APR_SUCCESS;
    llmq_job_t *back;

    *pn = 0;
    *pfit = fit;
    if (fit) {
        rv = llmq_store_dead_requeue(&back, pn, service->store, jobs[0].tenant, returns,
                                     fit, llmq_clock_now(), p);
        dismiss(service, jobs, n, returns, fit);
    }
    if (rv == LLMQ_ESTORE) {
        suspect_both(service); /* they may be pending all the same */
    }
    if (rv == APR_SUCCESS && *pn) {
        revive(service, jobs, n, back, *pn, p);
        enter(service, LLMQ_KIND_MESSAGE, back, *pn, p);
        enter(service, LLMQ_KIND_TASK, back, *pn, p);
    }
    return rv;
}

int llmq_api_dead_requeue(request_rec *r, const llmq_service_t *service, const char *id)
{
    int reply = OK;
    llmq_job_t *job = llmq_dead_call_find(&reply, r, service, id);
    apr_status_t rv;
    llmq_text_t t;
    int fit = 0;
    int n = 0;

    if (!job) {
        return reply;
    }
    rv = send_back(&n, &fit, service, job, 1, llmq_clock_now(), 0, r->pool);
    if (rv == APR_SUCCESS && !fit) {
        rv = LLMQ_EFULL;
    }
    if (rv != APR_SUCCESS || n == 0) {
        return rv == APR_SUCCESS ? llmq_dead_call_no_longer(r) : llmq_reply_status(r, rv);
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  LLMQ_NO(0260) "msg[%s] was a dead letter and is requeued", job->id);
    llmq_text_init(&t, 128, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "id", job->id);
    llmq_json_kv(&t, "status",
                 job->kind == LLMQ_KIND_TASK ? llmq_task_state_name(LLMQ_TASK_QUEUED)
                                             : llmq_job_status_name(LLMQ_STATUS_PENDING));
    LLMQ_TEXT_LIT(&t, "}");
    return llmq_reply_data(r, HTTP_OK, "Requeued successfully", t.data);
}

/* ---- many ---- */

static apr_status_t read_rate(llmq_dead_call_t *call, llmq_result_t *why)
{
    apr_status_t rv;

    call->rate = DEFAULT_RATE;
    rv = llmq_query_count(&call->rate, call->params, "rate", MAX_RATE + 1, why);
    if (rv == APR_SUCCESS && call->rate > MAX_RATE) {
        rv = llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "rate",
                             "must be from 1 to " APR_STRINGIFY(MAX_RATE));
    }
    return rv;
}

/* A page at a time; the one behind the other by the rate, so that the levels and the
 * backends see a stream and no flood. */
static apr_status_t requeue_all(llmq_dead_sum_t *sum, const llmq_service_t *service,
                                const llmq_dead_call_t *call, apr_pool_t *p)
{
    apr_interval_time_t step = APR_USEC_PER_SEC / call->rate;
    apr_time_t start = llmq_clock_now();
    llmq_job_t *jobs = NULL;
    apr_status_t rv;
    int n = 0;

    do {
        int back = 0;
        int fit = 0;

        rv = llmq_store_dead_page(&jobs, &n, service->store, &call->query,
                                  n ? &jobs[n - 1] : NULL, LLMQ_DEAD_CALL_PAGE, p);
        if (rv == APR_SUCCESS && n) {
            rv = send_back(&back, &fit, service, jobs, n, start + sum->done * step, step,
                           p);
        }
        sum->done += back;
    } while (rv == APR_SUCCESS && n == LLMQ_DEAD_CALL_PAGE
             && sum->done < LLMQ_DEAD_CALL_MOST);
    sum->last = sum->done ? start + (sum->done - 1) * step : 0;
    return rv;
}

int llmq_api_dead_requeue_all(request_rec *r, const llmq_service_t *service,
                              const char *id)
{
    llmq_result_t why = {0};
    llmq_dead_call_t call;
    llmq_dead_sum_t sum = {0};
    apr_status_t rv;

    (void)id;
    if (llmq_dead_call_params(&call, r, requeue_params, &why) != APR_SUCCESS
        || llmq_dead_call_body(&call, r, requeue_params, &why) != APR_SUCCESS
        || llmq_dead_call_filters(&call, r, &why) != APR_SUCCESS
        || read_rate(&call, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    rv = llmq_store_dead_count(&sum.total, service->store, &call.query, r->pool);
    if (rv == APR_SUCCESS) {
        rv = requeue_all(&sum, service, &call, r->pool);
    }
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    return llmq_dead_call_sum(r, "requeued", "Requeued successfully", &sum, call.rate);
}
