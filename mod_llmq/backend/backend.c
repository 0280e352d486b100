#include "backend/backend.h"

#include "backend/backend_curl.h"
#include "backend/backend_echo.h"
#include "backend/backend_echo_raw.h"
#include "base/clock.h"
#include "base/json.h"

#include <string.h>

static void start_echo(llmq_engine_t *engine, llmq_call_t *call)
{
    (void)engine;
    if (call->check) {
        call->ok = 1;
    }
    else if (call->raw) {
        llmq_backend_echo_raw(call);
    }
    else {
        llmq_backend_echo_answer(call);
    }
    call->ended_at = llmq_clock_now();
    call->first_at = call->ok ? call->ended_at : 0;
    call->done(call);
}

/* The kinds: their words in the configuration and how a call of theirs begins. */
static const struct {
    const char *name;
    void (*start)(llmq_engine_t *engine, llmq_call_t *call);
} kinds[] = {
    [LLMQ_BACKEND_ECHO] = {"echo", start_echo},
    [LLMQ_BACKEND_OPENAI] = {"openai", llmq_backend_curl_start},
    [LLMQ_BACKEND_HTTP] = {"http", llmq_backend_curl_start},
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == LLMQ_BACKEND_KIND_COUNT,
               "a row for each kind of backend");

/* The words of llmq_failure_e in stored errors. */
static const char *const failure_names[] = {
    [LLMQ_FAILURE_UNREACHABLE] = "unreachable", [LLMQ_FAILURE_CONNECT] = "connect",
    [LLMQ_FAILURE_TIMEOUT] = "timeout",         [LLMQ_FAILURE_STATUS] = "status",
    [LLMQ_FAILURE_PROTOCOL] = "protocol",       [LLMQ_FAILURE_REQUEST] = "request",
};
_Static_assert(sizeof(failure_names) / sizeof(failure_names[0])
                   == LLMQ_FAILURE_REQUEST + 1,
               "a word for each kind of failure");

const char *llmq_backend_kind_name(llmq_backend_kind_e kind)
{
    return (unsigned)kind < LLMQ_BACKEND_KIND_COUNT ? kinds[kind].name : "unknown";
}

apr_status_t llmq_backend_kind_parse(llmq_backend_kind_e *pkind, const char *word)
{
    int i;

    for (i = 0; word && i < LLMQ_BACKEND_KIND_COUNT; i++) {
        if (strcmp(word, kinds[i].name) == 0) {
            *pkind = (llmq_backend_kind_e)i;
            return APR_SUCCESS;
        }
    }
    return APR_EINVAL;
}

apr_status_t llmq_backend_engine_create(llmq_engine_t **pengine, apr_pool_t *p)
{
    return llmq_backend_curl_create(pengine, p);
}

/* A call may be a record that was used before: nothing of an earlier outcome stays. */
static void reset_outcome(llmq_call_t *call)
{
    call->ok = 0;
    call->failure = (llmq_failure_t){.kind = LLMQ_FAILURE_REQUEST};
    call->error = call->answer = NULL;
    call->content = call->model = call->finish_reason = NULL;
    call->prompt_tokens = call->completion_tokens = -1;
    call->first_at = call->ended_at = 0;
    call->engine = NULL;
    if (call->raw) {
        call->raw->http_status = call->raw->chunks = 0;
        call->raw->body = NULL;
        call->raw->body_len = 0;
    }
    call->started_at = llmq_clock_now();
}

void llmq_backend_start(llmq_engine_t *engine, llmq_call_t *call)
{
    reset_outcome(call);
    if ((unsigned)call->backend->kind >= LLMQ_BACKEND_KIND_COUNT) {
        call->error = "The backend is of an unknown kind";
        call->ended_at = call->started_at;
        call->done(call);
        return;
    }
    if (call->raw && call->backend->kind == LLMQ_BACKEND_HTTP) {
        call->error = "A backend of kind http does not speak OpenAI's interface";
        call->ended_at = call->started_at;
        call->done(call);
        return;
    }
    kinds[call->backend->kind].start(engine, call);
}

void llmq_backend_abort(llmq_engine_t *engine, const llmq_call_t *call)
{
    llmq_backend_curl_abort(engine, call);
}

void llmq_backend_engine_stop(llmq_engine_t *engine)
{
    llmq_backend_curl_stop(engine);
}

static void add_count(llmq_text_t *t, const char *key, int n)
{
    if (n < 0) {
        llmq_json_kv_raw(t, key, NULL);
    }
    else {
        llmq_json_kv_int(t, key, n);
    }
}

static void add_usage(llmq_text_t *t, const llmq_call_t *call)
{
    llmq_json_key(t, "usage");
    LLMQ_TEXT_LIT(t, "{");
    add_count(t, "prompt_tokens", call->prompt_tokens);
    add_count(t, "completion_tokens", call->completion_tokens);
    if (call->prompt_tokens < 0 || call->completion_tokens < 0) {
        llmq_json_kv_raw(t, "total_tokens", NULL);
    }
    else {
        llmq_json_kv_int(t, "total_tokens",
                         (apr_int64_t)call->prompt_tokens + call->completion_tokens);
    }
    LLMQ_TEXT_LIT(t, "}");
}

const char *llmq_backend_result(const llmq_call_t *call, apr_pool_t *p)
{
    llmq_text_t t;

    if (call->answer) {
        return call->answer;
    }
    llmq_text_init(&t, 256 + (call->content ? strlen(call->content) : 0), p);
    LLMQ_TEXT_LIT(&t, "{");
    if (!call->raw) {
        llmq_json_kv(&t, "content", call->content);
    }
    llmq_json_kv(&t, "model", call->model);
    llmq_json_kv(&t, "finish_reason", call->finish_reason);
    add_usage(&t, call);
    llmq_json_kv(&t, "backend", call->backend->name);
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}

const char *llmq_backend_error(const llmq_call_t *call, apr_pool_t *p)
{
    const llmq_failure_t *failure = &call->failure;
    llmq_text_t t;

    llmq_text_init(&t, 512, p);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "type",
                 (unsigned)failure->kind <= LLMQ_FAILURE_REQUEST
                     ? failure_names[failure->kind]
                     : "unknown");
    llmq_json_kv(&t, "message", call->error);
    add_count(&t, "http_status", failure->http_status > 0 ? failure->http_status : -1);
    llmq_json_kv(&t, "backend", call->backend->name);
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}
