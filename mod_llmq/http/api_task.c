/* S3, tasks: create, read, cancel, retry. The way of a new task is http/task_intake.c. */
#include "http/api.h"

#include "base/clock.h"
#include "base/id.h"
#include "cfg/cfg.h"
#include "http/idempotency.h"
#include "http/muster.h"
#include "http/overlay.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/task_intake.h"
#include "http/task_view.h"
#include "http/wait.h"
#include "queue/queue_job.h"
#include "store/store_task.h"

#include <apr_strings.h>

/* ---- POST /tasks, POST /tasks/batch ---- */

static int reply_created(request_rec *r, const llmq_service_t *service,
                         const llmq_job_t *job)
{
    apr_table_setn(r->headers_out, "Location",
                   apr_pstrcat(r->pool, llmq_route_base(r), "/tasks/", job->id, NULL));
    return llmq_task_view_reply(r, service, HTTP_CREATED, job);
}

int llmq_api_task_create(request_rec *r, const llmq_service_t *service, const char *id)
{
    static const llmq_wait_how_t how = {.reply = reply_created,
                                        .way = {.text = llmq_task_view_ended}};
    llmq_task_intake_t in = {NULL, 0};
    llmq_result_t why = {0};
    llmq_wait_t wait;
    apr_status_t rv = llmq_wait_begin(&wait, &how, r, service, &why);

    (void)id;
    if (rv == APR_SUCCESS) {
        rv = llmq_task_intake_one(&in, r, service, &why);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_wait_for(&in.jobs[0], &wait, r, service, &why);
    }
    llmq_wait_end(&wait);
    if (rv == APR_EINPROGRESS) {
        return OK;
    }
    if (rv == LLMQ_EBODY) {
        return llmq_reply_problem(r, &why);
    }
    return rv == APR_SUCCESS ? reply_created(r, service, in.jobs[0])
                             : llmq_reply_status(r, rv);
}

static int reply_batch(request_rec *r, const llmq_service_t *service,
                       const llmq_task_intake_t *in)
{
    const llmq_task_view_look_t *look = llmq_task_view_look(r, service);
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 1024 * (apr_size_t)in->n, r->pool);
    LLMQ_TEXT_LIT(&t, "{\"tasks\":[");
    for (i = 0; i < in->n; i++) {
        if (i) {
            LLMQ_TEXT_LIT(&t, ",");
        }
        llmq_task_view_add(&t, in->jobs[i], look);
    }
    LLMQ_TEXT_LIT(&t, "]");
    llmq_json_kv_int(&t, "count", in->n);
    LLMQ_TEXT_LIT(&t, "}\n");
    return llmq_reply_json(r, HTTP_CREATED, t.data, t.len);
}

int llmq_api_task_batch(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_task_intake_t in = {NULL, 0};
    llmq_result_t why = {0};
    apr_status_t rv = llmq_task_intake_batch(&in, r, service, &why);

    (void)id;
    if (rv == LLMQ_EBODY) {
        return llmq_reply_problem(r, &why);
    }
    return rv == APR_SUCCESS ? reply_batch(r, service, &in) : llmq_reply_status(r, rv);
}

/* ---- GET /tasks/{id} ---- */

static apr_status_t find(llmq_job_t **pjob, request_rec *r, const llmq_service_t *service,
                         const char *id)
{
    return llmq_overlay_find(pjob, NULL, service, llmq_cfg_tenant(llmq_cfg_dir(r)),
                             LLMQ_KIND_TASK, id, r->pool);
}

static int reply_missing(request_rec *r, apr_status_t rv, const char *id)
{
    return rv == APR_NOTFOUND ? llmq_reply_no_task(r, id) : llmq_reply_status(r, rv);
}

int llmq_api_task_get(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_job_t *job = NULL;
    apr_status_t rv = find(&job, r, service, id);

    return rv == APR_SUCCESS ? llmq_task_view_reply(r, service, HTTP_OK, job)
                             : reply_missing(r, rv, id);
}

/* ---- DELETE /tasks/{id}, POST /tasks/{id}/retry ---- */

