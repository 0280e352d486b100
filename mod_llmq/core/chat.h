/**
 * @file chat.h
 * What a model is sent: the messages of OpenAI's chat API.
 *
 * Terms. A *turn* is a message that was answered, with its answer. The *past* of a message
 * is the context that its conversation was given and the turns before it.
 */
#ifndef LLMQ_CHAT_H
#define LLMQ_CHAT_H

#include "core/job.h"

typedef struct llmq_chat_turn_t {
    const char *prompt;
    const char *answer;
} llmq_chat_turn_t;

/** All of it may be empty: then the message stands alone. */
typedef struct llmq_chat_past_t {
    const char *context;           /* NULL or "": none */
    const llmq_chat_turn_t *turns; /* oldest first */
    int n;
} llmq_chat_past_t;

/** Settings; filled by cfg/. */
typedef struct llmq_chat_conf_t {
    int max_turns;        /* turns that are sent at most, >= 0 */
    apr_size_t max_bytes; /* prompts and answers of all of them together */
} llmq_chat_conf_t;

/**
 * Keep the newest turns: as many as fit, whole, without a gap.
 * @param past in and out
 * @param conf limits
 * @threads any
 */
void llmq_chat_cut(llmq_chat_past_t *past, const llmq_chat_conf_t *conf);

/**
 * @param result a job's result, JSON object text
 * @param p      pool of the text
 * @return its `content`; NULL if it has none
 * @threads any
 */
const char *llmq_chat_answer(const char *result, apr_pool_t *p);

/**
 * @param job  the message
 * @param past what comes before it; NULL: nothing
 * @param p    pool of the result
 * @return JSON array text: the context as `system`, each turn as `user` and `assistant`, the
 *         message as `user`
 * @threads any
 */
const char *llmq_chat_format(const llmq_job_t *job, const llmq_chat_past_t *past,
                             apr_pool_t *p);

#endif /* LLMQ_CHAT_H */
