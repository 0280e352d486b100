/**
 * @file backend_echo.h
 * The backend that needs no model: it repeats what it was asked, at once and always the
 * same way, so that a fresh installation works and tests know the answer. A *word* is
 * whatever stands between spaces, tabs and line breaks.
 */
#ifndef LLMQ_BACKEND_ECHO_H
#define LLMQ_BACKEND_ECHO_H

#include "backend/backend.h"

/**
 * Answer a call: content is "Echo: " and the content of the last message of role user,
 * prompt_tokens the words of all messages, completion_tokens the words of the answer,
 * model "echo", finish_reason "stop". LLMQ_FAILURE_REQUEST when call->messages is no JSON
 * array. Everything is filled but the times; done() is left to the caller.
 * @param call the call
 * @threads any; costs microseconds, no I/O
 */
void llmq_backend_echo_answer(llmq_call_t *call);

/**
 * @param s a text
 * @return its words
 * @threads any
 */
int llmq_backend_echo_words(const char *s);

#endif /* LLMQ_BACKEND_ECHO_H */
