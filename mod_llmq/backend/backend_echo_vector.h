/**
 * @file backend_echo_vector.h
 * Vectors of the echo backend: made of the bytes of what they stand for, of length 1, and
 * always the same. Only backend_echo_raw.c includes this.
 */
#ifndef LLMQ_BACKEND_ECHO_VECTOR_H
#define LLMQ_BACKEND_ECHO_VECTOR_H

#include "base/text.h"

#include <json-c/json_types.h>

/**
 * @param body of a request for vectors
 * @return the name of a member that is not acceptable; NULL if all are
 * @threads any
 */
const char *llmq_backend_echo_vector_check(struct json_object *body);

/**
 * Append the list of `{"object":"embedding",…}`.
 * @param t    where to
 * @param body of an acceptable request
 * @return the words of all inputs; of one that is a list of tokens, their number
 * @threads any
 */
int llmq_backend_echo_vector_list(llmq_text_t *t, struct json_object *body);

#endif /* LLMQ_BACKEND_ECHO_VECTOR_H */
