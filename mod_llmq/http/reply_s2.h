/**
 * @file reply_s2.h
 * S2's answers: `{"code", "data", "message"}`. The code is one of six words; how the HTTP
 * status follows it, is written here. Sentences are in S2's language.
 * @threads request
 */
#ifndef LLMQ_REPLY_S2_H
#define LLMQ_REPLY_S2_H

#include "base/json.h"
#include "base/result.h"

/** What becomes of the reason that a result has. */
typedef enum {
    LLMQ_REPLY_S2_MUTE = 0, /* it is not told: the sentence says all, in S2's language */
    LLMQ_REPLY_S2_BEHIND, /* behind the sentence, for those who look for their mistake */
    LLMQ_REPLY_S2_INSTEAD /* in its place: it is a sentence of S2's */
} llmq_reply_s2_reason_e;

/** What S2 says of a problem. */
typedef struct llmq_reply_s2_t {
    int status;          /* HTTP */
    int retry;           /* non-zero: worth a Retry-After */
    const char *code;    /* one of the six */
    const char *message; /* a sentence */
    llmq_reply_s2_reason_e reason;
} llmq_reply_s2_t;

/**
 * @param problem a problem
 * @return what S2 makes of it; static
 */
const llmq_reply_s2_t *llmq_reply_s2_answer(llmq_problem_e problem);

/**
 * The body for a problem. Fields that are wrong stand in `data`, each with its sentences.
 * @param t   where to
 * @param why what went wrong
 */
void llmq_reply_s2_problem(llmq_text_t *t, const llmq_result_t *why);

/**
 * The body for an error that httpd itself found.
 * @param t      where to
 * @param status HTTP status
 * @param text   httpd's text for it
 */
void llmq_reply_s2_httpd_error(llmq_text_t *t, int status, const char *text);

/**
 * The body of a success.
 * @param t       where to
 * @param data    JSON text; NULL: an empty object
 * @param message "" or a sentence
 */
void llmq_reply_s2_success(llmq_text_t *t, const char *data, const char *message);

#endif /* LLMQ_REPLY_S2_H */
