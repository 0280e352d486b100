#include "backend/backend_echo.h"

#include "base/json.h"

#include <apr_strings.h>

#include <json-c/json.h>

#include <string.h>

#define ECHO_PREFIX "Echo: "
#define ECHO_DEPTH  64

static int is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int llmq_backend_echo_words(const char *s)
{
    int words = 0;
    int inside = 0;

    for (; *s; s++) {
        if (is_blank(*s)) {
            inside = 0;
        }
        else if (!inside) {
            inside = 1;
            words++;
        }
    }
    return words;
}

static const char *member_text(struct json_object *obj, const char *name)
{
    struct json_object *value;

    if (!json_object_object_get_ex(obj, name, &value)
        || !json_object_is_type(value, json_type_string)) {
        return "";
    }
    return json_object_get_string(value);
}

/* Counts the words of all messages and returns the content of the user's last one. */
static const char *read_messages(struct json_object *messages, int *pwords)
{
    const char *prompt = "";
    size_t n = json_object_array_length(messages);
    size_t i;

    for (i = 0; i < n; i++) {
        struct json_object *message = json_object_array_get_idx(messages, i);
        const char *content;

        if (!json_object_is_type(message, json_type_object)) {
            continue;
        }
        content = member_text(message, "content");
        *pwords += llmq_backend_echo_words(content);
        if (strcmp(member_text(message, "role"), "user") == 0) {
            prompt = content;
        }
    }
    return prompt;
}

void llmq_backend_echo_answer(llmq_call_t *call)
{
    struct json_object *messages = NULL;
    const char *text = call->messages ? call->messages : "";
    int words = 0;

    call->ok = 0;
    if (llmq_json_parse(&messages, text, strlen(text), ECHO_DEPTH, NULL, call->pool)
            != APR_SUCCESS
        || !json_object_is_type(messages, json_type_array)) {
        call->failure = (llmq_failure_t){.kind = LLMQ_FAILURE_REQUEST};
        call->error = "The messages are not a JSON array";
        return;
    }
    call->content =
        apr_pstrcat(call->pool, ECHO_PREFIX, read_messages(messages, &words), NULL);
    call->model = "echo";
    call->finish_reason = "stop";
    call->prompt_tokens = words;
    call->completion_tokens = llmq_backend_echo_words(call->content);
    call->ok = 1;
}
