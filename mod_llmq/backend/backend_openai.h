/**
 * @file backend_openai.h
 * OpenAI's chat completions as bytes: the request body of a call, and a reader of answers
 * (backend_answer.h), whole or in events. Of a stream the deltas of choice 0 are collected;
 * bytes of it that carry no content do not count. No I/O.
 */
#ifndef LLMQ_BACKEND_OPENAI_H
#define LLMQ_BACKEND_OPENAI_H

#include "backend/backend_answer.h"

/** What is added to a backend's url. */
#define LLMQ_BACKEND_OPENAI_PATH "/chat/completions"

/**
 * Write the request body: model, messages and, when the backend is to stream, stream and
 * stream_options.
 * @param plen out: bytes of the text
 * @param call backend and messages are read
 * @return JSON text in call->pool; NULL when call->messages is not the text of an array
 * @threads any
 */
const char *llmq_backend_openai_request(apr_size_t *plen, const llmq_call_t *call);

/**
 * @param call the call whose outcome will be filled, content, model, finish_reason and the
 *             counts of tokens among it; must outlive the reader
 * @return a reader in call->pool
 * @threads any
 */
llmq_backend_answer_t *llmq_backend_openai_create(llmq_call_t *call);

#endif /* LLMQ_BACKEND_OPENAI_H */
