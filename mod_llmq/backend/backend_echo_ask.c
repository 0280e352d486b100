#include "backend/backend_echo_ask.h"

#include "backend/backend_echo.h"
#include "base/json.h"

#include <apr_strings.h>

#include <json-c/json.h>

#include <string.h>

#define PREFIX "Echo: "
#define CHUNK  208 /* bytes of a chunk without its text, id and model, at most */

static const char *text_of(struct json_object *value)
{
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value)
                                                        : NULL;
}

/* At most: what a character may need, whether it does or not. */
static apr_size_t json_length(const char *s)
{
    apr_size_t len = 0;

    for (; *s; s++) {
        len += strchr("\"\\/\b\f\n\r\t", *s)           ? 2
               : (unsigned char)*s < ' ' || *s == 0x7f ? 6
                                                       : 1;
    }
    return len;
}

static void say(llmq_backend_echo_ask_t *ask, size_t i, const char *prompt)
{
    ask->texts[i] = apr_pstrcat(ask->call->pool, PREFIX, prompt, NULL);
    ask->bytes += json_length(ask->texts[i]);
    ask->call->completion_tokens += llmq_backend_echo_words(ask->texts[i]);
}

static void expect(llmq_backend_echo_ask_t *ask, size_t n)
{
    ask->texts = apr_palloc(ask->call->pool, n * sizeof(*ask->texts));
    ask->n_answers = (int)n;
}

/* ---- chats ---- */

/* A content is a text, or a list of parts of which some are text. */
static const char *content_of(struct json_object *message, apr_pool_t *p)
{
    struct json_object *content = llmq_json_member(message, "content");
    const char *text = text_of(content);
    size_t i;

    if (text || !json_object_is_type(content, json_type_array)) {
        return text ? text : "";
    }
    text = "";
    for (i = 0; i < json_object_array_length(content); i++) {
        struct json_object *part = json_object_array_get_idx(content, i);
        const char *more = text_of(llmq_json_member(part, "text"));

        if (more) {
            text = *text ? apr_pstrcat(p, text, "\n", more, NULL) : more;
        }
    }
    return text;
}

static const char *read_messages(llmq_backend_echo_ask_t *ask)
{
    struct json_object *messages = llmq_json_member(ask->body, "messages");
    const char *prompt = "";
    size_t i;

    if (!json_object_is_type(messages, json_type_array)
        || json_object_array_length(messages) == 0) {
        return "'messages' must be an array of at least one message";
    }
    for (i = 0; i < json_object_array_length(messages); i++) {
        struct json_object *message = json_object_array_get_idx(messages, i);
        const char *content = content_of(message, ask->call->pool);
        const char *role = text_of(llmq_json_member(message, "role"));

        ask->call->prompt_tokens += llmq_backend_echo_words(content);
        if (role && strcmp(role, "user") == 0) {
            prompt = content;
        }
    }
    expect(ask, 1);
    say(ask, 0, prompt);
    return NULL;
}

/* ---- prompts ---- */

/* A list has a prompt in each place, unless it is the tokens of one, which say nothing. */
static size_t count_prompts(struct json_object *prompt)
{
    if (!json_object_is_type(prompt, json_type_array)) {
        return text_of(prompt) ? 1 : 0;
    }
    return json_object_is_type(json_object_array_get_idx(prompt, 0), json_type_int)
               ? 1
               : json_object_array_length(prompt);
}

static const char *read_prompts(llmq_backend_echo_ask_t *ask)
{
    struct json_object *prompt = llmq_json_member(ask->body, "prompt");
    int is_list = json_object_is_type(prompt, json_type_array);
    size_t n = count_prompts(prompt);
    size_t i;

    if (n == 0 || n > LLMQ_BACKEND_ECHO_ANSWERS_MAX) {
        return "'prompt' must be a string or an array of 1 to 2048 prompts";
    }
    expect(ask, n);
    for (i = 0; i < n; i++) {
        const char *text =
            text_of(is_list ? json_object_array_get_idx(prompt, i) : prompt);

        text = text ? text : "";
        ask->call->prompt_tokens += llmq_backend_echo_words(text);
        say(ask, i, text);
    }
    return NULL;
}

/* ---- how many ---- */

/* @return how many answers each prompt is to have; 0: what is asked for is none */
static int choices_of(struct json_object *n)
{
    apr_int64_t count = n ? json_object_get_int64(n) : 1;

    return (!n || json_object_is_type(n, json_type_int)) && count >= 1
                   && count <= LLMQ_BACKEND_ECHO_CHOICES_MAX
               ? (int)count
               : 0;
}

/* Besides a chunk for each step an answer has its first and its last one, and may have a
 * shorter one and one of blanks.
 * @return 0: they do not fit */
static int choose_step(llmq_backend_echo_ask_t *ask)
{
    const llmq_call_t *call = ask->call;
    apr_size_t chunk =
        CHUNK + (call->id ? strlen(call->id) : 0) + json_length(ask->model);
    apr_size_t need = ask->bytes + (4 * (apr_size_t)ask->n_answers + 2) * chunk;
    apr_size_t steps = LLMQ_BACKEND_ECHO_PIECES;

    if (call->raw->room && need > call->raw->room) {
        return 0;
    }
    if (call->raw->room && (call->raw->room - need) / chunk < steps) {
        steps = (call->raw->room - need) / chunk;
    }
    ask->step = 1 + call->completion_tokens / (steps ? (int)steps : 1);
    return 1;
}

static const char *multiply(llmq_backend_echo_ask_t *ask)
{
    static const char too_much[] = "The answers would be too many or too long";

    ask->n = choices_of(llmq_json_member(ask->body, "n"));
    if (ask->n == 0) {
        return "'n' must be an integer of 1 to 128";
    }
    if (ask->n > LLMQ_BACKEND_ECHO_ANSWERS_MAX / ask->n_answers
        || ask->bytes > LLMQ_BACKEND_ECHO_MAX / (apr_size_t)ask->n) {
        return too_much;
    }
    ask->n_answers *= ask->n;
    ask->bytes *= (apr_size_t)ask->n;
    ask->call->completion_tokens *= ask->n;
    return ask->call->raw->stream && !choose_step(ask) ? too_much : NULL;
}

const char *llmq_backend_echo_ask_read(llmq_backend_echo_ask_t *ask, const char **pparam)
{
    const char *message;

    ask->bytes = 0;
    ask->call->prompt_tokens = ask->call->completion_tokens = 0;
    *pparam = ask->is_chat ? "messages" : "prompt";
    message = ask->is_chat ? read_messages(ask) : read_prompts(ask);
    if (!message && (message = multiply(ask))) {
        *pparam = ask->n == 1 ? *pparam : "n";
    }
    return message;
}

const char *llmq_backend_echo_ask_answer(const llmq_backend_echo_ask_t *ask, int index)
{
    return ask->texts[index / ask->n];
}
