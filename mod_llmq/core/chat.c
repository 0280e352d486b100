#include "core/chat.h"

#include "base/json.h"

#include <json-c/json.h>
#include <string.h>

/* Results are ours or were checked when they came in. */
#define RESULT_DEPTH 1024

static apr_size_t turn_len(const llmq_chat_turn_t *turn)
{
    return strlen(turn->prompt) + strlen(turn->answer);
}

void llmq_chat_cut(llmq_chat_past_t *past, const llmq_chat_conf_t *conf)
{
    apr_size_t bytes = 0;
    int kept = 0;

    while (kept < past->n && kept < conf->max_turns) {
        bytes += turn_len(&past->turns[past->n - 1 - kept]);
        if (bytes > conf->max_bytes)
            break;
        kept++;
    }
    past->turns += past->n - kept;
    past->n = kept;
}

const char *llmq_chat_answer(const char *result, apr_pool_t *p)
{
    json_object *root = NULL;
    json_object *content = NULL;

    if (llmq_json_parse(&root, result, strlen(result), RESULT_DEPTH, NULL, p)
            != APR_SUCCESS
        || !json_object_is_type(root, json_type_object)
        || !json_object_object_get_ex(root, "content", &content)
        || !json_object_is_type(content, json_type_string))
        return NULL;
    return json_object_get_string(content);
}

static void put_message(llmq_text_t *t, const char *role, const char *text,
                        apr_size_t len)
{
    if (t->data[t->len - 1] != '[')
        LLMQ_TEXT_LIT(t, ",");
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "role", role);
    llmq_json_key(t, "content");
    llmq_json_string(t, text, len);
    LLMQ_TEXT_LIT(t, "}");
}

static void put_past(llmq_text_t *t, const llmq_chat_past_t *past)
{
    int i;

    if (past->context && *past->context)
        put_message(t, "system", past->context, strlen(past->context));
    for (i = 0; i < past->n; i++) {
        const llmq_chat_turn_t *turn = &past->turns[i];

        put_message(t, "user", turn->prompt, strlen(turn->prompt));
        put_message(t, "assistant", turn->answer, strlen(turn->answer));
    }
}

/* What the texts take, more or less: an eighth for line breaks and quotes. */
static apr_size_t guess(const llmq_job_t *job, const llmq_chat_past_t *past)
{
    apr_size_t bytes = job->payload_len;
    int i;

    if (past && past->context)
        bytes += strlen(past->context);
    for (i = 0; past && i < past->n; i++)
        bytes += turn_len(&past->turns[i]) + 64;
    return bytes + bytes / 8 + 64;
}

const char *llmq_chat_format(const llmq_job_t *job, const llmq_chat_past_t *past,
                             apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, guess(job, past), p);
    LLMQ_TEXT_LIT(&t, "[");
    if (past)
        put_past(&t, past);
    put_message(&t, "user", job->payload, job->payload_len);
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}
