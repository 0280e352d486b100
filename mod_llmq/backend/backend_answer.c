#include "backend/backend_answer.h"

#include "backend/backend_scrub.h"
#include "backend/backend_weighed.h"
#include "backend/backend_words.h"
#include "base/json.h"

#include <apr_strings.h>

#include <json-c/json.h>

#include <string.h>

static const char broken_off[] = "The stream broke off before its end";

void llmq_backend_answer_init(llmq_backend_answer_t *a,
                              const llmq_backend_answer_kind_t *kind, llmq_call_t *call,
                              apr_size_t usual)
{
    apr_size_t set = call->backend->max_answer_bytes;

    a->kind = kind;
    a->call = call;
    a->max = set ? set : usual ? usual : LLMQ_BACKEND_ANSWER_MAX;
    apr_pool_create(&a->scratch, call->pool);
    apr_pool_tag(a->scratch, "llmq_answer");
}

llmq_backend_answer_state_e llmq_backend_answer_state(const llmq_backend_answer_t *a)
{
    return a->state;
}

int llmq_backend_answer_is_refused(const llmq_backend_answer_t *a)
{
    return a->refused;
}

/* ---- failures ---- */

static apr_status_t fail(llmq_backend_answer_t *a, llmq_failure_e kind, int http_status,
                         const char *sentence)
{
    a->call->failure = (llmq_failure_t){.kind = kind, .http_status = http_status};
    a->call->error = sentence;
    a->state = LLMQ_BACKEND_ANSWER_FAILED;
    return LLMQ_EBACKEND;
}

apr_status_t llmq_backend_answer_fail(llmq_backend_answer_t *a, const char *sentence)
{
    return fail(a, LLMQ_FAILURE_PROTOCOL, 0, sentence);
}

apr_status_t llmq_backend_answer_fail_size(llmq_backend_answer_t *a)
{
    return llmq_backend_answer_fail(
        a, apr_psprintf(a->call->pool,
                        "The answer is larger than %" APR_SIZE_T_FMT " bytes", a->max));
}

static void blame(llmq_backend_answer_t *a, struct json_object *answer, int http_status)
{
    if (a->kind->blame) {
        a->kind->blame(a->call, answer, http_status);
    }
}

/* NULL: it says nothing. */
static const char *reason_of(llmq_backend_answer_t *a, struct json_object *answer)
{
    const char *words = llmq_backend_words_error(answer);

    return words ? llmq_backend_scrub(words, a->call->backend, a->call->pool) : NULL;
}

apr_status_t llmq_backend_answer_fail_error(llmq_backend_answer_t *a,
                                            struct json_object *answer)
{
    struct json_object *code =
        llmq_json_member(llmq_json_member(answer, "error"), "code");
    const char *reason = reason_of(a, answer);
    apr_int64_t n =
        json_object_is_type(code, json_type_int) ? json_object_get_int64(code) : 0;
    int is_status = n >= 400 && n <= 599;

    blame(a, answer, (int)n);
    return fail(a, is_status ? LLMQ_FAILURE_STATUS : LLMQ_FAILURE_PROTOCOL,
                is_status ? (int)n : 0,
                apr_pstrcat(a->call->pool, "The backend reports an error: ",
                            reason ? reason : "no reason given", NULL));
}

/* ---- a stream ---- */

apr_status_t llmq_backend_answer_chunk(struct json_object **pchunk,
                                       llmq_backend_answer_t *a, const char *data,
                                       apr_size_t len)
{
    struct json_object *chunk = NULL;

    if (llmq_backend_weighed_parse(&chunk, data, len, a->max, a->scratch) != APR_SUCCESS
        || !json_object_is_type(chunk, json_type_object)) {
        return llmq_backend_answer_fail(
            a, a->ending ? broken_off
                         : "The backend sent an event that is not a JSON object");
    }
    *pchunk = chunk;
    return APR_SUCCESS;
}

static apr_status_t take_event(void *ctx, const char *data, apr_size_t len)
{
    llmq_backend_answer_t *a = ctx;
    apr_status_t rv;

    if (len == 6 && memcmp(data, "[DONE]", 6) == 0) {
        a->state = LLMQ_BACKEND_ANSWER_DONE;
        return APR_EOF;
    }
    rv = a->kind->event(a, data, len);
    apr_pool_clear(a->scratch);
    return rv;
}

