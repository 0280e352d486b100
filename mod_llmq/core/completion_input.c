#include "core/completion_input.h"

#include <apr_strings.h>

#include <json-c/json.h>

#include <string.h>

/* Which member holds what the model is to work on, and what is said if it is wrong. */
static const struct {
    const char *name;
    const char *missing;
    const char *empty;
    const char *type;
} subjects[LLMQ_COMPLETION_COUNT] = {
    [LLMQ_COMPLETION_CHAT] = {"messages", "Missing required parameter: 'messages'",
                              "Invalid 'messages': must have at least one message",
                              "Invalid type for 'messages': must be a list of objects"},
    [LLMQ_COMPLETION_TEXT] = {"prompt", "Missing required parameter: 'prompt'",
                              "Invalid 'prompt': must have at least one element",
                              "Invalid type for 'prompt': must be a string or a list"},
    [LLMQ_COMPLETION_EMBEDDINGS] =
        {"input", "Missing required parameter: 'input'",
         "Invalid 'input': must have at least one element",
         "Invalid type for 'input': must be a string or a list"},
};

/* What can be wrong with a field, as OpenAI's interface names it. */
#define MISSING "missing_required_parameter"
#define TYPE    "invalid_type"
#define VALUE   "invalid_value"
#define EMPTY   "empty_array"

static apr_status_t blame(llmq_result_t *why, const char *field, const char *code,
                          const char *reason)
{
    llmq_result_set(why, LLMQ_PROBLEM_REQUEST, field, reason);
    why->code = code;
    return LLMQ_EBODY;
}

/* @return the text; NULL if the value is none, or has a NUL inside */
static const char *text_of(struct json_object *value)
{
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value)
                                                        : NULL;
}

static apr_status_t read_model(llmq_completion_input_t *in, struct json_object *body,
                               llmq_result_t *why)
{
    struct json_object *model = llmq_json_member(body, "model");

    in->model = text_of(model);
    if (!model) {
        return blame(why, "model", MISSING, "you must provide a model parameter");
    }
    if (!in->model) {
        return blame(why, "model", TYPE, "Invalid type for 'model': must be a string");
    }
    return *in->model && strlen(in->model) <= LLMQ_NAME_MAX
               ? APR_SUCCESS
               : blame(why, "model", VALUE,
                       "Invalid 'model': the name of a model has 1 to 128 bytes");
}

/* Its content is a text, or a list of parts, some of which may be texts. */
static const char *content_of(struct json_object *message)
{
    struct json_object *content = llmq_json_member(message, "content");
    const char *text = text_of(content);
    size_t i;

    if (!json_object_is_type(content, json_type_array)) {
        return text ? text : "";
    }
    for (i = 0; !text && i < json_object_array_length(content); i++) {
        text = text_of(llmq_json_member(json_object_array_get_idx(content, i), "text"));
    }
    return text ? text : "";
}

static apr_status_t blame_message(llmq_completion_input_t *in, size_t i,
                                  struct json_object *message, llmq_result_t *why)
{
    int is_object = json_object_is_type(message, json_type_object);
    int is_missing = is_object && !llmq_json_member(message, "role");

    apr_snprintf(in->param, sizeof(in->param), "messages[%" APR_SIZE_T_FMT "]%s", i,
                 is_object ? ".role" : "");
    return blame(why, in->param, is_missing ? MISSING : TYPE,
                 is_object ? "each message must have a role, which is a string"
                           : "each message must be an object");
}

static apr_status_t blame_subject(const llmq_completion_input_t *in, const char *code,
                                  llmq_result_t *why)
{
    llmq_completion_e what = in->request.what;

    return blame(why, subjects[what].name, code,
                 strcmp(code, MISSING) == 0 ? subjects[what].missing
                 : strcmp(code, EMPTY) == 0 ? subjects[what].empty
                                            : subjects[what].type);
}

