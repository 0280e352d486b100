#include "backend/backend_raw.h"

#include "backend/backend_raw_blame.h"
#include "backend/backend_raw_body.h"
#include "backend/backend_raw_peek.h"
#include "backend/backend_raw_pieces.h"
#include "backend/backend_weighed.h"
#include "backend/backend_words.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "base/json_span.h"

#include <apr_strings.h>

#include <json-c/json.h>

#include <string.h>

#define JSON_DEPTH 64

typedef struct {
    llmq_backend_answer_t answer;
    int wants_usage; /* the caller gets the chunk of usage */
} raw_t;

/* ---- what is read on the way ---- */

static void read_usage(llmq_call_t *call, struct json_object *usage)
{
    llmq_backend_words_usage(&call->prompt_tokens, &call->completion_tokens, usage);
}

/* Taken once only, or a long stream could fill the pool with them. */
static void read_text(const char **ptext, struct json_object *value, apr_pool_t *p)
{
    if (!*ptext && json_object_is_type(value, json_type_string)
        && json_object_get_string_len(value) > 0) {
        *ptext = apr_pstrdup(p, json_object_get_string(value));
    }
}

static void read_finish(llmq_call_t *call, struct json_object *choices)
{
    size_t i;

    for (i = 0; json_object_is_type(choices, json_type_array)
                && i < json_object_array_length(choices);
         i++) {
        read_text(
            &call->finish_reason,
            llmq_json_member(json_object_array_get_idx(choices, i), "finish_reason"),
            call->pool);
    }
}

/* ---- a stream ---- */

/* Most chunks carry a word and nothing else: they are passed on unread. One that may be cut
 * is read in any case: half of it is not passed on. */
static int is_of_interest(const llmq_backend_answer_t *a, const char *data,
                          apr_size_t len)
{
    return a->ending || !a->call->model
           || llmq_backend_raw_peek(data, len, "\"finish_reason\"")
           || llmq_backend_raw_peek(data, len, "\"usage\"")
           || llmq_backend_raw_peek(data, len, "\"error\"");
}

static int is_only_usage(struct json_object *chunk)
{
    struct json_object *choices = llmq_json_member(chunk, "choices");

    return llmq_json_member(chunk, "usage")
           && json_object_is_type(choices, json_type_array)
           && json_object_array_length(choices) == 0;
}

static apr_status_t pass_on(llmq_backend_answer_t *a, const char *data, apr_size_t len)
{
    llmq_raw_t *raw = a->call->raw;

    if (raw->chunk(a->call, data, len) != APR_SUCCESS) {
        a->refused = 1;
        return llmq_backend_answer_fail(a, "Nobody waits for the answer any more");
    }
    raw->chunks++;
    a->answered = 1;
    return APR_SUCCESS;
}

static apr_status_t take_event(llmq_backend_answer_t *a, const char *data, apr_size_t len)
{
    llmq_call_t *call = a->call;
    struct json_object *chunk = NULL;
    apr_status_t rv;

    if (!is_of_interest(a, data, len)) {
        return pass_on(a, data, len);
    }
    rv = llmq_backend_answer_chunk(&chunk, a, data, len);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (llmq_backend_words_has_error(chunk)) {
        return llmq_backend_answer_fail_error(a, chunk);
    }
    read_usage(call, llmq_json_member(chunk, "usage"));
    read_text(&call->model, llmq_json_member(chunk, "model"), call->pool);
    read_finish(call, llmq_json_member(chunk, "choices"));
    if (call->finish_reason) {
        a->state = LLMQ_BACKEND_ANSWER_COMPLETE;
    }
    return is_only_usage(chunk) && !((const raw_t *)a)->wants_usage
               ? APR_SUCCESS
               : pass_on(a, data, len);
}

/* ---- a body in one piece ---- */

/* The value of a member of the whole body, which may be long: only it becomes a tree. */
static struct json_object *member_of(llmq_backend_answer_t *a, const char *key)
{
    struct json_object *value = NULL;
    llmq_json_span_t span;

    if (llmq_json_span(&span, a->body.data, a->body.len, key)) {
        llmq_backend_weighed_parse(&value, span.at, span.len, a->max, a->scratch);
    }
    return value;
}

static apr_status_t take_piece(void *ctx, const char *data, apr_size_t len)
{
    return pass_on(ctx, data, len);
}

/* The backend knows no streams. */
static void tell_in_pieces(llmq_backend_answer_t *a)
{
    const llmq_backend_raw_pieces_t how = {
        .is_chat = strcmp(a->call->raw->path, "/chat/completions") == 0,
        .wants_usage = ((const raw_t *)a)->wants_usage,
        .fn = take_piece,
        .ctx = a,
    };

    llmq_backend_raw_pieces_tell(&how, llmq_backend_answer_parse(a));
}

static void take_body(llmq_backend_answer_t *a)
{
    llmq_call_t *call = a->call;
    llmq_json_span_t error;
    llmq_json_scan_t scan;

    if (*a->body.data != '{'
        || !llmq_json_scan(&scan, a->body.data, a->body.len, JSON_DEPTH, a->scratch)) {
        llmq_backend_answer_fail(a, "The backend's answer is not a JSON object");
        return;
    }
    if (llmq_json_span(&error, a->body.data, a->body.len, "error") && *error.at != 'n'
        && *error.at != 'f') {
        llmq_backend_answer_fail_error(a, llmq_backend_answer_parse(a));
        return;
    }
    read_usage(call, member_of(a, "usage"));
    read_text(&call->model, member_of(a, "model"), call->pool);
    if (strcmp(call->raw->path, "/embeddings") != 0) {
        read_finish(call, member_of(a, "choices"));
    }
    a->state = LLMQ_BACKEND_ANSWER_DONE;
    if (call->raw->stream) {
        tell_in_pieces(a);
        return;
    }
    call->raw->body = a->body.data;
    call->raw->body_len = a->body.len;
}

/* ---- the reader ---- */

static void take_end(llmq_backend_answer_t *a, int http_status, int is_success)
{
    llmq_call_t *call = a->call;

    (void)is_success;
    call->raw->http_status = http_status;
    if (!call->model) {
        call->model = call->raw->model       ? call->raw->model
                      : call->backend->model ? call->backend->model
                                             : "default";
    }
}

llmq_backend_answer_t *llmq_backend_raw_create(llmq_call_t *call)
{
    static const llmq_backend_answer_kind_t kind = {take_event, take_body,
                                                    llmq_backend_raw_blame, take_end};
    raw_t *r = apr_pcalloc(call->pool, sizeof(*r));

    llmq_backend_answer_init(&r->answer, &kind, call, call->raw->most);
    r->answer.whole = !call->raw->stream;
    r->wants_usage = call->raw->stream && llmq_backend_raw_body_wants_usage(call);
    return &r->answer;
}
