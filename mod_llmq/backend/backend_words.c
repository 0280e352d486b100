#include "backend/backend_words.h"

#include "base/json.h"

#include <json-c/json.h>

const char *llmq_backend_words_get(struct json_object *object, const char *name)
{
    struct json_object *value = llmq_json_member(object, name);

    return json_object_is_type(value, json_type_string)
                   && json_object_get_string_len(value) > 0
               ? json_object_get_string(value)
               : NULL;
}

int llmq_backend_words_has_error(struct json_object *answer)
{
    struct json_object *error = llmq_json_member(answer, "error");

    return error
           && !(json_object_is_type(error, json_type_boolean)
                && !json_object_get_boolean(error));
}

const char *llmq_backend_words_error(struct json_object *answer)
{
    const char *text =
        llmq_backend_words_get(llmq_json_member(answer, "error"), "message");

    text = text ? text : llmq_backend_words_get(answer, "error");
    text = text ? text : llmq_backend_words_get(answer, "message");
    return text ? text : llmq_backend_words_get(answer, "detail");
}

static void read_count(int *pcount, struct json_object *usage, const char *name)
{
    struct json_object *value = llmq_json_member(usage, name);

    if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0) {
        *pcount = json_object_get_int(value);
    }
}

void llmq_backend_words_usage(int *pprompt, int *pcompletion, struct json_object *usage)
{
    read_count(pprompt, usage, "prompt_tokens");
    read_count(pcompletion, usage, "completion_tokens");
}
