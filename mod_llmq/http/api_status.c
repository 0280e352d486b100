/* S0 2.4: an outside processor says what it does with a message. */
#include "http/api.h"

#include "base/clock.h"
#include "cfg/cfg.h"
#include "core/message.h"
#include "http/body.h"
#include "http/lease_tell.h"
#include "http/muster.h"
#include "http/overlay.h"
#include "http/reply.h"
#include "queue/queue_job.h"

#include <apr_strings.h>
#include <json-c/json.h>

#define MAX_TRIES 5 /* races with the dispatcher and other callers */

/* What the caller wants. */
typedef struct {
    llmq_status_e to;
    struct json_object *metadata; /* NULL when absent */
    const char *result;           /* JSON object text or NULL */
    const char *processor;        /* metadata.processor_id, "" if unnamed */
} wish_t;

static apr_status_t read_result(wish_t *wish, struct json_object *value,
                                llmq_result_t *why, apr_pool_t *p)
{
    llmq_text_t t;

    if (json_object_is_type(value, json_type_object)) {
        wish->result = apr_pstrdup(p, llmq_json_format(value));
        return APR_SUCCESS;
    }
    if (json_object_is_type(value, json_type_string)) {
        llmq_text_init(&t, 256, p);
        LLMQ_TEXT_LIT(&t, "{\"content\":");
        llmq_json_string(&t, json_object_get_string(value),
                         (apr_size_t)json_object_get_string_len(value));
        LLMQ_TEXT_LIT(&t, "}");
        wish->result = t.data;
        return APR_SUCCESS;
    }
    return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "result",
                           "must be an object or a string");
}

static apr_status_t read_wish(wish_t *wish, struct json_object *body, llmq_result_t *why,
                              apr_pool_t *p)
{
    struct json_object *value;

    memset(wish, 0, sizeof(*wish));
    wish->processor = "";
    if (!json_object_is_type(body, json_type_object)) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, NULL,
                               "the body must be an object");
    }
    if (!json_object_object_get_ex(body, "status", &value)
        || !json_object_is_type(value, json_type_string)
        || llmq_job_status_parse(&wish->to, json_object_get_string(value))
               != APR_SUCCESS) {
        return llmq_result_set(
            why, LLMQ_PROBLEM_REQUEST, "status",
            "must be pending, processing, completed, failed or timeout");
    }
    if (json_object_object_get_ex(body, "metadata", &value) && value) {
        if (!json_object_is_type(value, json_type_object)) {
            return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "metadata",
                                   "must be an object");
        }
        wish->metadata = value;
        if (json_object_object_get_ex(value, "processor_id", &value)
            && json_object_is_type(value, json_type_string)) {
            wish->processor = json_object_get_string(value);
        }
    }
    if (json_object_object_get_ex(body, "result", &value) && value) {
        return read_result(wish, value, why, p);
    }
    return APR_SUCCESS;
}

static void change_of(llmq_job_change_t *change, const llmq_job_t *job, llmq_move_e move,
                      const wish_t *wish, apr_pool_t *p)
{
    memset(change, 0, sizeof(*change));
    change->tenant = job->tenant;
    change->kind = LLMQ_KIND_MESSAGE;
    change->id = job->id;
    change->attempt = job->attempt;
    change->to = wish->to;
    change->owner = move == LLMQ_MOVE_CLAIM ? wish->processor : NULL;
    change->metadata = wish->metadata
                           ? llmq_message_merge(job->metadata, wish->metadata, p)
                           : job->metadata;
    change->result = wish->result;
    change->now = llmq_clock_now();
    change->reset_retries = move == LLMQ_MOVE_REQUEUE;
}

static llmq_figure_e figure_of(const llmq_job_t *job, llmq_move_e move, llmq_status_e to)
{
    if (move == LLMQ_MOVE_CLAIM) {
        return LLMQ_FIGURE_CLAIMED;
    }
    if (move == LLMQ_MOVE_FINISH) {
        return to == LLMQ_STATUS_COMPLETED ? LLMQ_FIGURE_COMPLETED
               : to == LLMQ_STATUS_FAILED  ? LLMQ_FIGURE_FAILED
                                           : LLMQ_FIGURE_TIMEOUT;
    }
    if (move == LLMQ_MOVE_REQUEUE) {
        return job->status == LLMQ_STATUS_TIMEOUT ? LLMQ_FIGURE_REVIVED_TIMEOUT
                                                  : LLMQ_FIGURE_REVIVED_FAILED;
    }
    return LLMQ_FIGURE_COUNT; /* a release counts nowhere */
}

/* Another caller may have sent it back since the store decided, and have found the entry
 * that has left the queue just now: nothing would stand for the message then until the next
 * walk over the store. */
static void look_again(const llmq_service_t *service, const llmq_job_t *job,
                       apr_pool_t *p)
{
    llmq_job_t *stored = NULL;
    apr_status_t rv = llmq_store_job_find(&stored, service->store, job->tenant,
                                          LLMQ_KIND_MESSAGE, job->id, p);

    if (rv == APR_SUCCESS ? stored->status == LLMQ_STATUS_PENDING : rv != APR_NOTFOUND) {
        llmq_queue_suspect(service->queue);
    }
}

