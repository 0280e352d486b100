/* Administration of delayed messages and tasks: list, remove, run now. */
#include "http/api.h"

#include "base/clock.h"
#include "base/id.h"
#include "bus/bus_tell.h"
#include "cfg/cfg.h"
#include "core/task.h"
#include "http/dead_call.h"
#include "http/page.h"
#include "http/query.h"
#include "http/reply.h"
#include "queue/queue_job.h"
#include "store/store_delay.h"
#include "store/store_job.h"

static const char *const list_params[] = {"kind", "task_type", "priority", "before",
                                          "page", "page_size", NULL};

static apr_status_t read_query(llmq_delay_query_t *q, request_rec *r, llmq_result_t *why)
{
    apr_table_t *params;
    apr_status_t rv;

    memset(q, 0, sizeof(*q));
    q->tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    q->now = llmq_clock_now();
    if ((rv = llmq_query_parse(&params, r, why)) != APR_SUCCESS
        || (rv = llmq_query_known(params, list_params, why)) != APR_SUCCESS
        || (rv = llmq_query_kind(&q->kind, params, why)) != APR_SUCCESS
        || (rv = llmq_query_level(&q->level, params, "priority", why)) != APR_SUCCESS
        || (rv = llmq_query_moment(&q->before, params, "before", q->now, 1, why))
               != APR_SUCCESS) {
        return rv;
    }
    q->type = apr_table_get(params, "task_type");
    return llmq_page_read(&q->page, &q->page_size, params, why);
}

int llmq_api_delay_list(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_result_t why = {0};
    llmq_delay_query_t q;
    apr_int64_t total = 0;
    llmq_job_t *jobs;
    llmq_text_t t;
    apr_status_t rv;
    int n = 0;

    (void)id;
    if (read_query(&q, r, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    rv = llmq_store_delay_list(&jobs, &n, &total, service->store, &q, r->pool);
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_text_init(&t, 4096, r->pool);
    llmq_page_jobs(&t, "items", jobs, n, llmq_task_view_look(r, service));
    llmq_page_end(&t, q.page, q.page_size, total);
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}

/* A change of one that is delayed was refused: is it not there, or not delayed? */
static int reply_refused(request_rec *r, const llmq_service_t *service, const char *id,
                         apr_status_t rv)
{
    llmq_result_t why;
    llmq_job_t *job;

    if (rv == LLMQ_ESTATE) {
        rv = llmq_store_job_find(&job, service->store, llmq_cfg_tenant(llmq_cfg_dir(r)),
                                 llmq_job_kind_of(id), id, r->pool);
        if (rv == APR_SUCCESS) {
            llmq_result_set(&why, LLMQ_PROBLEM_TRANSITION, "id", "it is not delayed");
            return llmq_reply_problem(r, &why);
        }
    }
    if (rv == APR_NOTFOUND) {
        return llmq_dead_call_unknown(r, id);
    }
    return llmq_reply_status(r, rv);
}

int llmq_api_delay_remove(request_rec *r, const llmq_service_t *service, const char *id)
{
    apr_status_t rv = APR_NOTFOUND;

    if (llmq_id_is_name(id)) {
        rv = llmq_store_delay_remove(service->store, llmq_cfg_tenant(llmq_cfg_dir(r)),
                                     llmq_job_kind_of(id), id, llmq_clock_now(), r->pool);
    }
    if (rv != APR_SUCCESS) {
        return reply_refused(r, service, id, rv);
    }
    llmq_queue_figures_withdraw(llmq_service_queue(service, llmq_job_kind_of(id)), id);
    llmq_bus_tell_job(service->bus, llmq_job_kind_of(id),
                      llmq_cfg_tenant(llmq_cfg_dir(r)), id, NULL);
    return llmq_reply_data(r, HTTP_OK, "Deleted successfully", NULL);
}

/* The store has decided under a raised fence. An entry that became due in the same moment
 * may run already, in vain; then the walk over the store finds the message again. */
static void hasten(const llmq_service_t *service, const llmq_job_t *job)
{
    llmq_queue_t *queue = llmq_service_queue(service, job->kind);
    llmq_entry_t entry;
    apr_status_t rv = llmq_queue_hasten(queue, job->id, (apr_uint32_t)job->attempt);

    if (rv == APR_NOTFOUND) {
        llmq_queue_job_entry(&entry, job);
        llmq_queue_put(queue, &entry, 1, 0);
    }
    else if (rv == LLMQ_EBUSY) {
        llmq_queue_suspect(queue);
    }
}

int llmq_api_delay_run(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_job_t *job = NULL;
    apr_status_t rv = APR_NOTFOUND;
    llmq_text_t t;

    if (llmq_id_is_name(id)) {
        rv = llmq_store_delay_hasten(&job, service->store,
                                     llmq_cfg_tenant(llmq_cfg_dir(r)),
                                     llmq_job_kind_of(id), id, llmq_clock_now(), r->pool);
    }
    if (rv != APR_SUCCESS) {
        return reply_refused(r, service, id, rv);
    }
    hasten(service, job);
    llmq_service_tell(service, job);
    llmq_text_init(&t, 128, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "id", job->id);
    llmq_json_kv(&t, "status",
                 job->kind == LLMQ_KIND_TASK ? llmq_task_state_name(LLMQ_TASK_QUEUED)
                                             : llmq_job_status_name(LLMQ_STATUS_PENDING));
    llmq_json_kv_time(&t, "scheduled_at", job->run_at);
    LLMQ_TEXT_LIT(&t, "}");
    return llmq_reply_data(r, HTTP_OK, "Runs now", t.data);
}
