/**
 * @file reply.h
 * Answers. The only place that knows HTTP statuses, the numbers of S0's error table, and
 * the envelopes of the dialects; which of them an error is told in follows from the
 * request's path (http/tongue.h). Handlers return what these functions return.
 * @threads request
 */
#ifndef LLMQ_REPLY_H
#define LLMQ_REPLY_H

#include "base/json.h"
#include "base/result.h"

#include <httpd.h>

/** The content type of what the gateway streams. */
#define LLMQ_REPLY_STREAM "text/event-stream; charset=utf-8"

/**
 * Send S0's envelope around data.
 * @param r       the request
 * @param status  HTTP status, also the envelope's code
 * @param message the envelope's message
 * @param data    JSON text of data; NULL becomes null
 * @return OK
 */
int llmq_reply_data(request_rec *r, int status, const char *message, const char *data);

/**
 * S0's envelope around data, as text.
 * @param t       where to
 * @param status  HTTP status, also the envelope's code
 * @param message the envelope's message
 * @param data    JSON text of data; NULL becomes null
 * @threads any
 */
void llmq_reply_data_text(llmq_text_t *t, int status, const char *message,
                          const char *data);

/**
 * Send the error body of the request's dialect for a problem.
 * @param r   the request
 * @param why what went wrong
 * @return OK (the answer is sent)
 */
int llmq_reply_problem(request_rec *r, const llmq_result_t *why);

/**
 * llmq_reply_problem() without a line in the log, for answers that may never be given.
 * @param r   the request
 * @param why what would be wrong
 * @return OK
 */
int llmq_reply_problem_quietly(request_rec *r, const llmq_result_t *why);

/**
 * llmq_reply_problem(): no such task.
 * @param r  the request
 * @param id what was asked for
 * @return OK (the answer is sent)
 */
int llmq_reply_no_task(request_rec *r, const char *id);

/**
 * As llmq_reply_problem() for a status without a result: those of the store and of the
 * queue; others are internal.
 * @param r  the request
 * @param rv not APR_SUCCESS
 * @return OK (the answer is sent)
 */
int llmq_reply_status(request_rec *r, apr_status_t rv);

/**
 * Send a JSON text as it is, with Content-Length and `Cache-Control: no-store`.
 * @param r      the request
 * @param status HTTP status
 * @param body   JSON text; lives as long as r->pool
 * @param len    its bytes
 * @return OK
 */
int llmq_reply_json(request_rec *r, int status, const char *body, apr_size_t len);

/**
 * Send a text that is no JSON, with status 200; else as llmq_reply_json().
 * @param r    the request
 * @param type its media type; static
 * @param body lives as long as r->pool
 * @param len  its bytes
 * @return OK
 */
int llmq_reply_text(request_rec *r, const char *type, const char *body, apr_size_t len);

/**
 * @param r      the request
 * @param status how it ended
 * @return what HTTP says of that: the same, unless LLMQAppsHTTPStatus wants it otherwise
 */
int llmq_reply_http_status(request_rec *r, int status);

/**
 * @param r       the request
 * @param problem a problem
 * @return its HTTP status in the request's dialect
 */
int llmq_reply_problem_status(request_rec *r, llmq_problem_e problem);

/**
 * The error body for a problem, as text.
 * @param t   where to
 * @param r   the request
 * @param why what went wrong
 * @return the HTTP status that goes with it
 * @threads request
 */
int llmq_reply_problem_text(llmq_text_t *t, request_rec *r, const llmq_result_t *why);

/**
 * The error body for what httpd itself found (401, 403, 404 …), as text.
 * @param t      where to
 * @param r      the request; its status tells what was found
 */
void llmq_reply_httpd_error(llmq_text_t *t, request_rec *r);

#endif /* LLMQ_REPLY_H */
