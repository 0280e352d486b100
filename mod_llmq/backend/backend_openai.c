#include "backend/backend_openai.h"

#include "backend/backend_scrub.h"
#include "backend/backend_sse.h"
#include "base/json.h"

#include <apr_strings.h>

#include <json-c/json.h>

#include <string.h>

#define JSON_DEPTH 64

typedef enum {
    SHAPE_UNKNOWN = 0, /* nothing but white space so far */
    SHAPE_JSON,
    SHAPE_EVENTS
} shape_e;

struct llmq_backend_openai_t {
    llmq_call_t *call;
    apr_pool_t *scratch; /* of the JSON tree at hand */
    apr_size_t max;      /* bytes */
    shape_e shape;
    llmq_backend_openai_state_e state;
    int answered;     /* a choice was seen */
    llmq_text_t body; /* JSON: all of it */
    llmq_backend_sse_t events;
    llmq_text_t content; /* events: what the deltas add up to */
};

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

llmq_backend_openai_t *llmq_backend_openai_create(llmq_call_t *call)
{
    llmq_backend_openai_t *r = apr_pcalloc(call->pool, sizeof(*r));

    r->call = call;
    r->max = call->backend->max_answer_bytes ? call->backend->max_answer_bytes
                                             : LLMQ_BACKEND_OPENAI_ANSWER_MAX;
    apr_pool_create(&r->scratch, call->pool);
    apr_pool_tag(r->scratch, "llmq_answer");
    return r;
}

llmq_backend_openai_state_e llmq_backend_openai_state(const llmq_backend_openai_t *r)
{
    return r->state;
}

/* --- failures --- */

static apr_status_t fail_status(llmq_backend_openai_t *r, llmq_failure_e kind,
                                int http_status, const char *sentence)
{
    r->call->failure = (llmq_failure_t){.kind = kind, .http_status = http_status};
    r->call->error = sentence;
    r->state = LLMQ_BACKEND_OPENAI_FAILED;
    return LLMQ_EBACKEND;
}

static apr_status_t fail(llmq_backend_openai_t *r, const char *sentence)
{
    return fail_status(r, LLMQ_FAILURE_PROTOCOL, 0, sentence);
}

static apr_status_t fail_size(llmq_backend_openai_t *r)
{
    return fail(r, apr_psprintf(r->call->pool,
                                "The answer is larger than %" APR_SIZE_T_FMT " bytes",
                                r->max));
}

/* --- reading members --- */

/* A non-empty string, else NULL. */
static const char *member_text(struct json_object *obj, const char *name)
{
    struct json_object *value = llmq_json_member(obj, name);

    if (!json_object_is_type(value, json_type_string)
        || json_object_get_string_len(value) == 0) {
        return NULL;
    }
    return json_object_get_string(value);
}

static void read_count(int *pcount, struct json_object *usage, const char *name)
{
    struct json_object *value = llmq_json_member(usage, name);

    if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0) {
        *pcount = json_object_get_int(value);
    }
}

/* What answers and chunks of a stream have in common. Texts are taken once only, or a
 * long stream could fill the pool with them. */
static void read_common(llmq_backend_openai_t *r, struct json_object *answer)
{
    llmq_call_t *call = r->call;
    struct json_object *usage = llmq_json_member(answer, "usage");
    const char *model = member_text(answer, "model");

    read_count(&call->prompt_tokens, usage, "prompt_tokens");
    read_count(&call->completion_tokens, usage, "completion_tokens");
    if (model && !call->model) {
        call->model = apr_pstrdup(call->pool, model);
    }
}

static void read_finish(llmq_backend_openai_t *r, struct json_object *choice)
{
    const char *reason = member_text(choice, "finish_reason");

    r->answered = 1;
    if (reason && !r->call->finish_reason) {
        r->call->finish_reason = apr_pstrdup(r->call->pool, reason);
    }
    if (reason) {
        r->state = LLMQ_BACKEND_OPENAI_COMPLETE;
    }
}

/* OpenAI has the words in error.message, others in error, message or detail. */
static const char *error_text(struct json_object *answer)
{
    struct json_object *error = llmq_json_member(answer, "error");
    const char *text = member_text(error, "message");

    text = text ? text : member_text(answer, "error");
    text = text ? text : member_text(answer, "message");
    return text ? text : member_text(answer, "detail");
}

