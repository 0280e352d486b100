#include "backend/backend_raw_body.h"

#include "base/json.h"
#include "base/json_span.h"

#include <json-c/json.h>

#include <string.h>

#define JSON_DEPTH 64

static struct json_object *parse(const llmq_json_span_t *span, apr_pool_t *p)
{
    struct json_object *value = NULL;

    llmq_json_parse(&value, span->at, span->len, JSON_DEPTH, NULL, p);
    return value;
}

static int asks_for_usage(struct json_object *options)
{
    return json_object_get_boolean(llmq_json_member(options, "include_usage"));
}

int llmq_backend_raw_body_wants_usage(const llmq_call_t *call)
{
    llmq_json_span_t span;

    return llmq_json_span(&span, call->body, strlen(call->body), "stream_options")
           && asks_for_usage(parse(&span, call->pool));
}

/* What stands in place of a member's value; NULL: it stays. */
typedef struct {
    const char *key;
    const char *value;
    int found;
} change_t;

static const char *quoted(const char *s, apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, strlen(s) + 16, p);
    llmq_json_strz(&t, s);
    return t.data;
}

static const char *options_with_usage(const llmq_call_t *call, apr_size_t len)
{
    llmq_json_span_t old;
    struct json_object *options = llmq_json_span(&old, call->body, len, "stream_options")
                                      ? parse(&old, call->pool)
                                      : NULL;

    if (!json_object_is_type(options, json_type_object)) {
        return "{\"include_usage\":true}";
    }
    if (asks_for_usage(options)) {
        return NULL;
    }
    json_object_object_add(options, "include_usage", json_object_new_boolean(1));
    return llmq_json_format(options);
}

static change_t *change_of(const llmq_json_span_t *name, change_t *changes, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        if (changes[i].value && llmq_json_span_is(name, changes[i].key)) {
            return &changes[i];
        }
    }
    return NULL;
}

/* A member may stand there twice, and which of them counts is the backend's affair: all of
 * them are replaced, so that nobody is asked for another model than we think.
 * @return what stands behind the last one that was replaced */
static const char *replace(llmq_text_t *t, const char *body, apr_size_t len,
                           change_t *changes, int n)
{
    const char *from = body;
    llmq_json_walk_t w;
    llmq_json_span_t name, value;

    llmq_json_span_walk(&w, body, len);
    while (llmq_json_span_next(&name, &value, &w)) {
        change_t *change = change_of(&name, changes, n);

        if (change) {
            llmq_text_add(t, from, (apr_size_t)(value.at - from));
            llmq_text_puts(t, change->value);
            from = value.at + value.len;
            change->found = 1;
        }
    }
    return from;
}

/* @return how many bytes stand before the blanks at the end */
static apr_size_t blank_before(const char *from, const char *end)
{
    while (end > from && strchr(" \t\r\n", end[-1])) {
        end--;
    }
    return (apr_size_t)(end - from);
}

/* Values that are there are replaced; others come last. */
static const char *splice(apr_size_t *plen, const llmq_call_t *call, apr_size_t len,
                          change_t *changes, int n)
{
    const char *brace = call->body + len;
    const char *from;
    llmq_text_t t;
    int i;

    llmq_text_init(&t, len + 256, call->pool);
    from = replace(&t, call->body, len, changes, n);
    while (brace > from && brace[-1] != '}') {
        brace--;
    }
    if (brace == from) {
        return NULL;
    }
    brace--;
    llmq_text_add(&t, from, blank_before(from, brace));
    for (i = 0; i < n; i++) {
        if (changes[i].value && !changes[i].found) {
            llmq_json_kv_raw(&t, changes[i].key, changes[i].value);
        }
    }
    from += blank_before(from, brace);
    llmq_text_add(&t, from, (apr_size_t)(call->body + len - from));
    *plen = t.len;
    return t.data;
}

const char *llmq_backend_raw_body(apr_size_t *plen, const llmq_call_t *call)
{
    apr_size_t len = call->body ? strlen(call->body) : 0;
    change_t changes[] = {{.key = "model"}, {.key = "stream_options"}};

    if (len == 0 || call->body[strspn(call->body, " \t\r\n")] != '{') {
        return NULL;
    }
    if (call->raw->model) {
        changes[0].value = quoted(call->raw->model, call->pool);
    }
    if (call->raw->stream) {
        changes[1].value = options_with_usage(call, len);
    }
    return splice(plen, call, len, changes, 2);
}
