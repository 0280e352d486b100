/**
 * @file reply_s3.h
 * Errors in the words of S3: `{"error","message","code","details"}`. Only http/reply.c
 * includes this; everybody else calls what reply.h offers, which chooses the dialect.
 * @threads request
 */
#ifndef LLMQ_REPLY_S3_H
#define LLMQ_REPLY_S3_H

#include "base/json.h"
#include "base/result.h"

/** What a problem is in HTTP and in S3. */
typedef struct llmq_reply_s3_t {
    int status;
    int retry;         /* non-zero: worth trying again, say when */
    const char *code;  /* S3's word, such as "TASK_NOT_FOUND" */
    const char *error; /* its title */
} llmq_reply_s3_t;

/**
 * @param problem a problem
 * @return what S3 makes of it; static
 */
const llmq_reply_s3_t *llmq_reply_s3_answer(llmq_problem_e problem);

/**
 * The body for a problem.
 * @param t   where to
 * @param why what went wrong
 */
void llmq_reply_s3_problem(llmq_text_t *t, const llmq_result_t *why);

/**
 * The body for an error that httpd itself found.
 * @param t      where to
 * @param status HTTP status
 * @param text   httpd's text for it
 */
void llmq_reply_s3_httpd_error(llmq_text_t *t, int status, const char *text);

#endif /* LLMQ_REPLY_S3_H */
