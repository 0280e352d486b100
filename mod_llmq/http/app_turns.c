#include "http/app_turns.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "cfg/cfg.h"
#include "http/app_call.h"
#include "http/idempotency.h"
#include "http/intake.h"
#include "http/reply_s2.h"
#include "http/triage.h"
#include "queue/queue_job.h"
#include "store/store_app_turn.h"

#include <apr_strings.h>

/* Which of the ids of a request that comes again is the conversation's. */
#define CONVERSATION_ID 1

/* ---- accept ---- */

/* Read by who made it, so that a request that comes again means the same conversation. */
static apr_status_t begin(const char **pconversation, request_rec *r,
                          const llmq_service_t *service, const llmq_app_t *app,
                          apr_time_t now)
{
    const llmq_app_config_t *config = llmq_app_effective(app);
    const llmq_app_ref_t ref = {app->tenant, app->id};
    int is_kept = config->memory == LLMQ_APP_MEMORY_LONG_TERM;
    const char *id = llmq_idempotency_id(r, "", NULL);

    if (app->conversation && !is_kept) {
        *pconversation = app->conversation;
        return APR_SUCCESS;
    }
    *pconversation =
        llmq_id_uuid(id ? id : llmq_id_create("", r->pool), CONVERSATION_ID, r->pool);
    return llmq_store_app_turn_begin(pconversation, service->store, &ref,
                                     is_kept ? now : 0, r->pool);
}

apr_status_t llmq_app_turns_accept(llmq_job_t **pjob, request_rec *r,
                                   const llmq_service_t *service, const llmq_app_t *app,
                                   const char *query, llmq_result_t *why)
{
    const llmq_cfg_dir_t *dir = llmq_cfg_dir(r);
    llmq_app_turn_t turn = {.app = app, .query = query, .now = llmq_clock_now()};
    llmq_job_t *job = apr_palloc(r->pool, sizeof(*job));
    llmq_message_conf_t conf;
    apr_status_t rv = begin(&turn.conversation, r, service, app, turn.now);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    llmq_cfg_message(&conf, dir);
    turn.id = llmq_app_call_new_id(r);
    turn.user = llmq_app_call_user(r);
    turn.timeout = llmq_cfg_app_timeout(dir);
    turn.max_retries = conf.max_retries;
    llmq_app_turn_job(job, &turn, r->pool);
    llmq_triage_turn(job, r);
    return llmq_intake_store_once(pjob, r, service, job, why);
}

/* ---- cancel, remove ---- */

/* The queue hears at once; who runs it, soon. */
static void withdraw(const llmq_service_t *service, const llmq_job_t *job)
{
    llmq_queue_cancel(service->queue, job->id);
    llmq_queue_job_tell(service->queue, job, LLMQ_FIGURE_REMOVED);
    llmq_service_tell(service, job);
}

void llmq_app_turns_late(const llmq_service_t *service, const char *const *ids, int n,
                         apr_pool_t *p)
{
    llmq_job_t *jobs = NULL;
    int n_ended = 0;
    int i;

    /* One that cannot be canceled now ends by its own deadline. */
    llmq_store_app_turn_cancel(&jobs, &n_ended, service->store, ids, n, llmq_clock_now(),
                               p);
    for (i = 0; i < n_ended; i++) {
        withdraw(service, &jobs[i]);
        LLMQ_LOG(LLMQ_LOG_INFO, 0,
                 LLMQ_NO(0230) "msg[%s] was not answered in time, it is canceled",
                 jobs[i].id);
    }
}

apr_status_t llmq_app_turns_remove(request_rec *r, const llmq_service_t *service,
                                   const llmq_app_t *app, const char *id)
{
    llmq_app_turn_ref_t ref = {.tenant = app->tenant};
    llmq_job_t *job = NULL;
    apr_status_t rv;
    char *lower;

    if (!app->conversation || !llmq_id_is_uuid(id)) {
        return APR_NOTFOUND;
    }
    lower = apr_pstrdup(r->pool, id);
    ap_str_tolower(lower);
    ref.id = lower;
    ref.chain = llmq_app_turn_chain(app->conversation, r->pool);
    rv =
        llmq_store_app_turn_remove(&job, service->store, &ref, llmq_clock_now(), r->pool);
    if (rv == APR_SUCCESS && !llmq_job_is_final(job->status)) {
        withdraw(service, job);
    }
    return rv;
}

/* ---- as it ended ---- */

static int write_problem(llmq_text_t *t, llmq_problem_e problem)
{
    llmq_result_t why = {0};

    llmq_result_set(&why, problem, NULL, NULL);
    llmq_reply_s2_problem(t, &why);
    return llmq_reply_s2_answer(problem)->status;
}

void llmq_app_turns_write_gone(llmq_text_t *t)
{
    write_problem(t, LLMQ_PROBLEM_NO_MESSAGE);
}

int llmq_app_turns_write(llmq_text_t *t, const llmq_job_t *job, apr_pool_t *p)
{
    llmq_text_t turn;

    if (job->status == LLMQ_STATUS_FAILED) {
        return write_problem(t, LLMQ_PROBLEM_ANSWER);
    }
    if (llmq_job_is_final(job->status) && job->status != LLMQ_STATUS_COMPLETED) {
        return write_problem(t, LLMQ_PROBLEM_WAIT);
    }
    llmq_text_init(&turn, job->payload_len + 1024, p);
    llmq_app_turn_write(&turn, job, p);
    llmq_reply_s2_success(t, turn.data, "");
    return HTTP_OK;
}
