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

/* Dead letters of one tenant that are to come back, the i-th that fits i steps after first. */
typedef struct {
    const llmq_service_t *service;
    const llmq_job_t *jobs;
    int n;
    apr_time_t first;
    apr_interval_time_t step;
    apr_pool_t *pool;
    llmq_dead_return_t *returns; /* those that got a place */
    int fit;                     /* their number */
    llmq_job_t *back;            /* those that came back, as they are stored now */
    int done;                    /* their number */
} return_t;

/* Asks for a place of each level first: what does not fit stays dead. The places are given
 * back before the entries come, without a place of their own, so that they stand where they
 * stood in their conversations. Whoever takes such a place meanwhile makes one of them wait
 * for the next walk over the store. */
static void admit(return_t *re)
{
    int i;

    re->returns = apr_palloc(re->pool, sizeof(*re->returns) * (apr_size_t)(re->n + 1));
    re->fit = 0;
    for (i = 0; i < re->n; i++) {
        const llmq_job_t *job = &re->jobs[i];

        if (llmq_queue_admit(llmq_service_queue(re->service, job->kind),
                             llmq_queue_job_tenant_of(job), job->level)
            == APR_SUCCESS) {
            re->returns[re->fit].id = job->id;
            re->returns[re->fit].run_at = re->first + re->fit * re->step;
            re->fit++;
        }
    }
}

static void dismiss(const return_t *re)
{
    int at = 0;
    int i;

    for (i = 0; i < re->n && at < re->fit; i++) {
        const llmq_job_t *job = &re->jobs[i];

        if (re->returns[at].id == job->id) {
            llmq_queue_dismiss(llmq_service_queue(re->service, job->kind),
                               llmq_queue_job_tenant_of(job), job->level);
            at++;
        }
    }
}

/* Those of one kind, under one lock. */
static void enter(const return_t *re, llmq_kind_e kind)
{
    llmq_entry_t *entries =
        apr_palloc(re->pool, sizeof(*entries) * (apr_size_t)(re->done + 1));
    int count = 0;
    int i;

    for (i = 0; i < re->done; i++) {
        if (re->back[i].kind == kind) {
            llmq_queue_job_entry(&entries[count++], &re->back[i]);
        }
    }
    if (count) {
        llmq_queue_put(llmq_service_queue(re->service, kind), entries, count, 0);
    }
}

static void suspect_both(const llmq_service_t *service)
{
    llmq_queue_suspect(service->queue);
    llmq_queue_suspect(service->tasks);
}

/* Those that came back are failures no more. */
static void revive(const return_t *re)
{
    apr_hash_t *ids = apr_hash_make(re->pool);
    int i;

    for (i = 0; i < re->done; i++) {
        apr_hash_set(ids, re->back[i].id, APR_HASH_KEY_STRING, &re->back[i]);
    }
    for (i = 0; i < re->n; i++) {
        const llmq_job_t *job = &re->jobs[i];

        if (apr_hash_get(ids, job->id, APR_HASH_KEY_STRING)) {
            llmq_queue_job_tell(llmq_service_queue(re->service, job->kind), job,
                                job->status == LLMQ_STATUS_TIMEOUT
                                    ? LLMQ_FIGURE_REVIVED_TIMEOUT
                                    : LLMQ_FIGURE_REVIVED_FAILED);
        }
    }
}

static void tell_all(const return_t *re)
{
    int i;

    for (i = 0; i < re->done; i++) {
        llmq_service_tell(re->service, &re->back[i]);
    }
}

static apr_status_t send_back(return_t *re)
{
    apr_status_t rv = APR_SUCCESS;

    admit(re);
    re->done = 0;
    if (re->fit) {
        rv = llmq_store_dead_requeue(&re->back, &re->done, re->service->store,
                                     re->jobs[0].tenant, re->returns, re->fit,
                                     llmq_clock_now(), re->pool);
        dismiss(re);
    }
    if (rv == LLMQ_ESTORE) {
        suspect_both(re->service); /* they may be pending all the same */
    }
    if (rv == APR_SUCCESS && re->done) {
        revive(re);
        enter(re, LLMQ_KIND_MESSAGE);
        enter(re, LLMQ_KIND_TASK);
        tell_all(re);
    }
    return rv;
}

int llmq_api_dead_requeue(request_rec *r, const llmq_service_t *service, const char *id)
{
    int reply = OK;
    llmq_job_t *job = llmq_dead_call_find(&reply, r, service, id);
    apr_status_t rv;
    llmq_text_t t;
    return_t re = {.service = service, .jobs = job, .n = 1, .pool = r->pool};

    if (!job) {
        return reply;
    }
    re.first = llmq_clock_now();
    rv = send_back(&re);
    if (rv == APR_SUCCESS && !re.fit) {
        rv = LLMQ_EFULL;
    }
    if (rv != APR_SUCCESS || re.done == 0) {
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
        return_t re = {.service = service, .step = step, .pool = p};

        rv = llmq_store_dead_page(&jobs, &n, service->store, &call->query,
                                  n ? &jobs[n - 1] : NULL, LLMQ_DEAD_CALL_PAGE, p);
        if (rv == APR_SUCCESS && n) {
            re.jobs = jobs;
            re.n = n;
            re.first = start + sum->done * step;
            rv = send_back(&re);
        }
        sum->done += re.done;
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
