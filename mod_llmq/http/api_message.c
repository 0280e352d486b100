/* S0 section 2: messages. The way of a new message is http/intake.c. */
#include "http/api.h"

#include "base/id.h"
#include "cfg/cfg.h"
#include "core/message.h"
#include "core/priority.h"
#include "http/converse.h"
#include "http/intake.h"
#include "http/lease_tell.h"
#include "http/muster.h"
#include "http/overlay.h"
#include "http/page.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/wait.h"
#include "queue/queue_job.h"
#include "store/store_conversation.h"

#include <apr_strings.h>

/* ---- POST /messages ---- */

/* The path that leads to the message, whichever it was posted to. */
static const char *location_of(request_rec *r, const llmq_job_t *job)
{
    return apr_pstrcat(r->pool, llmq_route_base(r), "/messages/", job->id, NULL);
}

static const char created[] = "Message created successfully";

/* What the answer to a POST has beyond the message. */
static const char *more_of(const llmq_job_t *job, apr_int64_t wait, apr_pool_t *p)
{
    return apr_psprintf(p, ",\"message_id\":\"%s\",\"estimated_wait\":%" APR_INT64_T_FMT,
                        job->id, wait);
}

static void write_ended(llmq_text_t *t, const llmq_job_t *job)
{
    llmq_text_t data;

    llmq_text_init(&data, job->payload_len + 1024, t->pool);
    llmq_message_to_json(&data, job, more_of(job, 0, t->pool));
    llmq_reply_data_text(t, HTTP_CREATED, created, data.data);
}

static int reply_created(request_rec *r, const llmq_service_t *service,
                         const llmq_job_t *job)
{
    apr_uint64_t tenant = llmq_queue_job_tenant(job->tenant);
    apr_int64_t wait =
        llmq_job_is_final(job->status)
            ? 0
            : apr_time_sec(llmq_service_estimate(service, tenant, job->level));
    llmq_text_t t;

    llmq_text_init(&t, job->payload_len + 1024, r->pool);
    llmq_message_to_json(&t, job, more_of(job, wait, r->pool));
    apr_table_setn(r->headers_out, "Location", location_of(r, job));
    return llmq_reply_data(r, HTTP_CREATED, created, t.data);
}

int llmq_api_message_post(request_rec *r, const llmq_service_t *service,
                          const char *conversation)
{
    static const llmq_wait_how_t how = {.reply = reply_created,
                                        .way = {.text = write_ended}};
    llmq_result_t why = {0};
    llmq_wait_t wait;
    llmq_job_t *job;
    apr_status_t rv = llmq_wait_begin(&wait, &how, r, service, &why);

    if (rv == APR_SUCCESS) {
        rv = llmq_intake_message(&job, r, service, conversation, &why);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_wait_for(&job, &wait, r, service, &why);
    }
    llmq_wait_end(&wait);
    if (rv == APR_EINPROGRESS) {
        return OK;
    }
    if (rv == LLMQ_EBODY) {
        return llmq_reply_problem(r, &why);
    }
    return rv == APR_SUCCESS ? reply_created(r, service, job) : llmq_reply_status(r, rv);
}

int llmq_api_message_create(request_rec *r, const llmq_service_t *service, const char *id)
{
    return llmq_api_message_post(r, service, id);
}

/* ---- GET /messages/{id}, DELETE /messages/{id} ---- */

static int reply_not_found(request_rec *r)
{
    llmq_result_t why;

    llmq_result_set(&why, LLMQ_PROBLEM_NO_MESSAGE, "message_id", "no such message");
    return llmq_reply_problem(r, &why);
}

int llmq_api_message_get(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_job_t *job = NULL;
    llmq_text_t t;
    apr_status_t rv =
        llmq_overlay_find(&job, NULL, service, llmq_cfg_tenant(llmq_cfg_dir(r)),
                          LLMQ_KIND_MESSAGE, id, r->pool);

    if (rv != APR_SUCCESS) {
        return rv == APR_NOTFOUND ? reply_not_found(r) : llmq_reply_status(r, rv);
    }
    llmq_text_init(&t, job->payload_len + 1024, r->pool);
    llmq_message_to_json(&t, job, NULL);
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}

int llmq_api_message_remove(request_rec *r, const llmq_service_t *service, const char *id)
{
    const char *tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    llmq_job_t *job = NULL;
    apr_status_t rv = APR_NOTFOUND;

    if (llmq_id_is_name(id)) {
        rv = llmq_store_job_find(&job, service->store, tenant, LLMQ_KIND_MESSAGE, id,
                                 r->pool);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_store_job_remove(service->store, tenant, LLMQ_KIND_MESSAGE, id,
                                   apr_time_now(), r->pool);
    }
    if (rv != APR_SUCCESS) {
        return rv == APR_NOTFOUND ? reply_not_found(r) : llmq_reply_status(r, rv);
    }
    llmq_queue_cancel(service->queue, id);
    llmq_lease_tell_gone(service, LLMQ_KIND_MESSAGE, id);
    llmq_service_tell(service, job);
    if (llmq_lease_is_held(job)) {
        llmq_muster_loses(service, job);
    }
    if (!llmq_job_is_final(job->status)) {
        llmq_queue_job_tell(service->queue, job, LLMQ_FIGURE_REMOVED);
    }
    return llmq_reply_data(r, HTTP_OK, "Message deleted successfully", NULL);
}

