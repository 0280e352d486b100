/**
 * @file backend_echo_ask.h
 * What the echo (backend_echo_raw.h) is asked for in OpenAI's words, and which texts it has to
 * say. An *answer* is one of `choices`: each prompt has `n` of them.
 *
 * Nobody can make the echo wait for a client that reads slowly, so all chunks of a stream
 * have to find room on their way (raw->room). A chunk is some hundred bytes more than its
 * text: the longer a stream is, the more words has each, and what does not fit even so
 * is refused.
 *
 * Memory: all of it lives in the call's pool. No locks.
 */
#ifndef LLMQ_BACKEND_ECHO_ASK_H
#define LLMQ_BACKEND_ECHO_ASK_H

#include "backend/backend.h"

/** Most answers to one prompt, `n`, and to all prompts of a request. */
#define LLMQ_BACKEND_ECHO_CHOICES_MAX 128
#define LLMQ_BACKEND_ECHO_ANSWERS_MAX 2048

/** Bytes that all answers together may have, in JSON. */
#define LLMQ_BACKEND_ECHO_MAX (32 * 1024 * 1024)

/** A stream has about so many pieces at most. */
#define LLMQ_BACKEND_ECHO_PIECES 4096

struct json_object;

/** A request being answered. */
typedef struct llmq_backend_echo_ask_t {
    llmq_call_t *call;
    struct json_object *body; /* an object */
    int is_chat;              /* or prompts */
    const char *model;        /* as it is to be named */
    int with_usage;           /* of a stream: asked for */
    const char **texts;       /* what is answered to each prompt */
    int n;                    /* answers to each */
    int n_answers;            /* to all */
    apr_size_t bytes;         /* of all, in JSON */
    int step;                 /* words in a chunk of a stream, > 0 */
} llmq_backend_echo_ask_t;

/**
 * Read prompts and `n`: fills texts, n, n_answers, bytes and step, and the call's tokens.
 * @param ask    with call, body, is_chat and model
 * @param pparam out, if it cannot be answered: the member that is to blame
 * @return NULL; else why it cannot be answered
 * @threads any
 */
const char *llmq_backend_echo_ask_read(llmq_backend_echo_ask_t *ask, const char **pparam);

/**
 * @param ask   that has been read
 * @param index 0 .. n_answers - 1
 * @return the text of this answer; in the call's pool
 * @threads any
 */
const char *llmq_backend_echo_ask_answer(const llmq_backend_echo_ask_t *ask, int index);

#endif /* LLMQ_BACKEND_ECHO_ASK_H */
