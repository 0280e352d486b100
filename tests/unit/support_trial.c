#include "support_trial.h"

#include "backend/backend_curl.h"

#include <apr_strings.h>
#include <curl/curl.h>

#include <string.h>

http_server_t *trial_server;
llmq_engine_t *trial_engine;

void trial_done(llmq_call_t *call)
{
    trial_t *trial = call->ctx;

    pthread_mutex_lock(&trial->lock);
    trial->ended++;
    pthread_cond_signal(&trial->cond);
    pthread_mutex_unlock(&trial->lock);
}

void trial_open(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    trial_server = http_server_start(test_pool);
    ck_assert_int_eq(llmq_backend_curl_create(&trial_engine, test_pool), APR_SUCCESS);
}

void trial_close(void)
{
    llmq_backend_curl_stop(trial_engine);
    http_server_stop(trial_server);
}

apr_pool_t *trial_pool(void)
{
    apr_allocator_t *allocator;
    apr_pool_t *p;

    apr_allocator_create(&allocator);
    apr_pool_create_unmanaged_ex(&p, NULL, allocator);
    apr_allocator_owner_set(allocator, p);
    return p;
}

trial_t *trial_create(const char *way)
{
    apr_pool_t *p = trial_pool();
    trial_t *trial = apr_pcalloc(p, sizeof(*trial));

    pthread_mutex_init(&trial->lock, NULL);
    pthread_cond_init(&trial->cond, NULL);
    trial->conf =
        (llmq_backend_conf_t){.name = "b",
                              .kind = LLMQ_BACKEND_OPENAI,
                              .url = apr_psprintf(p, "http://127.0.0.1:%d/%s/v1",
                                                  http_server_port(trial_server), way),
                              .model = "m",
                              .key = TRIAL_KEY,
                              .connect_timeout = apr_time_from_sec(60),
                              .first_timeout = apr_time_from_sec(120),
                              .total_timeout = apr_time_from_sec(180),
                              .max_answer_bytes = 100000};
    trial->call = (llmq_call_t){.backend = &trial->conf,
                                .id = apr_pstrcat(p, "msg_", way, NULL),
                                .messages = "[{\"role\":\"user\",\"content\":\"hi\"}]",
                                .timeout = apr_time_from_sec(240),
                                .done = trial_done,
                                .ctx = trial,
                                .pool = p};
    return trial;
}

void trial_start(trial_t *trial)
{
    llmq_backend_start(trial_engine, &trial->call);
}

void trial_wait(trial_t *trial)
{
    pthread_mutex_lock(&trial->lock);
    while (trial->ended == 0) {
        pthread_cond_wait(&trial->cond, &trial->lock);
    }
    pthread_mutex_unlock(&trial->lock);
}

trial_t *trial_run(const char *way)
{
    trial_t *trial = trial_create(way);

    trial_start(trial);
    trial_wait(trial);
    return trial;
}

int trial_ended(trial_t *trial)
{
    int ended;

    pthread_mutex_lock(&trial->lock);
    ended = trial->ended;
    pthread_mutex_unlock(&trial->lock);
    return ended;
}

void trial_end(trial_t *trial)
{
    ck_assert_int_eq(trial_ended(trial), 1);
    ck_assert_int_ge(trial->call.ended_at, trial->call.started_at);
    apr_pool_destroy(trial->call.pool);
}

void trial_expect_answer(trial_t *trial, const char *content)
{
    ck_assert_msg(trial->call.ok, "%s", trial->call.error);
    ck_assert_str_eq(trial->call.content, content);
    ck_assert_str_eq(trial->call.model, "fake");
    ck_assert_str_eq(trial->call.finish_reason, "stop");
    ck_assert_int_eq(trial->call.prompt_tokens, 3);
    ck_assert_int_eq(trial->call.completion_tokens, 4);
    ck_assert_int_ge(trial->call.first_at, trial->call.started_at);
}

void trial_expect_failure(trial_t *trial, llmq_failure_e kind, int http_status)
{
    const llmq_call_t *call = &trial->call;

    ck_assert_int_eq(call->ok, 0);
    ck_assert_ptr_nonnull(call->error);
    ck_assert_msg(call->failure.kind == kind, "kind %d: %s", (int)call->failure.kind,
                  call->error);
    ck_assert_int_eq(call->failure.http_status, http_status);
    ck_assert_ptr_null(strstr(call->error, TRIAL_KEY));
    ck_assert_ptr_null(strstr(call->error, "127.0.0.1"));
}