/* ---- GET /messages ---- */

static const char *const sort_words[] = {
    [LLMQ_SORT_CREATED] = "created_at",
    [LLMQ_SORT_UPDATED] = "updated_at",
    [LLMQ_SORT_LEVEL] = "priority",
    [LLMQ_SORT_COUNT] = NULL,
};

static const char *const order_words[] = {"asc", "desc", NULL};

static apr_status_t read_filters(llmq_job_query_t *q, const apr_table_t *query,
                                 llmq_result_t *why)
{
    const char *status = apr_table_get(query, "status");
    const char *priority = apr_table_get(query, "priority");
    const char *queue = apr_table_get(query, "queue_name");
    llmq_level_e of_queue = LLMQ_LEVEL_NONE;
    llmq_status_e s = LLMQ_STATUS_PENDING;

    q->chain = apr_table_get(query, "conversation_id");
    q->user = apr_table_get(query, "user_id");
    q->status = -1;
    if (status) {
        if (llmq_job_status_parse(&s, status) != APR_SUCCESS) {
            return llmq_result_set(
                why, LLMQ_PROBLEM_REQUEST, "status",
                "must be pending, processing, completed, failed or timeout");
        }
        q->status = s;
    }
    if (priority && llmq_priority_parse(&q->level, priority) != APR_SUCCESS) {
        return llmq_result_set(why, LLMQ_PROBLEM_PRIORITY, "priority",
                               "must be realtime, high, normal or low");
    }
    if (queue && llmq_priority_parse_queue(&of_queue, queue) != APR_SUCCESS) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "queue_name",
                               "must be realtime, high, normal or low, or one of them "
                               "with _priority");
    }
    if (queue && priority && q->level != of_queue) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "queue_name",
                               "is another level than priority");
    }
    q->level = queue ? of_queue : q->level;
    return APR_SUCCESS;
}

static apr_status_t read_query(llmq_job_query_t *q, request_rec *r, llmq_result_t *why)
{
    apr_table_t *query;
    int sort = LLMQ_SORT_CREATED;
    int order = 1;
    apr_status_t rv = llmq_query_parse(&query, r, why);

    memset(q, 0, sizeof(*q));
    q->tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    q->kind = LLMQ_KIND_MESSAGE;
    if (rv != APR_SUCCESS || (rv = read_filters(q, query, why)) != APR_SUCCESS
        || (rv = llmq_page_read(&q->page, &q->page_size, query, why)) != APR_SUCCESS
        || (rv = llmq_query_word(&sort, query, "sort", sort_words, why)) != APR_SUCCESS
        || (rv = llmq_query_word(&order, query, "order", order_words, why))
               != APR_SUCCESS) {
        return rv;
    }
    q->sort = (llmq_sort_e)sort;
    q->descending = order;
    return APR_SUCCESS;
}

/* Of the conversation that the path names, as it is now. */
static apr_status_t narrow(llmq_job_query_t *q, const llmq_service_t *service,
                           const char *id, apr_pool_t *p)
{
    llmq_conversation_ref_t ref = {q->tenant, id, apr_time_now()};
    llmq_conversation_t c = {0};
    apr_status_t rv = APR_NOTFOUND;

    if (llmq_id_is_name(id)) {
        rv = llmq_store_conversation_peek(&c, service->store, &ref, p);
    }
    if (rv == APR_SUCCESS) {
        q->chain = id;
        q->since = c.first_seq;
    }
    return rv;
}

static int reply_list(request_rec *r, const llmq_service_t *service,
                      const llmq_job_query_t *q)
{
    llmq_job_t *jobs;
    llmq_text_t t;
    apr_int64_t total;
    int n;
    int i;
    apr_status_t rv = llmq_store_job_list(&jobs, &n, &total, service->store, q, r->pool);

    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_text_init(&t, 4096, r->pool);
    for (i = 0; i < n; i++) {
        llmq_overlay_job(&jobs[i], service->queue);
    }
    llmq_page_messages(&t, "messages", jobs, n);
    llmq_page_end(&t, q->page, q->page_size, total);
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}

int llmq_api_message_list(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_job_query_t q;
    llmq_result_t why = {0};
    apr_status_t rv = read_query(&q, r, &why);

    if (rv == APR_SUCCESS && id) {
        rv = narrow(&q, service, id, r->pool);
    }
    if (rv == APR_NOTFOUND) {
        rv = llmq_converse_unknown(&why);
    }
    if (rv == LLMQ_EBODY) {
        return llmq_reply_problem(r, &why);
    }
    return rv == APR_SUCCESS ? reply_list(r, service, &q) : llmq_reply_status(r, rv);
}
