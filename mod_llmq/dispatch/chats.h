/**
 * @file chats.h
 * What attempts of messages and of debug turns ask a model, and who is told of the answer
 * while it comes.
 */
#ifndef LLMQ_CHATS_H
#define LLMQ_CHATS_H

#include "dispatch/attempt.h"

/**
 * Prepare an attempt of a message.
 * @param a    the attempt
 * @param job  as loaded
 * @param past what is sent before it; NULL: nothing
 * @threads whoever makes the attempt
 */
void llmq_chats_message(llmq_attempt_t *a, const llmq_job_t *job,
                        const llmq_chat_past_t *past);

/**
 * Prepare an attempt of a debug turn. Its deadline bounds the end, too; and it may be worth
 * to be remembered (remember.h).
 * @param a    the attempt
 * @param job  as loaded
 * @param past what is sent before it; NULL: nothing
 * @threads whoever makes the attempt
 */
void llmq_chats_turn(llmq_attempt_t *a, const llmq_job_t *job,
                     const llmq_chat_past_t *past);

#endif /* LLMQ_CHATS_H */
