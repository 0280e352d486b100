/* The OpenAI-compatible gateway. What happens to a completion once it is one is
 * http/gateway.h's. */
#include "http/api.h"

#include "base/clock.h"
#include "cfg/cfg.h"
#include "core/completion_input.h"
#include "core/model.h"
#include "core/priority.h"
#include "http/body.h"
#include "http/gateway.h"
#include "http/idempotency.h"
#include "http/identity.h"
#include "http/once.h"
#include "http/reply.h"
#include "http/reply_openai.h"
#include "http/request_id.h"
#include "http/triage.h"

#include <apr_strings.h>

#include <string.h>

#define ANYBODY "anonymous"

/* ---- POST ---- */

static const llmq_models_t *models_of(request_rec *r, const llmq_service_t *service)
{
    return llmq_cfg_model_use(llmq_cfg_dir(r), llmq_gateway_models(service->gateway),
                              r->pool);
}

static apr_status_t no_model(llmq_result_t *why, const char *name, apr_pool_t *p)
{
    return llmq_result_set(
        why, LLMQ_PROBLEM_NO_MODEL, NULL,
        apr_psprintf(p, "The model `%s` does not exist or you do not have access to it.",
                     name));
}

/* The header, else the body's `service_tier`. */
static apr_status_t read_level(llmq_job_t *job, const llmq_completion_input_t *in,
                               request_rec *r, llmq_result_t *why)
{
    const char *word = apr_table_get(r->headers_in, "X-LLMQ-Priority");

    job->level = in->level ? in->level : LLMQ_LEVEL_NORMAL;
    if (word && llmq_priority_parse(&job->level, word) != APR_SUCCESS) {
        return llmq_result_set(why, LLMQ_PROBLEM_PRIORITY, "X-LLMQ-Priority",
                               "must be realtime, high, normal or low");
    }
    return APR_SUCCESS;
}

/* Who is authenticated takes turns under that name, whatever the body says. */
static const char *user_of(request_rec *r, const llmq_completion_input_t *in)
{
    const char *user = llmq_identity_get(r)->user;

    if (user) {
        return user;
    }
    return in->user && *in->user && strlen(in->user) <= LLMQ_NAME_MAX ? in->user
                                                                      : ANYBODY;
}

/* The preprocessor looks at what was said, not at the whole request. */
static void choose_level(llmq_job_t *job, const llmq_completion_input_t *in,
                         struct json_object *body, request_rec *r,
                         const llmq_service_t *service)
{
    llmq_job_t said = *job;

    said.payload = in->text;
    said.payload_len = strlen(in->text);
    said.metadata = "{}";
    llmq_triage_level(&said, body, r, service);
    job->level = said.level;
    llmq_triage_turn(job, r);
}

static apr_status_t make_job(llmq_job_t *job, const llmq_completion_input_t *in,
                             request_rec *r, llmq_result_t *why)
{
    const llmq_cfg_dir_t *dir = llmq_cfg_dir(r);
    llmq_message_conf_t conf;
    apr_status_t rv = llmq_body_read(&job->payload, &job->payload_len, r, why);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    llmq_cfg_message(&conf, dir);
    job->id = llmq_request_id_get(r);
    job->tenant = llmq_cfg_tenant(dir);
    job->kind = LLMQ_KIND_COMPLETION;
    job->status = LLMQ_STATUS_PENDING;
    job->type = in->model;
    job->user = user_of(r, in);
    job->created_at = job->updated_at = llmq_clock_now();
    job->timeout = llmq_cfg_gateway_timeout(dir);
    job->max_retries = conf.max_retries;
    return read_level(job, in, r, why);
}

static void set_how(llmq_gateway_how_t *how, const llmq_completion_input_t *in,
                    const llmq_cfg_dir_t *dir)
{
    how->request = &in->request;
    how->linger = llmq_cfg_gateway_linger(dir);
    how->keep_alive = llmq_cfg_gateway_keep_alive(dir);
    how->max_wait = llmq_cfg_max_wait(dir);
    how->retry_after = llmq_cfg_retry_after_sec(dir);
}

