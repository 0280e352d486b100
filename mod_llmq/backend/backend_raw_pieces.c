#include "backend/backend_raw_pieces.h"

#include "base/json.h"

#include <json-c/json.h>

#include <string.h>

static apr_status_t tell(const llmq_backend_raw_pieces_t *how, struct json_object *chunk)
{
    const char *text = llmq_json_format(chunk);

    return how->fn(how->ctx, text, strlen(text));
}

/* ---- what was said ---- */

/* In a stream, calls of tools are told apart by an index. */
static void number(struct json_object *calls)
{
    size_t n =
        json_object_is_type(calls, json_type_array) ? json_object_array_length(calls) : 0;
    size_t i;

    for (i = 0; i < n; i++) {
        struct json_object *call = json_object_array_get_idx(calls, i);

        if (json_object_is_type(call, json_type_object)
            && !llmq_json_member(call, "index")) {
            json_object_object_add(call, "index", json_object_new_int((int)i));
        }
    }
}

/* The message becomes what is new. @return how it has ended, held; NULL: null */
static struct json_object *begin_choice(struct json_object *choice, size_t i)
{
    struct json_object *said = llmq_json_member(choice, "message");
    struct json_object *end = json_object_get(llmq_json_member(choice, "finish_reason"));

    if (json_object_is_type(said, json_type_object)) {
        number(llmq_json_member(said, "tool_calls"));
        json_object_object_add(choice, "delta", json_object_get(said));
    }
    else {
        json_object_object_add(choice, "delta", json_object_new_object());
    }
    json_object_object_del(choice, "message");
    json_object_object_add(choice, "finish_reason", NULL);
    if (!llmq_json_member(choice, "index")) {
        json_object_object_add(choice, "index", json_object_new_int((int)i));
    }
    return end;
}

static struct json_object *end_choice(struct json_object *choice, struct json_object *end)
{
    struct json_object *last = json_object_new_object();

    json_object_object_add(last, "index",
                           json_object_get(llmq_json_member(choice, "index")));
    json_object_object_add(last, "delta", json_object_new_object());
    json_object_object_add(last, "finish_reason", end);
    return last;
}

/* @return the choices of the chunk that ends it */
static struct json_object *split(struct json_object *choices)
{
    struct json_object *ends = json_object_new_array();
    size_t n = json_object_array_length(choices);
    size_t i;

    for (i = 0; i < n; i++) {
        struct json_object *choice = json_object_array_get_idx(choices, i);

        if (json_object_is_type(choice, json_type_object)) {
            struct json_object *end = begin_choice(choice, i);

            json_object_array_add(ends, end_choice(choice, end));
        }
    }
    return ends;
}

static apr_status_t tell_chat(const llmq_backend_raw_pieces_t *how,
                              struct json_object *answer, struct json_object *choices)
{
    struct json_object *ends = split(choices);
    apr_status_t rv;

    json_object_object_add(answer, "object",
                           json_object_new_string("chat.completion.chunk"));
    rv = tell(how, answer);
    json_object_object_add(answer, "choices", ends);
    return rv == APR_SUCCESS ? tell(how, answer) : rv;
}

/* ---- all of it ---- */

apr_status_t llmq_backend_raw_pieces_tell(const llmq_backend_raw_pieces_t *how,
                                          struct json_object *answer)
{
    struct json_object *choices = llmq_json_member(answer, "choices");
    struct json_object *usage = json_object_get(llmq_json_member(answer, "usage"));
    apr_status_t rv;

    json_object_object_del(answer, "usage");
    rv = how->is_chat && json_object_is_type(choices, json_type_array)
             ? tell_chat(how, answer, choices)
             : tell(how, answer);
    if (rv == APR_SUCCESS && usage && how->wants_usage) {
        json_object_object_add(answer, "choices", json_object_new_array());
        json_object_object_add(answer, "usage", json_object_get(usage));
        rv = tell(how, answer);
    }
    json_object_put(usage);
    return rv;
}