/* Let it run again. */
static void enter(const llmq_service_t *service, const llmq_job_t *job)
{
    llmq_entry_t entry;
    llmq_job_t again = *job;

    if (llmq_queue_find(&entry, service->queue, job->id) == APR_SUCCESS
        && llmq_queue_requeue(service->queue, job->id, entry.attempt, entry.attempt + 1,
                              0)
               == APR_SUCCESS) {
        return;
    }
    again.run_at = 0;
    again.deadline = llmq_job_is_final(job->status) ? 0 : job->deadline;
    again.attempt = job->attempt + 1;
    llmq_queue_job_entry(&entry, &again);
    llmq_queue_put(service->queue, &entry, 1, 0);
}

/* The store has decided; the queue follows. Whoever ran it runs on in vain: the fence is
 * raised. */
static void tell_queue(const llmq_service_t *service, const llmq_job_t *job,
                       llmq_move_e move, llmq_status_e to, apr_pool_t *p)
{
    int leaves = move == LLMQ_MOVE_CLAIM || move == LLMQ_MOVE_FINISH;
    apr_status_t rv = leaves ? llmq_queue_cancel(service->queue, job->id) : APR_NOTFOUND;

    if (llmq_lease_is_held(job)) {
        llmq_lease_tell_gone(service, LLMQ_KIND_MESSAGE, job->id);
        llmq_muster_loses(service, job);
    }
    llmq_queue_job_tell(service->queue, job, figure_of(job, move, to));
    if (!leaves) {
        enter(service, job);
    }
    else if (rv != APR_NOTFOUND) {
        look_again(service, job, p);
    }
}

static int reply_changed(request_rec *r, const char *id, llmq_status_e status,
                         apr_time_t updated_at)
{
    llmq_text_t t;

    llmq_text_init(&t, 256, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "id", id);
    llmq_json_kv(&t, "status", llmq_job_status_name(status));
    llmq_json_kv_time(&t, "updated_at", updated_at);
    LLMQ_TEXT_LIT(&t, "}");
    return llmq_reply_data(r, HTTP_OK, "Message status updated successfully", t.data);
}

static int reply_refused(request_rec *r, llmq_status_e from, llmq_status_e to)
{
    llmq_result_t why;

    llmq_result_set(&why, LLMQ_PROBLEM_TRANSITION, "status",
                    apr_psprintf(r->pool, "invalid status transition: %s to %s",
                                 llmq_job_status_name(from), llmq_job_status_name(to)));
    return llmq_reply_problem(r, &why);
}

/* What a worker has under a lease is nobody else's; the worker itself may say so here, too. */
static int reply_held(request_rec *r)
{
    llmq_result_t why = {0};

    llmq_result_set(&why, LLMQ_PROBLEM_STALE_LEASE, "processor_id",
                    "another worker has this message under a lease");
    return llmq_reply_problem(r, &why);
}

/* One try: read, decide, write on the condition that nothing changed in between. */
static apr_status_t try_change(int *preply, request_rec *r, const llmq_service_t *service,
                               const char *id, const wish_t *wish)
{
    llmq_job_change_t change;
    llmq_status_e stored;
    llmq_job_t *job;
    llmq_move_e move;
    apr_status_t rv;

    rv = llmq_overlay_find(&job, &stored, service, llmq_cfg_tenant(llmq_cfg_dir(r)),
                           LLMQ_KIND_MESSAGE, id, r->pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (llmq_lease_is_held(job) && strcmp(job->owner, wish->processor) != 0) {
        *preply = reply_held(r);
        return APR_SUCCESS;
    }
    move = llmq_job_move(job->status, wish->to);
    if (move == LLMQ_MOVE_REFUSED) {
        *preply = reply_refused(r, job->status, wish->to);
        return APR_SUCCESS;
    }
    if (move != LLMQ_MOVE_SAME) {
        change_of(&change, job, move, wish, r->pool);
        change.from = stored;
        rv = llmq_store_job_change(service->store, &change, r->pool);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        tell_queue(service, job, move, wish->to, r->pool);
        llmq_service_tell(service, job);
        job->updated_at = change.now;
    }
    *preply = reply_changed(r, job->id, wish->to, job->updated_at);
    return APR_SUCCESS;
}

int llmq_api_status_set(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_result_t why = {0};
    struct json_object *body;
    wish_t wish;
    apr_status_t rv;
    int reply = OK;
    int tries = 0;

    if (llmq_body_json(&body, r, &why) != APR_SUCCESS
        || read_wish(&wish, body, &why, r->pool) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    do {
        rv = try_change(&reply, r, service, id, &wish);
    } while (rv == LLMQ_ESTATE && ++tries < MAX_TRIES);
    if (rv == APR_NOTFOUND) {
        llmq_result_set(&why, LLMQ_PROBLEM_NO_MESSAGE, "message_id", "no such message");
        return llmq_reply_problem(r, &why);
    }
    return rv == APR_SUCCESS ? reply : llmq_reply_status(r, rv);
}
