#include "backend/backend_echo_raw.h"

#include "backend/backend_echo_ask.h"
#include "backend/backend_echo_vector.h"
#include "backend/backend_raw_body.h"
#include "base/json.h"

#include <apr_strings.h>

#include <json-c/json.h>

#include <string.h>

#define DEPTH  64
#define BLANKS " \t\r\n"

static void refuse(llmq_call_t *call, const char *param, const char *message)
{
    llmq_text_t t;

    llmq_text_init(&t, 256, call->pool);
    LLMQ_TEXT_LIT(&t, "{\"error\":{");
    llmq_json_kv(&t, "message", message);
    llmq_json_kv(&t, "type", "invalid_request_error");
    llmq_json_kv(&t, "param", param);
    llmq_json_kv(&t, "code", NULL);
    LLMQ_TEXT_LIT(&t, "}}");
    call->ok = 0;
    call->failure = (llmq_failure_t){.kind = LLMQ_FAILURE_STATUS, .http_status = 400};
    call->error = message;
    call->raw->http_status = 400;
    call->raw->body = t.data;
    call->raw->body_len = t.len;
}

/* ---- what is answered ---- */

static void put_head(llmq_text_t *t, const llmq_backend_echo_ask_t *ask,
                     const char *object)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "id",
                 apr_pstrcat(ask->call->pool, ask->is_chat ? "chatcmpl-" : "cmpl-",
                             ask->call->id, NULL));
    llmq_json_kv(t, "object", object);
    llmq_json_kv_int(t, "created", apr_time_sec(ask->call->started_at));
    llmq_json_kv(t, "model", ask->model);
}

static void put_usage(llmq_text_t *t, const llmq_call_t *call)
{
    llmq_json_key(t, "usage");
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv_int(t, "prompt_tokens", call->prompt_tokens);
    llmq_json_kv_int(t, "completion_tokens", call->completion_tokens);
    llmq_json_kv_int(t, "total_tokens",
                     (apr_int64_t)call->prompt_tokens + call->completion_tokens);
    LLMQ_TEXT_LIT(t, "}");
}

static void put_choice(llmq_text_t *t, const llmq_backend_echo_ask_t *ask, int index,
                       const char *text)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv_int(t, "index", index);
    if (ask->is_chat) {
        LLMQ_TEXT_LIT(t, ",\"message\":{\"role\":\"assistant\"");
        llmq_json_kv(t, "content", text);
        LLMQ_TEXT_LIT(t, ",\"refusal\":null}");
    }
    else {
        llmq_json_kv(t, "text", text);
    }
    LLMQ_TEXT_LIT(t, ",\"logprobs\":null,\"finish_reason\":\"stop\"}");
}

static void answer_whole(const llmq_backend_echo_ask_t *ask)
{
    llmq_raw_t *raw = ask->call->raw;
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 512 + ask->bytes, ask->call->pool);
    put_head(&t, ask, ask->is_chat ? "chat.completion" : "text_completion");
    LLMQ_TEXT_LIT(&t, ",\"choices\":[");
    for (i = 0; i < ask->n_answers; i++) {
        if (i > 0) {
            LLMQ_TEXT_LIT(&t, ",");
        }
        put_choice(&t, ask, i, llmq_backend_echo_ask_answer(ask, i));
    }
    LLMQ_TEXT_LIT(&t, "]");
    put_usage(&t, ask->call);
    LLMQ_TEXT_LIT(&t, "}");
    raw->body = t.data;
    raw->body_len = t.len;
}

/* One chunk; a delta of a chat, with the role where it is empty, or a text; NULL is the end
 * of it. Returns 0 once nobody wants any more. */
static int send_chunk(const llmq_backend_echo_ask_t *ask, int index, const char *delta,
                      apr_size_t len)
{
    llmq_raw_t *raw = ask->call->raw;
    llmq_text_t t;

    llmq_text_init(&t, 512 + 2 * len, ask->call->pool);
    put_head(&t, ask, ask->is_chat ? "chat.completion.chunk" : "text_completion");
    LLMQ_TEXT_LIT(&t, ",\"choices\":[{");
    llmq_json_kv_int(&t, "index", index);
    llmq_json_key(&t, ask->is_chat ? "delta" : "text");
    if (!ask->is_chat) {
        llmq_json_string(&t, delta ? delta : "", len);
    }
    else if (delta) {
        LLMQ_TEXT_LIT(&t, "{");
        if (len == 0) {
            llmq_json_kv(&t, "role", "assistant");
        }
        llmq_json_key(&t, "content");
        llmq_json_string(&t, delta, len);
        LLMQ_TEXT_LIT(&t, "}");
    }
    else {
        LLMQ_TEXT_LIT(&t, "{}");
    }
    LLMQ_TEXT_LIT(&t, ",\"logprobs\":null");
    llmq_json_kv(&t, "finish_reason", delta ? NULL : "stop");
    LLMQ_TEXT_LIT(&t, "}]");
    if (ask->with_usage) {
        llmq_json_kv_raw(&t, "usage", NULL);
    }
    LLMQ_TEXT_LIT(&t, "}");
    if (raw->chunk(ask->call, t.data, t.len) != APR_SUCCESS) {
        return 0;
    }
    raw->chunks++;
    return 1;
}

