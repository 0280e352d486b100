/**
 * @file backend_raw_blame.h
 * Errors of raw calls in OpenAI's words: what a backend says of them, made fit for callers.
 */
#ifndef LLMQ_BACKEND_RAW_BLAME_H
#define LLMQ_BACKEND_RAW_BLAME_H

#include "backend/backend.h"

#include <json-c/json_types.h>

/**
 * Fill raw->body with an error object of OpenAI: message, type, param and code, without
 * keys and URLs. Message and type are texts there, so what is missing of them is made up.
 * @param call        the call
 * @param answer      what the backend has said; NULL, or nothing of an error: raw->body is
 *                    NULL
 * @param http_status what the failure counts as
 * @threads any
 */
void llmq_backend_raw_blame(llmq_call_t *call, struct json_object *answer,
                            int http_status);

#endif /* LLMQ_BACKEND_RAW_BLAME_H */