static int is_error(struct json_object *answer)
{
    struct json_object *error = llmq_json_member(answer, "error");

    return error
           && !(json_object_is_type(error, json_type_boolean)
                && !json_object_get_boolean(error));
}

/* An error object inside a 2xx answer. */
static apr_status_t take_error(llmq_backend_openai_t *r, struct json_object *answer)
{
    struct json_object *code =
        llmq_json_member(llmq_json_member(answer, "error"), "code");
    const char *text = error_text(answer);
    apr_int64_t n =
        json_object_is_type(code, json_type_int) ? json_object_get_int64(code) : 0;

    text = apr_pstrcat(r->call->pool, "The backend reports an error: ",
                       text ? llmq_backend_scrub(text, r->call->backend, r->call->pool)
                            : "no reason given",
                       NULL);
    if (n >= 400 && n <= 599) {
        return fail_status(r, LLMQ_FAILURE_STATUS, (int)n, text);
    }
    return fail(r, text);
}

/* --- a stream --- */

static apr_status_t take_delta(llmq_backend_openai_t *r, struct json_object *choice)
{
    struct json_object *content =
        llmq_json_member(llmq_json_member(choice, "delta"), "content");
    struct json_object *index = llmq_json_member(choice, "index");

    if (json_object_is_type(index, json_type_int) && json_object_get_int(index) != 0) {
        return APR_SUCCESS;
    }
    if (json_object_is_type(content, json_type_string)) {
        apr_size_t len = (apr_size_t)json_object_get_string_len(content);

        if (len > r->max - r->content.len) {
            return fail_size(r);
        }
        llmq_text_add(&r->content, json_object_get_string(content), len);
    }
    read_finish(r, choice);
    return APR_SUCCESS;
}

static apr_status_t take_chunk(llmq_backend_openai_t *r, struct json_object *chunk)
{
    struct json_object *choices = llmq_json_member(chunk, "choices");
    apr_status_t rv = APR_SUCCESS;
    size_t i;

    if (is_error(chunk)) {
        return take_error(r, chunk);
    }
    read_common(r, chunk);
    if (!json_object_is_type(choices, json_type_array)) {
        return APR_SUCCESS;
    }
    for (i = 0; rv == APR_SUCCESS && i < json_object_array_length(choices); i++) {
        rv = take_delta(r, json_object_array_get_idx(choices, i));
    }
    return rv;
}

static apr_status_t take_event(void *ctx, const char *data, apr_size_t len)
{
    llmq_backend_openai_t *r = ctx;
    struct json_object *chunk = NULL;
    apr_status_t rv;

    if (len == 6 && memcmp(data, "[DONE]", 6) == 0) {
        r->state = LLMQ_BACKEND_OPENAI_DONE;
        return APR_EOF;
    }
    rv = llmq_json_parse(&chunk, data, len, JSON_DEPTH, NULL, r->scratch);
    if (rv != APR_SUCCESS || !json_object_is_type(chunk, json_type_object)) {
        rv = fail(r, "The backend sent an event that is not a JSON object");
    }
    else {
        rv = take_chunk(r, chunk);
    }
    apr_pool_clear(r->scratch);
    return rv;
}

/* What the events' parser says, in the reader's terms. */
static apr_status_t sum_up(llmq_backend_openai_t *r, apr_status_t rv)
{
    if (rv == LLMQ_EFULL) {
        return fail_size(r);
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* --- a body in one piece --- */

static apr_status_t feed_json(llmq_backend_openai_t *r, const char *data, apr_size_t len)
{
    if (len > r->max - r->body.len) {
        return fail_size(r);
    }
    llmq_text_add(&r->body, data, len);
    return APR_SUCCESS;
}

static apr_status_t take_message(llmq_backend_openai_t *r, struct json_object *answer)
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
        return fail(r, "The backend's answer holds no message");
    }
    r->call->content =
        apr_pstrdup(r->call->pool, content ? json_object_get_string(content) : "");
    read_common(r, answer);
    read_finish(r, choice);
    r->state = LLMQ_BACKEND_OPENAI_DONE;
    return APR_SUCCESS;
}

