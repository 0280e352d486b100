/* The way of a new message. Read llmq_intake_message() from top to bottom. */
#include "http/intake.h"

#include "cfg/cfg.h"
#include "core/message.h"
#include "http/body.h"
#include "http/idempotency.h"
#include "http/converse.h"
#include "http/identity.h"
#include "http/quota.h"
#include "http/triage.h"
#include "queue/queue_job.h"

#include <json-c/json.h>

/* Is there room? Then store it; the queue gets it with the commit. */
static apr_status_t commit(const llmq_service_t *service, llmq_job_t *job,
                           llmq_result_t *why, apr_pool_t *p)
{
    llmq_service_new_t news;
    llmq_text_t row;
    apr_status_t rv;

    llmq_service_new_init(&news, &job, 1);
    llmq_text_init(&row, job->payload_len + 512, p);
    llmq_store_job_row(&row, job);
    rv = llmq_queue_admit(service->queue, news.one.tenant, job->level);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = llmq_store_commit_write(service->commit, row.data, row.len, &news, sizeof(news));
    if (rv != APR_SUCCESS) {
        llmq_queue_dismiss(service->queue, news.one.tenant, job->level);
    }
    if (rv == LLMQ_EROW) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, NULL,
                               "the database refuses the message as it is");
    }
    if (rv == APR_SUCCESS) {
        llmq_service_tell(service, job);
    }
    return rv;
}

apr_status_t llmq_intake_store(request_rec *r, const llmq_service_t *service,
                               llmq_job_t *job, llmq_result_t *why)
{
    apr_status_t rv = llmq_quota_ask(r, service, &job, 1, why);

    if (rv == APR_SUCCESS) {
        rv = commit(service, job, why, r->pool);
        llmq_quota_end(service, &job, 1, rv == APR_SUCCESS);
    }
    return rv;
}

apr_status_t llmq_intake_store_once(llmq_job_t **pjob, request_rec *r,
                                    const llmq_service_t *service, llmq_job_t *job,
                                    llmq_result_t *why)
{
    apr_status_t rv = APR_NOTFOUND;

    if (llmq_idempotency_is_again(r)) {
        rv = llmq_store_job_find(pjob, service->store, job->tenant, job->kind, job->id,
                                 r->pool);
    }
    if (rv == APR_NOTFOUND) {
        *pjob = job;
        rv = llmq_intake_store(r, service, job, why);
    }
    return rv;
}

/* Absent, null and "" ask for a new conversation. */
static int names_conversation(struct json_object *body)
{
    struct json_object *value = NULL;

    return json_object_object_get_ex(body, "conversation_id", &value)
           && json_object_is_type(value, json_type_string)
           && json_object_get_string_len(value) > 0;
}

/* The location's, unless the body has one. It counts from when the message may begin. */
static void set_deadline(llmq_job_t *job, const llmq_cfg_dir_t *dir)
{
    apr_time_t from = job->run_at > job->created_at ? job->run_at : job->created_at;

    if (!job->deadline && llmq_cfg_deadline(dir) > 0) {
        job->deadline = from + llmq_cfg_deadline(dir);
    }
}

apr_status_t llmq_intake_message(llmq_job_t **pjob, request_rec *r,
                                 const llmq_service_t *service, const char *conversation,
                                 llmq_result_t *why)
{
    const llmq_cfg_dir_t *dir = llmq_cfg_dir(r);
    llmq_message_conf_t conf;
    struct json_object *body;
    llmq_job_t *job;
    apr_status_t rv;

    /* 1. http/gate.c has let the request in. */
    /* 2. What does the body say? */
    llmq_cfg_message(&conf, dir);
    if ((rv = llmq_converse_begin(&conf, r, service, conversation, why)) != APR_SUCCESS
        || (rv = llmq_body_json(&body, r, why)) != APR_SUCCESS
        || (rv = llmq_message_from_json(&job, body, llmq_cfg_tenant(dir), &conf, why,
                                        r->pool))
               != APR_SUCCESS) {
        return rv;
    }
    if (conversation) {
        job->chain = conversation;
        job->alone = 0;
    }
    set_deadline(job, dir);
    /* 3. May this caller say so? */
    if ((rv = llmq_identity_check_user(r, job->user, why)) != APR_SUCCESS) {
        return rv;
    }
    /* 4. How urgent is it? */
    llmq_triage_level(job, body, r, service);
    /* 5. May it join its conversation, and in which order is it answered? */
    rv = llmq_converse_join(job, r, service, conversation || names_conversation(body),
                            why);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    /* 6. With whom does it take turns? */
    llmq_triage_turn(job, r);
    job->callback = llmq_cfg_push_callbacks(dir, NULL, r->pool);
    /* 7. Unless an earlier try of the same request has stored it: has its key any left, is
     * there room? */
    job->id = llmq_idempotency_id(r, "msg_", job->id);
    return llmq_intake_store_once(pjob, r, service, job, why);
}
