/**
 * @file completion_input.h
 * What a request of the gateway must say, and what is read of it. Nothing else is looked at:
 * fields that are none of our business are the backend's, which gets the body as it came.
 */
#ifndef LLMQ_COMPLETION_INPUT_H
#define LLMQ_COMPLETION_INPUT_H

#include "base/json.h"
#include "core/completion.h"

/** What was read; texts live as long as the body. */
typedef struct llmq_completion_input_t {
    llmq_completion_t request;
    const char *model;
    const char *user;   /* the body's `user`; NULL: none */
    llmq_level_e level; /* of `service_tier`; NONE: it says nothing */
    const char *text; /* what the preprocessor looks at: the last message of the user, the
                           prompt, the input; "" where that is no text */
    char param[40];   /* what is wrong within a list; a result may point to it */
} llmq_completion_input_t;

/**
 * Check a request, in this order: `model` is a string of 1 to LLMQ_NAME_MAX bytes;
 * `messages` a non-empty list of objects with a `role` each, `prompt` a string or a
 * non-empty list, `input` likewise; `stream` a boolean or null; `stream_options` an object
 * or null, and only with `stream`; `service_tier` a string or null.
 * @param in   out
 * @param what what is asked for
 * @param body the parsed body
 * @param why  out: REQUEST with the field, "messages[1].role" within a list, and the code that
 *             OpenAI's interface has for it; both live as long as @a in
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 * @threads any
 */
apr_status_t llmq_completion_input_read(llmq_completion_input_t *in,
                                        llmq_completion_e what, struct json_object *body,
                                        llmq_result_t *why);

#endif /* LLMQ_COMPLETION_INPUT_H */
