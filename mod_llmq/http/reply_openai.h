/**
 * @file reply_openai.h
 * Errors in the words of OpenAI's interface: `{"error":{message,type,param,code}}`, and the
 * headers that its clients go by. Besides http/reply.c, which chooses the dialect, only those
 * who answer on their own (http/gateway*.c) include this.
 */
#ifndef LLMQ_REPLY_OPENAI_H
#define LLMQ_REPLY_OPENAI_H

#include "base/result.h"
#include "base/text.h"

#include <httpd.h>

/** What a problem is in HTTP and in OpenAI's words. */
typedef struct llmq_reply_openai_t {
    int status;
    int retry; /* non-zero: worth trying again, say when */
    const char *type;
    const char *code; /* NULL: null */
} llmq_reply_openai_t;

/**
 * @param problem a problem
 * @return what OpenAI's interface makes of it; static
 * @threads any
 */
const llmq_reply_openai_t *llmq_reply_openai_answer(llmq_problem_e problem);

/**
 * The body for a problem.
 * @param t   where to
 * @param why what went wrong
 * @threads any
 */
void llmq_reply_openai_problem(llmq_text_t *t, const llmq_result_t *why);

/**
 * The same for a request that is refused: where OpenAI's interface has words of its own for
 * the problem, they come first, so that people and programs recognise it.
 * @param t   where to
 * @param r   the request
 * @param why what went wrong
 * @threads request
 */
void llmq_reply_openai_refusal(llmq_text_t *t, request_rec *r, const llmq_result_t *why);

/**
 * The body for an error that httpd itself found.
 * @param t    where to
 * @param r    the request, its status set
 * @param text httpd's text for it
 * @threads request
 */
void llmq_reply_openai_httpd_error(llmq_text_t *t, request_rec *r, const char *text);

/**
 * The headers of an answer that is made now: how long it took, and, where it says when to
 * come again but nobody would wait for so long within a call, that the client had better not.
 * @param r the request, its `Retry-After` set if there is one
 * @threads request
 */
void llmq_reply_openai_headers(request_rec *r);

#endif /* LLMQ_REPLY_OPENAI_H */
