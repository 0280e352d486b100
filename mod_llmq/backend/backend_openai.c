#include "backend/backend_openai.h"

#include "backend/backend_words.h"
#include "base/json.h"

#include <apr_strings.h>

#include <json-c/json.h>

#include <string.h>

typedef struct {
    llmq_backend_answer_t answer;
    llmq_text_t content; /* of events: what the deltas add up to */
} openai_t;

const char *llmq_backend_openai_request(apr_size_t *plen, const llmq_call_t *call)
{
    const llmq_backend_conf_t *conf = call->backend;
    llmq_text_t t;

    if (!call->messages || call->messages[0] != '[') {
        return NULL;
    }
    llmq_text_init(&t, strlen(call->messages) + 256, call->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "model", conf->model ? conf->model : "default");
    llmq_json_kv_raw(&t, "messages", call->messages);
    if (conf->stream) {
        llmq_json_kv_raw(&t, "stream", "true");
        llmq_json_kv_raw(&t, "stream_options", "{\"include_usage\":true}");
    }
    LLMQ_TEXT_LIT(&t, "}");
    *plen = t.len;
    return t.data;
}

/* ---- reading members ---- */

/* What answers and chunks of a stream have in common. Texts are taken once only, or a
 * long stream could fill the pool with them. */
static void read_common(llmq_call_t *call, struct json_object *answer)
{
    const char *model = llmq_backend_words_get(answer, "model");

    llmq_backend_words_usage(&call->prompt_tokens, &call->completion_tokens,
                             llmq_json_member(answer, "usage"));
    if (model && !call->model) {
        call->model = apr_pstrdup(call->pool, model);
    }
}

static void read_finish(llmq_backend_answer_t *a, struct json_object *choice)
{
    const char *reason = llmq_backend_words_get(choice, "finish_reason");

    a->answered = 1;
    if (reason && !a->call->finish_reason) {
        a->call->finish_reason = apr_pstrdup(a->call->pool, reason);
    }
    if (reason) {
        a->state = LLMQ_BACKEND_ANSWER_COMPLETE;
    }
}

/* ---- a stream ---- */

static apr_status_t take_delta(openai_t *r, struct json_object *choice)
{
    llmq_backend_answer_t *a = &r->answer;
    struct json_object *content =
        llmq_json_member(llmq_json_member(choice, "delta"), "content");
    struct json_object *index = llmq_json_member(choice, "index");

    if (json_object_is_type(index, json_type_int) && json_object_get_int(index) != 0) {
        return APR_SUCCESS;
    }
    if (json_object_is_type(content, json_type_string)) {
        apr_size_t len = (apr_size_t)json_object_get_string_len(content);

        if (len > a->max - r->content.len) {
            return llmq_backend_answer_fail_size(a);
        }
        llmq_text_add(&r->content, json_object_get_string(content), len);
        if (len > 0 && a->call->piece) {
            a->call->piece_wait =
                a->call->piece(a->call, json_object_get_string(content), len);
        }
    }
    read_finish(a, choice);
    return APR_SUCCESS;
}

static apr_status_t take_event(llmq_backend_answer_t *a, const char *data, apr_size_t len)
{
    struct json_object *chunk = NULL;
    struct json_object *choices;
    apr_status_t rv = llmq_backend_answer_chunk(&chunk, a, data, len);
    size_t i;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (llmq_backend_words_has_error(chunk)) {
        return llmq_backend_answer_fail_error(a, chunk);
    }
    read_common(a->call, chunk);
    choices = llmq_json_member(chunk, "choices");
    if (!json_object_is_type(choices, json_type_array)) {
        return APR_SUCCESS;
    }
    for (i = 0; rv == APR_SUCCESS && i < json_object_array_length(choices); i++) {
        rv = take_delta((openai_t *)a, json_object_array_get_idx(choices, i));
    }
    return rv;
}

/* ---- a body in one piece ---- */

static void take_message(llmq_backend_answer_t *a, struct json_object *answer)
{
    struct json_object *choices = llmq_json_member(answer, "choices");
    struct json_object *choice = NULL;
    struct json_object *message;
    struct json_object *content;

    if (json_object_is_type(choices, json_type_array)) {
        choice = json_object_array_get_idx(choices, 0);
    }
    message = llmq_json_member(choice, "message");
    content = llmq_json_member(message, "content");
    if (!json_object_is_type(message, json_type_object)
        || (content && !json_object_is_type(content, json_type_string))) {
        llmq_backend_answer_fail(a, "The backend's answer holds no message");
        return;
    }
    a->call->content =
        apr_pstrdup(a->call->pool, content ? json_object_get_string(content) : "");
    read_common(a->call, answer);
    read_finish(a, choice);
    a->state = LLMQ_BACKEND_ANSWER_DONE;
}

static void take_body(llmq_backend_answer_t *a)
{
    struct json_object *answer = llmq_backend_answer_parse(a);

    if (!answer) {
        llmq_backend_answer_fail(a, "The backend's answer is not JSON");
    }
    else if (llmq_backend_words_has_error(answer)) {
        llmq_backend_answer_fail_error(a, answer);
    }
    else {
        take_message(a, answer);
    }
}

/* ---- the reader ---- */

static void take_end(llmq_backend_answer_t *a, int http_status, int is_success)
{
    llmq_call_t *call = a->call;

    (void)http_status;
    if (!is_success) {
        return;
    }
    if (a->shape == LLMQ_BACKEND_ANSWER_EVENTS) {
        call->content = ((const openai_t *)a)->content.data;
    }
    if (!call->model) {
        call->model = call->backend->model ? call->backend->model : "default";
    }
    call->finish_reason = call->finish_reason ? call->finish_reason : "stop";
}

llmq_backend_answer_t *llmq_backend_openai_create(llmq_call_t *call)
{
    static const llmq_backend_answer_kind_t kind = {
        .event = take_event, .body = take_body, .end = take_end};
    openai_t *r = apr_pcalloc(call->pool, sizeof(*r));

    llmq_backend_answer_init(&r->answer, &kind, call, 0);
    llmq_text_init(&r->content, 256, call->pool);
    return &r->answer;
}