static struct json_object *parse_body(llmq_backend_openai_t *r)
{
    struct json_object *answer = NULL;

    if (r->shape != SHAPE_JSON
        || llmq_json_parse(&answer, r->body.data, r->body.len, JSON_DEPTH, NULL,
                           r->scratch)
               != APR_SUCCESS) {
        return NULL;
    }
    return answer;
}

/* --- feed and end --- */

static void begin_shape(llmq_backend_openai_t *r, char first)
{
    r->shape = first == '{' ? SHAPE_JSON : SHAPE_EVENTS;
    if (r->shape == SHAPE_JSON) {
        llmq_text_init(&r->body, 2048, r->call->pool);
    }
    else {
        llmq_backend_sse_init(&r->events, take_event, r, r->max, r->call->pool);
        llmq_text_init(&r->content, 2048, r->call->pool);
    }
}

apr_status_t llmq_backend_openai_feed(llmq_backend_openai_t *r, const char *data,
                                      apr_size_t len)
{
    const char *end = data + len;

    if (r->state >= LLMQ_BACKEND_OPENAI_DONE) {
        return r->state == LLMQ_BACKEND_OPENAI_DONE ? APR_SUCCESS : LLMQ_EBACKEND;
    }
    while (r->shape == SHAPE_UNKNOWN && data < end) {
        if (*data == ' ' || *data == '\t' || *data == '\r' || *data == '\n') {
            data++;
        }
        else {
            begin_shape(r, *data);
        }
    }
    len = (apr_size_t)(end - data);
    if (r->shape == SHAPE_UNKNOWN) {
        return APR_SUCCESS;
    }
    return r->shape == SHAPE_JSON
               ? feed_json(r, data, len)
               : sum_up(r, llmq_backend_sse_feed(&r->events, data, len));
}

static void end_json(llmq_backend_openai_t *r)
{
    struct json_object *answer = parse_body(r);

    if (!answer) {
        fail(r, "The backend's answer is not JSON");
    }
    else if (is_error(answer)) {
        take_error(r, answer);
    }
    else {
        take_message(r, answer);
    }
}

/* Only while the answer is not complete do the last bytes matter: what is cut off after
 * that, such as usage, does not spoil it. */
static void end_events(llmq_backend_openai_t *r)
{
    if (r->state == LLMQ_BACKEND_OPENAI_READING) {
        sum_up(r, llmq_backend_sse_end(&r->events));
    }
    if (r->state == LLMQ_BACKEND_OPENAI_READING) {
        fail(r, "The stream broke off before its end");
    }
    else if (r->state != LLMQ_BACKEND_OPENAI_FAILED && !r->answered) {
        fail(r, "The stream holds no answer");
    }
    r->call->content = r->content.data;
}

static void end_success(llmq_backend_openai_t *r)
{
    llmq_call_t *call = r->call;

    if (r->shape == SHAPE_JSON) {
        end_json(r);
    }
    else if (r->shape == SHAPE_EVENTS) {
        end_events(r);
    }
    else {
        fail(r, "The backend's answer is empty");
    }
    call->ok = r->state != LLMQ_BACKEND_OPENAI_FAILED;
    if (!call->model) {
        call->model = call->backend->model ? call->backend->model : "default";
    }
    call->finish_reason = call->finish_reason ? call->finish_reason : "stop";
}

static void end_status(llmq_backend_openai_t *r, int http_status)
{
    struct json_object *answer = parse_body(r);
    const char *text = answer ? error_text(answer) : NULL;
    const char *sentence = apr_psprintf(
        r->call->pool, "The backend answered HTTP %d%s%s", http_status, text ? ": " : "",
        text ? llmq_backend_scrub(text, r->call->backend, r->call->pool) : "");

    if (http_status > 399) {
        fail_status(r, LLMQ_FAILURE_STATUS, http_status, sentence);
    }
    else {
        fail(r, sentence);
    }
}

void llmq_backend_openai_end(llmq_backend_openai_t *r, int http_status)
{
    if (http_status < 200 || http_status > 299) {
        end_status(r, http_status);
    }
    else if (r->state != LLMQ_BACKEND_OPENAI_FAILED) {
        end_success(r);
    }
    apr_pool_destroy(r->scratch);
    r->scratch = NULL;
}