/* What the events' parser says, in the reader's terms. */
static apr_status_t sum_up(llmq_backend_answer_t *a, apr_status_t rv)
{
    if (rv == LLMQ_EFULL) {
        return llmq_backend_answer_fail_size(a);
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* ---- the bytes ---- */

static int is_2xx(int http_status)
{
    return http_status >= 200 && http_status <= 299;
}

static void begin_shape(llmq_backend_answer_t *a, int http_status, char first)
{
    if (first == '{' || a->whole || !is_2xx(http_status)) {
        a->shape = LLMQ_BACKEND_ANSWER_BODY;
        llmq_text_init(&a->body, 2048, a->call->pool);
    }
    else {
        a->shape = LLMQ_BACKEND_ANSWER_EVENTS;
        llmq_backend_sse_init(&a->events, take_event, a, a->max, a->call->pool);
    }
}

static apr_status_t feed_body(llmq_backend_answer_t *a, const char *data, apr_size_t len)
{
    if (len > a->max - a->body.len) {
        return llmq_backend_answer_fail_size(a);
    }
    llmq_text_add(&a->body, data, len);
    return APR_SUCCESS;
}

apr_status_t llmq_backend_answer_feed(llmq_backend_answer_t *a, int http_status,
                                      const char *data, apr_size_t len)
{
    const char *end = data + len;

    if (a->state >= LLMQ_BACKEND_ANSWER_DONE) {
        return a->state == LLMQ_BACKEND_ANSWER_DONE ? APR_SUCCESS : LLMQ_EBACKEND;
    }
    while (a->shape == LLMQ_BACKEND_ANSWER_UNKNOWN && data < end) {
        if (*data == ' ' || *data == '\t' || *data == '\r' || *data == '\n') {
            data++;
        }
        else {
            begin_shape(a, http_status, *data);
        }
    }
    len = (apr_size_t)(end - data);
    if (a->shape == LLMQ_BACKEND_ANSWER_UNKNOWN) {
        return APR_SUCCESS;
    }
    return a->shape == LLMQ_BACKEND_ANSWER_BODY
               ? feed_body(a, data, len)
               : sum_up(a, llmq_backend_sse_feed(&a->events, data, len));
}

/* ---- the end ---- */

struct json_object *llmq_backend_answer_parse(llmq_backend_answer_t *a)
{
    struct json_object *answer = NULL;

    if (a->shape == LLMQ_BACKEND_ANSWER_BODY) {
        llmq_backend_weighed_parse(&answer, a->body.data, a->body.len, a->max,
                                   a->scratch);
    }
    return answer;
}

/* Only while the answer is not complete do the last bytes matter: what is cut off after
 * that, such as usage, does not spoil it. */
static void end_events(llmq_backend_answer_t *a)
{
    if (a->state == LLMQ_BACKEND_ANSWER_READING) {
        a->ending = 1;
        sum_up(a, llmq_backend_sse_end(&a->events));
    }
    if (a->state == LLMQ_BACKEND_ANSWER_READING) {
        llmq_backend_answer_fail(a, broken_off);
    }
    else if (a->state != LLMQ_BACKEND_ANSWER_FAILED && !a->answered) {
        llmq_backend_answer_fail(a, "The stream holds no answer");
    }
}

static void end_success(llmq_backend_answer_t *a)
{
    if (a->shape == LLMQ_BACKEND_ANSWER_BODY) {
        a->kind->body(a);
    }
    else if (a->shape == LLMQ_BACKEND_ANSWER_EVENTS) {
        end_events(a);
    }
    else {
        llmq_backend_answer_fail(a, "The backend's answer is empty");
    }
    a->call->ok = a->state != LLMQ_BACKEND_ANSWER_FAILED;
}

static void end_status(llmq_backend_answer_t *a, int http_status)
{
    struct json_object *answer = llmq_backend_answer_parse(a);
    const char *reason = reason_of(a, answer);
    int is_status = http_status > 399;

    blame(a, answer, http_status);
    fail(a, is_status ? LLMQ_FAILURE_STATUS : LLMQ_FAILURE_PROTOCOL,
         is_status ? http_status : 0,
         apr_psprintf(a->call->pool, "The backend answered HTTP %d%s%s", http_status,
                      reason ? ": " : "", reason ? reason : ""));
}

void llmq_backend_answer_end(llmq_backend_answer_t *a, int http_status)
{
    int is_success = is_2xx(http_status) && a->state != LLMQ_BACKEND_ANSWER_FAILED;

    if (is_success) {
        end_success(a);
    }
    else if (!is_2xx(http_status)) {
        end_status(a, http_status);
    }
    a->kind->end(a, http_status, is_success);
    apr_pool_destroy(a->scratch);
    a->scratch = NULL;
}
