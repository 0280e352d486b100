#include "backend/backend_http.h"

#include "backend/backend_scrub.h"
#include "backend/backend_weighed.h"
#include "backend/backend_words.h"
#include "base/json.h"

#include <apr_strings.h>

#include <json-c/json.h>

#include <string.h>

/* So much is read of an answer that nobody wants, to keep the connection; from a server
 * that says more we part. */
#define DEAF_MAX 65536

struct llmq_backend_http_t {
    llmq_call_t *call;
    apr_size_t max;     /* bytes */
    apr_size_t skipped; /* bytes that a deaf call passed over */
    int ended;
    int too_large;
    llmq_text_t body;
};

/* ---- the request ---- */

static const char *message_request(apr_size_t *plen, const llmq_call_t *call)
{
    const llmq_backend_conf_t *conf = call->backend;
    llmq_text_t t;

    if (!call->messages || call->messages[0] != '[') {
        return NULL;
    }
    llmq_text_init(&t, strlen(call->messages) + 256, call->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "id", call->id);
    llmq_json_kv(&t, "model", conf->model ? conf->model : "default");
    llmq_json_kv_raw(&t, "messages", call->messages);
    LLMQ_TEXT_LIT(&t, "}");
    *plen = t.len;
    return t.data;
}

const char *llmq_backend_http_request(apr_size_t *plen, const llmq_call_t *call)
{
    if (!call->body) {
        return message_request(plen, call);
    }
    *plen = strlen(call->body);
    return call->body;
}

/* ---- the answer's bytes ---- */

llmq_backend_http_t *llmq_backend_http_create(llmq_call_t *call)
{
    llmq_backend_http_t *r = apr_pcalloc(call->pool, sizeof(*r));

    r->call = call;
    r->max = call->backend->max_answer_bytes ? call->backend->max_answer_bytes
                                             : LLMQ_BACKEND_HTTP_ANSWER_MAX;
    llmq_text_init(&r->body, 1024, call->pool);
    return r;
}

apr_status_t llmq_backend_http_feed(llmq_backend_http_t *r, const char *data,
                                    apr_size_t len)
{
    if (r->call->deaf) {
        r->skipped += len;
        r->ended = r->skipped > DEAF_MAX;
        return r->ended ? APR_EOF : APR_SUCCESS;
    }
    if (len > r->max - r->body.len) {
        r->too_large = r->ended = 1;
        return LLMQ_EBACKEND;
    }
    llmq_text_add(&r->body, data, len);
    return APR_SUCCESS;
}

int llmq_backend_http_has_ended(const llmq_backend_http_t *r)
{
    return r->ended;
}

/* ---- what it means ---- */

static void fail(llmq_backend_http_t *r, llmq_failure_e kind, int http_status,
                 const char *sentence)
{
    r->call->ok = 0;
    r->call->failure = (llmq_failure_t){.kind = kind, .http_status = http_status};
    r->call->error = sentence;
}

static void end_status(llmq_backend_http_t *r, int http_status,
                       struct json_object *answer)
{
    const llmq_call_t *call = r->call;
    const char *text = llmq_backend_words_error(answer);

    fail(r, http_status > 399 ? LLMQ_FAILURE_STATUS : LLMQ_FAILURE_PROTOCOL,
         http_status > 399 ? http_status : 0,
         apr_psprintf(call->pool, "The answer is HTTP %d%s%s", http_status,
                      text ? ": " : "",
                      text ? llmq_backend_scrub(text, call->backend, call->pool) : ""));
}

static const char *wrap(llmq_backend_http_t *r, const char *json)
{
    llmq_text_t t;

    llmq_text_init(&t, r->body.len + 64, r->call->pool);
    LLMQ_TEXT_LIT(&t, "{");
    if (json) {
        llmq_json_kv_raw(&t, "content", json);
    }
    else {
        llmq_json_key(&t, "content");
        llmq_json_string(&t, r->body.data, r->body.len);
    }
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}

/* The body of a success without a message, as an object. NULL: it makes no sense. */
static const char *object_of(llmq_backend_http_t *r, int is_json,
                             struct json_object *answer)
{
    const char *first = r->body.data + strspn(r->body.data, " \t\r\n");

    if (json_object_is_type(answer, json_type_object)) {
        return llmq_json_format(answer);
    }
    if (is_json) {
        return wrap(r, answer ? llmq_json_format(answer) : "null");
    }
    if (*first == '\0') {
        return "{}";
    }
    return *first == '{' || *first == '[' ? NULL : wrap(r, NULL);
}

static void end_message(llmq_backend_http_t *r, struct json_object *answer)
{
    llmq_call_t *call = r->call;
    struct json_object *content = llmq_json_member(answer, "content");
    const char *model = llmq_backend_words_get(answer, "model");
    const char *reason = llmq_backend_words_get(answer, "finish_reason");

    if (json_object_is_type(answer, json_type_object)
        && !json_object_is_type(content, json_type_string)) {
        fail(r, LLMQ_FAILURE_PROTOCOL, 0, "The answer holds no content");
        return;
    }
    call->content =
        content ? apr_pstrdup(call->pool, json_object_get_string(content)) : r->body.data;
    model = model ? model : call->backend->model ? call->backend->model : "default";
    call->model = apr_pstrdup(call->pool, model);
    call->finish_reason = apr_pstrdup(call->pool, reason ? reason : "stop");
    llmq_backend_words_usage(&call->prompt_tokens, &call->completion_tokens,
                             llmq_json_member(answer, "usage"));
    call->ok = 1;
}

static void end_success(llmq_backend_http_t *r, int is_json, struct json_object *answer)
{
    llmq_call_t *call = r->call;
    const char *object;

    if (r->too_large) {
        fail(r, LLMQ_FAILURE_PROTOCOL, 0,
             apr_psprintf(call->pool,
                          "The answer is larger than %" APR_SIZE_T_FMT " bytes", r->max));
        return;
    }
    if (!llmq_text_is_utf8(r->body.data, r->body.len)
        || strlen(r->body.data) != r->body.len) {
        fail(r, LLMQ_FAILURE_PROTOCOL, 0, "The answer is not UTF-8");
        return;
    }
    if (!call->body) {
        end_message(r, answer);
        return;
    }
    object = object_of(r, is_json, answer);
    if (!object) {
        fail(r, LLMQ_FAILURE_PROTOCOL, 0, "The answer is not JSON");
        return;
    }
    call->answer = apr_pstrdup(call->pool, object);
    call->ok = 1;
}

void llmq_backend_http_end(llmq_backend_http_t *r, int http_status)
{
    struct json_object *answer = NULL;
    int is_success = http_status >= 200 && http_status <= 299;
    int is_json;

    if (r->call->deaf && is_success) {
        r->call->ok = 1;
        return;
    }
    is_json = !r->too_large
              && llmq_backend_weighed_parse(&answer, r->body.data, r->body.len, r->max,
                                            r->call->pool)
                     == APR_SUCCESS;
    if (is_success) {
        end_success(r, is_json, answer);
    }
    else {
        end_status(r, http_status, answer);
    }
}
