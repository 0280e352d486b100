#include "backend/backend_raw_blame.h"

#include "backend/backend_scrub.h"
#include "backend/backend_words.h"
#include "base/json.h"

#include <apr_strings.h>

#include <json-c/json.h>

static const char *quoted(const char *s, apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, 128, p);
    llmq_json_strz(&t, s);
    return t.data;
}

/* A member of an error that may be shown: texts scrubbed, numbers as they are. */
static const char *shown(struct json_object *error, const char *name,
                         const llmq_call_t *call)
{
    struct json_object *value = llmq_json_member(error, name);

    if (json_object_is_type(value, json_type_string)) {
        return quoted(llmq_backend_scrub_all(json_object_get_string(value), call->backend,
                                             call->pool),
                      call->pool);
    }
    return json_object_is_type(value, json_type_int)
               ? apr_pstrdup(call->pool, llmq_json_format(value))
               : NULL;
}

static const char *words_of(struct json_object *answer, const llmq_call_t *call)
{
    const char *words = llmq_backend_words_error(answer);

    return quoted(words ? llmq_backend_scrub_all(words, call->backend, call->pool)
                        : "The backend reports an error and gives no reason",
                  call->pool);
}

static const char *type_of(struct json_object *error, const llmq_call_t *call,
                           int http_status)
{
    if (json_object_is_type(llmq_json_member(error, "type"), json_type_string)) {
        return shown(error, "type", call);
    }
    return http_status >= 400 && http_status < 500 ? "\"invalid_request_error\""
                                                   : "\"server_error\"";
}

void llmq_backend_raw_blame(llmq_call_t *call, struct json_object *answer,
                            int http_status)
{
    struct json_object *error = llmq_json_member(answer, "error");
    llmq_text_t t;

    call->raw->body = NULL;
    call->raw->body_len = 0;
    if (!json_object_is_type(error, json_type_object)) {
        if (!llmq_backend_words_error(answer)) {
            return;
        }
        error = answer; /* others have no object inside the object */
    }
    llmq_text_init(&t, 512, call->pool);
    LLMQ_TEXT_LIT(&t, "{\"error\":{");
    llmq_json_kv_raw(&t, "message", words_of(answer, call));
    llmq_json_kv_raw(&t, "type", type_of(error, call, http_status));
    llmq_json_kv_raw(&t, "param", shown(error, "param", call));
    llmq_json_kv_raw(&t, "code", shown(error, "code", call));
    LLMQ_TEXT_LIT(&t, "}}");
    call->raw->body = t.data;
    call->raw->body_len = t.len;
}