static apr_status_t read_messages(llmq_completion_input_t *in, struct json_object *list,
                                  llmq_result_t *why)
{
    size_t i;

    if (!json_object_is_type(list, json_type_array)) {
        return blame_subject(in, list ? TYPE : MISSING, why);
    }
    if (json_object_array_length(list) == 0) {
        return blame_subject(in, EMPTY, why);
    }
    for (i = 0; i < json_object_array_length(list); i++) {
        struct json_object *message = json_object_array_get_idx(list, i);
        const char *role = text_of(llmq_json_member(message, "role"));

        if (!role) {
            return blame_message(in, i, message, why);
        }
        if (strcmp(role, "user") == 0) {
            in->text = content_of(message);
        }
    }
    return APR_SUCCESS;
}

/* A text, or a list of texts or tokens. */
static apr_status_t read_subject(llmq_completion_input_t *in, struct json_object *value,
                                 llmq_result_t *why)
{
    if (!value) {
        return blame_subject(in, MISSING, why);
    }
    if (json_object_is_type(value, json_type_array)) {
        const char *first = text_of(json_object_array_get_idx(value, 0));

        in->text = first ? first : "";
        return json_object_array_length(value) > 0 ? APR_SUCCESS
                                                   : blame_subject(in, EMPTY, why);
    }
    in->text = text_of(value);
    return in->text ? APR_SUCCESS : blame_subject(in, TYPE, why);
}

static apr_status_t read_stream(llmq_completion_input_t *in, struct json_object *body,
                                llmq_result_t *why)
{
    struct json_object *stream = llmq_json_member(body, "stream");
    struct json_object *options = llmq_json_member(body, "stream_options");

    if (in->request.what == LLMQ_COMPLETION_EMBEDDINGS) {
        return APR_SUCCESS; /* whatever they mean there */
    }
    if (stream && !json_object_is_type(stream, json_type_boolean)) {
        return blame(why, "stream", TYPE, "Invalid type for 'stream': must be a boolean");
    }
    in->request.stream = stream && json_object_get_boolean(stream);
    if (options && !json_object_is_type(options, json_type_object)) {
        return blame(why, "stream_options", TYPE,
                     "Invalid type for 'stream_options': must be an object");
    }
    return options && !in->request.stream
               ? blame(why, "stream_options", NULL,
                       "The 'stream_options' parameter is only allowed when 'stream' is "
                       "enabled.")
               : APR_SUCCESS;
}

static apr_status_t read_tier(llmq_completion_input_t *in, struct json_object *body,
                              llmq_result_t *why)
{
    struct json_object *value = llmq_json_member(body, "service_tier");
    const char *tier = text_of(value);

    if (value && !tier) {
        return blame(why, "service_tier", TYPE,
                     "Invalid type for 'service_tier': must be a string");
    }
    if (tier && strcmp(tier, "priority") == 0) {
        in->level = LLMQ_LEVEL_HIGH;
    }
    if (tier && strcmp(tier, "flex") == 0) {
        in->level = LLMQ_LEVEL_LOW;
    }
    return APR_SUCCESS;
}

apr_status_t llmq_completion_input_read(llmq_completion_input_t *in,
                                        llmq_completion_e what, struct json_object *body,
                                        llmq_result_t *why)
{
    struct json_object *subject = llmq_json_member(body, subjects[what].name);
    apr_status_t rv;

    memset(in, 0, sizeof(*in));
    in->request.what = what;
    in->text = "";
    if (!json_object_is_type(body, json_type_object)) {
        return blame(why, NULL, TYPE, "the body must be a JSON object");
    }
    if ((rv = read_model(in, body, why)) != APR_SUCCESS) {
        return rv;
    }
    rv = what == LLMQ_COMPLETION_CHAT ? read_messages(in, subject, why)
                                      : read_subject(in, subject, why);
    if (rv != APR_SUCCESS || (rv = read_stream(in, body, why)) != APR_SUCCESS
        || (rv = read_tier(in, body, why)) != APR_SUCCESS) {
        return rv;
    }
    in->user = text_of(llmq_json_member(body, "user"));
    return APR_SUCCESS;
}
