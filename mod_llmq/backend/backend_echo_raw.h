/**
 * @file backend_echo_raw.h
 * The backend that needs no model (backend_echo.h), asked in OpenAI's words. It answers at
 * once and always the same way:
 *
 *   /chat/completions  "Echo: " and the text of the last message of role user
 *   /completions       to each prompt "Echo: " and the prompt
 *   /embeddings        for each input a vector of length 1 made of its bytes alone, of
 *                      `dimensions` numbers, as numbers or in base64
 *
 * `n` such answers to each, if asked for, one after another. A stream has a chunk with the
 * role, one for each word (for several, where they are many), one that ends it, and
 * one with the usage for who asked for that. prompt_tokens are the words of all that was
 * sent. Tools and whatever else a request may hold are ignored.
 */
#ifndef LLMQ_BACKEND_ECHO_RAW_H
#define LLMQ_BACKEND_ECHO_RAW_H

#include "backend/backend.h"

/** Numbers of a vector where a request does not say, and at most. */
#define LLMQ_BACKEND_ECHO_DIMENSIONS     256
#define LLMQ_BACKEND_ECHO_DIMENSIONS_MAX 4096

/** Most inputs of a request for vectors. */
#define LLMQ_BACKEND_ECHO_INPUTS_MAX 2048

/**
 * Answer a raw call. A body that cannot be answered is a failure with status 400 and
 * OpenAI's error object. Everything is filled but the times; done() is left to the caller.
 * @param call the call
 * @threads any; no I/O
 */
void llmq_backend_echo_raw(llmq_call_t *call);

#endif /* LLMQ_BACKEND_ECHO_RAW_H */