/* Why the store did not change it: it is gone, or in another state than it should be. */
static int reply_refused(request_rec *r, const llmq_service_t *service, const char *id,
                         llmq_problem_e problem)
{
    llmq_job_t *job = NULL;
    llmq_result_t why;
    apr_status_t rv = find(&job, r, service, id);

    if (rv != APR_SUCCESS) {
        return reply_missing(r, rv, id);
    }
    llmq_result_set(
        &why, problem, NULL,
        apr_psprintf(r->pool, "the task is %s",
                     llmq_task_state_name(llmq_task_state(job, llmq_clock_now()))));
    why.id = id;
    return llmq_reply_problem(r, &why);
}

static llmq_task_ref_t ref_of(request_rec *r, const char *id)
{
    llmq_task_ref_t ref = {llmq_cfg_tenant(llmq_cfg_dir(r)), id, llmq_clock_now()};

    return ref;
}

/* Whoever runs it runs on in vain. What a worker has nobody else will ever ack: its entry
 * goes at once, and makes room. */
static void withdraw(const llmq_service_t *service, const llmq_job_t *job)
{
    llmq_entry_t entry;
    llmq_queue_ack_t ack = {job->id, 0, LLMQ_ACK_GONE};

    if (llmq_queue_cancel(service->tasks, job->id) == LLMQ_EBUSY
        && llmq_queue_find(&entry, service->tasks, job->id) == APR_SUCCESS
        && entry.lease_until) {
        ack.attempt = entry.attempt;
        llmq_queue_ack(service->tasks, &ack, 1);
    }
}

static int reply_canceled(request_rec *r, const char *id)
{
    llmq_text_t t;

    llmq_text_init(&t, 128, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "message", "Task canceled successfully");
    llmq_json_kv(&t, "task_id", id);
    LLMQ_TEXT_LIT(&t, "}\n");
    return llmq_reply_json(r, HTTP_OK, t.data, t.len);
}

int llmq_api_task_cancel(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_task_ref_t ref = ref_of(r, id);
    llmq_job_t *job = NULL;
    apr_status_t rv = llmq_id_is_name(id)
                          ? llmq_store_task_cancel(&job, service->store, &ref, r->pool)
                          : APR_NOTFOUND;

    if (rv == LLMQ_ESTATE) {
        return reply_refused(r, service, id, LLMQ_PROBLEM_NOT_CANCELABLE);
    }
    if (rv != APR_SUCCESS) {
        return reply_missing(r, rv, id);
    }
    withdraw(service, job);
    llmq_muster_loses(service, job);
    llmq_service_tell(service, job);
    return reply_canceled(r, id);
}

/* As it was accepted long ago, it enters whatever the bounds. Whoever has just stored its
 * failure may not have told the queue yet: then its entry begins anew, and that word comes
 * too late for the new fence. */
static void enter(const llmq_service_t *service, const llmq_job_t *job)
{
    llmq_entry_t entry;

    if (llmq_queue_find(&entry, service->tasks, job->id) == APR_SUCCESS
        && llmq_queue_requeue(service->tasks, job->id, entry.attempt,
                              (apr_uint32_t)job->attempt, 0)
               == APR_SUCCESS) {
        return;
    }
    llmq_queue_job_entry(&entry, job);
    llmq_queue_put(service->tasks, &entry, 1, 0);
}

/* An earlier try under the same idempotency key may have sent it back already. */
static int reply_not_retried(request_rec *r, const llmq_service_t *service,
                             const char *id)
{
    llmq_job_t *job = NULL;

    if (llmq_idempotency_is_again(r) && find(&job, r, service, id) == APR_SUCCESS
        && job->retry_count > 0 && job->status != LLMQ_STATUS_CANCELED) {
        return llmq_task_view_reply(r, service, HTTP_OK, job);
    }
    return reply_refused(r, service, id, LLMQ_PROBLEM_NOT_RETRYABLE);
}

int llmq_api_task_retry(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_task_ref_t ref = ref_of(r, id);
    llmq_job_t *job = NULL;
    apr_status_t rv = llmq_id_is_name(id)
                          ? llmq_store_task_retry(&job, service->store, &ref, r->pool)
                          : APR_NOTFOUND;

    if (rv == LLMQ_ESTATE) {
        return reply_not_retried(r, service, id);
    }
    if (rv != APR_SUCCESS) {
        return reply_missing(r, rv, id);
    }
    enter(service, job);
    llmq_service_tell(service, job);
    return llmq_task_view_reply(r, service, HTTP_OK, job);
}
