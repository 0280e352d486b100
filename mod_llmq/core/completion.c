#include "core/completion.h"

#include "base/json.h"

#include <apr_strings.h>

#include <json-c/json.h>

#include <string.h>

#define DEPTH 8

static const char *const paths[] = {
    [LLMQ_COMPLETION_CHAT] = "/chat/completions",
    [LLMQ_COMPLETION_TEXT] = "/completions",
    [LLMQ_COMPLETION_EMBEDDINGS] = "/embeddings",
};
_Static_assert(sizeof(paths) / sizeof(paths[0]) == LLMQ_COMPLETION_COUNT,
               "a path for each");

const char *llmq_completion_path(llmq_completion_e what)
{
    return paths[what];
}

const char *llmq_completion_metadata(const llmq_completion_t *c, apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, 64, p);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "path", paths[c->what]);
    llmq_json_kv_raw(&t, "stream", c->stream ? "true" : "false");
    if (c->key) {
        llmq_json_kv(&t, "key", c->key);
        llmq_json_kv_int(&t, "claim", c->claim);
    }
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}

apr_status_t llmq_completion_read(llmq_completion_t *c, const char *metadata,
                                  apr_pool_t *p)
{
    struct json_object *obj = NULL;
    struct json_object *path;
    struct json_object *key;
    int i;

    if (!metadata
        || llmq_json_parse(&obj, metadata, strlen(metadata), DEPTH, NULL, p)
               != APR_SUCCESS) {
        return APR_EINVAL;
    }
    path = llmq_json_member(obj, "path");
    key = llmq_json_member(obj, "key");
    c->stream = json_object_get_boolean(llmq_json_member(obj, "stream"));
    c->key = key ? apr_pstrdup(p, json_object_get_string(key)) : NULL;
    c->claim = json_object_get_int64(llmq_json_member(obj, "claim"));
    for (i = 0; path && i < LLMQ_COMPLETION_COUNT; i++) {
        if (strcmp(json_object_get_string(path), paths[i]) == 0) {
            c->what = (llmq_completion_e)i;
            return APR_SUCCESS;
        }
    }
    return APR_EINVAL;
}

const char *llmq_completion_retry(apr_int64_t seconds, apr_pool_t *p)
{
    if (seconds < 1) {
        return "";
    }
    return apr_psprintf(
        p, "Retry-After: %" APR_INT64_T_FMT "\r\n%s", seconds,
        seconds > LLMQ_COMPLETION_PATIENCE ? LLMQ_COMPLETION_RETRY ": false\r\n" : "");
}

void llmq_completion_event_write(llmq_text_t *t, const char *data, apr_size_t len)
{
    const char *end = data + len;

    do {
        const char *line = memchr(data, '\n', (apr_size_t)(end - data));
        const char *stop = line ? line : end;

        LLMQ_TEXT_LIT(t, "data: ");
        llmq_text_add(t, data, (apr_size_t)(stop - data));
        LLMQ_TEXT_LIT(t, "\n");
        data = line ? line + 1 : end;
    } while (data < end);
    LLMQ_TEXT_LIT(t, "\n");
}

void llmq_completion_error_write(llmq_text_t *t, const llmq_completion_error_t *error)
{
    LLMQ_TEXT_LIT(t, "{\"error\":{");
    llmq_json_kv(t, "message", error->message);
    llmq_json_kv(t, "type", error->type);
    llmq_json_kv(t, "param", error->param);
    llmq_json_kv(t, "code", error->code);
    LLMQ_TEXT_LIT(t, "}}");
}