static int send_usage(const llmq_backend_echo_ask_t *ask)
{
    llmq_text_t t;

    if (!ask->with_usage) {
        return 1;
    }
    llmq_text_init(&t, 512, ask->call->pool);
    put_head(&t, ask, ask->is_chat ? "chat.completion.chunk" : "text_completion");
    LLMQ_TEXT_LIT(&t, ",\"choices\":[]");
    put_usage(&t, ask->call);
    LLMQ_TEXT_LIT(&t, "}");
    if (ask->call->raw->chunk(ask->call, t.data, t.len) != APR_SUCCESS) {
        return 0;
    }
    ask->call->raw->chunks++;
    return 1;
}

/* Words with the space before them. */
static apr_size_t piece_length(const llmq_backend_echo_ask_t *ask, const char *text)
{
    apr_size_t len = 0;
    int words;

    for (words = 0; words < ask->step && text[len]; words++) {
        len += strspn(text + len, BLANKS);
        len += strcspn(text + len, BLANKS);
    }
    return len;
}

static int send_choice(const llmq_backend_echo_ask_t *ask, int index, const char *text)
{
    int going = !ask->is_chat || send_chunk(ask, index, "", 0);

    while (going && *text) {
        apr_size_t len = piece_length(ask, text);

        going = send_chunk(ask, index, text, len);
        text += len;
    }
    return going && send_chunk(ask, index, NULL, 0);
}

static void answer_stream(const llmq_backend_echo_ask_t *ask)
{
    int going = 1;
    int i;

    for (i = 0; going && i < ask->n_answers; i++) {
        going = send_choice(ask, i, llmq_backend_echo_ask_answer(ask, i));
    }
    if (going && send_usage(ask)) {
        return;
    }
    ask->call->ok = 0;
    ask->call->failure = (llmq_failure_t){.kind = LLMQ_FAILURE_CONNECT, .ours = 1};
    ask->call->error = "The call was aborted";
}

static void answer_text(llmq_backend_echo_ask_t *ask)
{
    llmq_call_t *call = ask->call;
    const char *param;
    const char *message = llmq_backend_echo_ask_read(ask, &param);

    if (message) {
        refuse(call, param, message);
        return;
    }
    call->finish_reason = "stop";
    if (call->raw->stream) {
        answer_stream(ask);
    }
    else {
        answer_whole(ask);
    }
}

static void answer_vectors(const llmq_backend_echo_ask_t *ask)
{
    llmq_call_t *call = ask->call;
    llmq_text_t t;
    const char *param = llmq_backend_echo_vector_check(ask->body);

    if (param) {
        refuse(call, param, apr_psprintf(call->pool, "'%s' is not acceptable", param));
        return;
    }
    llmq_text_init(&t, 4096, call->pool);
    LLMQ_TEXT_LIT(&t, "{\"object\":\"list\"");
    llmq_json_key(&t, "data");
    call->prompt_tokens = llmq_backend_echo_vector_list(&t, ask->body);
    call->completion_tokens = 0;
    llmq_json_kv(&t, "model", ask->model);
    LLMQ_TEXT_LIT(&t, ",\"usage\":{");
    llmq_json_kv_int(&t, "prompt_tokens", call->prompt_tokens);
    llmq_json_kv_int(&t, "total_tokens", call->prompt_tokens);
    LLMQ_TEXT_LIT(&t, "}}");
    call->raw->body = t.data;
    call->raw->body_len = t.len;
}

void llmq_backend_echo_raw(llmq_call_t *call)
{
    llmq_backend_echo_ask_t ask = {.call = call};
    struct json_object *model;

    if (!call->body
        || llmq_json_parse(&ask.body, call->body, strlen(call->body), DEPTH, NULL,
                           call->pool)
               != APR_SUCCESS
        || !json_object_is_type(ask.body, json_type_object)) {
        refuse(call, NULL, "The body must be a JSON object");
        return;
    }
    model = llmq_json_member(ask.body, "model");
    ask.model = call->raw->model ? call->raw->model
                : json_object_is_type(model, json_type_string)
                    ? json_object_get_string(model)
                    : "echo";
    ask.is_chat = strcmp(call->raw->path, "/chat/completions") == 0;
    ask.with_usage = call->raw->stream && llmq_backend_raw_body_wants_usage(call);
    call->model = apr_pstrdup(call->pool, ask.model);
    call->prompt_tokens = 0;
    call->ok = 1;
    call->raw->http_status = 200;
    if (strcmp(call->raw->path, "/embeddings") == 0) {
        answer_vectors(&ask);
    }
    else {
        answer_text(&ask);
    }
}
