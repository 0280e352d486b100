/**
 * @file reply_s4.h
 * Errors in the words of S4, which are Laravel's: `{"message"}`, for wrong fields
 * `{"message","errors":{"field":["sentence"]}}`. Only http/reply.c includes this; everybody
 * else calls what reply.h offers, which chooses the dialect.
 * @threads request
 */
#ifndef LLMQ_REPLY_S4_H
#define LLMQ_REPLY_S4_H

#include "base/json.h"
#include "base/result.h"

/** What a problem is in HTTP and in S4. */
typedef struct llmq_reply_s4_t {
    int status;
    int retry;           /* non-zero: worth trying again, say when */
    const char *message; /* what the body says; NULL: the reason of the result */
} llmq_reply_s4_t;

/**
 * @param problem a problem
 * @return what S4 makes of it; static
 */
const llmq_reply_s4_t *llmq_reply_s4_answer(llmq_problem_e problem);

/**
 * The body for a problem.
 * @param t   where to
 * @param why what went wrong
 */
void llmq_reply_s4_problem(llmq_text_t *t, const llmq_result_t *why);

/**
 * The body for an error that httpd itself found.
 * @param t      where to
 * @param status HTTP status
 * @param text   httpd's text for it
 */
void llmq_reply_s4_httpd_error(llmq_text_t *t, int status, const char *text);

#endif /* LLMQ_REPLY_S4_H */