/* As long as its job may take, the key of the request is the job's. */
static apr_status_t lend_key(llmq_completion_t *asked, const llmq_job_t *job,
                             request_rec *r)
{
    apr_interval_time_t lease = llmq_cfg_max_wait(llmq_cfg_dir(r))
                                + (apr_int64_t)(job->max_retries + 1) * job->timeout;

    return llmq_idempotency_lend(&asked->key, &asked->claim, r, lease);
}

static int post(request_rec *r, const llmq_service_t *service, llmq_completion_e what)
{
    llmq_job_t *job = apr_pcalloc(r->pool, sizeof(*job));
    llmq_completion_input_t in = {0};
    llmq_gateway_how_t how;
    llmq_result_t why = {0};
    struct json_object *body;
    apr_status_t rv = llmq_body_json(&body, r, &why);

    /* 1. What does the body say? */
    if (rv == APR_SUCCESS) {
        rv = llmq_completion_input_read(&in, what, body, &why);
    }
    /* 2. Is there anybody who can do it? */
    if (rv == APR_SUCCESS && !llmq_model_find(models_of(r, service), in.model)) {
        rv = no_model(&why, in.model, r->pool);
    }
    if (rv == APR_SUCCESS) {
        rv = make_job(job, &in, r, &why);
    }
    if (rv != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    /* 3. How urgent is it, and with whom does it take turns? */
    choose_level(job, &in, body, r, service);
    /* 4. On its way. */
    rv = lend_key(&in.request, job, r);
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    job->metadata = llmq_completion_metadata(&in.request, r->pool);
    set_how(&how, &in, llmq_cfg_dir(r));
    return llmq_gateway_answer(r, service, job, &how);
}

static int post_chat(request_rec *r, const llmq_service_t *service, const char *id)
{
    (void)id;
    return post(r, service, LLMQ_COMPLETION_CHAT);
}

static int post_text(request_rec *r, const llmq_service_t *service, const char *id)
{
    (void)id;
    return post(r, service, LLMQ_COMPLETION_TEXT);
}

static int post_input(request_rec *r, const llmq_service_t *service, const char *id)
{
    (void)id;
    return post(r, service, LLMQ_COMPLETION_EMBEDDINGS);
}

/* Where no answer is kept, nobody is told that it were. */
static int call(llmq_api_fn_t *fn, request_rec *r, const llmq_service_t *service,
                const char *id)
{
    return llmq_gateway_keeps_answers(service->gateway)
               ? llmq_once_call(fn, r, service, id)
               : fn(r, service, id);
}

int llmq_api_completion_chat(request_rec *r, const llmq_service_t *service,
                             const char *id)
{
    return call(post_chat, r, service, id);
}

int llmq_api_completion_text(request_rec *r, const llmq_service_t *service,
                             const char *id)
{
    return call(post_text, r, service, id);
}

int llmq_api_completion_embed(request_rec *r, const llmq_service_t *service,
                              const char *id)
{
    return call(post_input, r, service, id);
}

/* ---- GET /models, GET /models/{id} ---- */

int llmq_api_completion_models(request_rec *r, const llmq_service_t *service,
                               const char *id)
{
    const llmq_models_t *models = models_of(r, service);
    llmq_text_t t;

    (void)id;
    llmq_text_init(&t, 1024, r->pool);
    llmq_model_list(&t, models);
    llmq_reply_openai_headers(r);
    return llmq_reply_json(r, HTTP_OK, t.data, t.len);
}

int llmq_api_completion_model(request_rec *r, const llmq_service_t *service,
                              const char *id)
{
    const llmq_models_t *models = models_of(r, service);
    const llmq_model_t *model = llmq_model_find(models, id);
    llmq_result_t why = {0};
    llmq_text_t t;

    if (!model) {
        no_model(&why, id, r->pool);
        return llmq_reply_problem(r, &why);
    }
    llmq_text_init(&t, 256, r->pool);
    llmq_model_write(&t, models, model);
    llmq_reply_openai_headers(r);
    return llmq_reply_json(r, HTTP_OK, t.data, t.len);
}
