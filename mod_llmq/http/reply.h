/**
 * @file reply.h
 * Answers. The only place that knows HTTP statuses, the numbers of S0's error table, and
 * the envelopes of the dialects. Handlers return what these functions return.
 * @threads request
 */
#ifndef LLMQ_REPLY_H
#define LLMQ_REPLY_H

#include "base/json.h"
#include "base/result.h"

#include <httpd.h>

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
 * Send S0's error envelope for a problem.
 * @param r   the request
 * @param why what went wrong
 * @return OK (the answer is sent)
 */
int llmq_reply_problem(request_rec *r, const llmq_result_t *why);

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
 * S0's error envelope for a problem, as text.
 * @param t   where to
 * @param why what went wrong
 * @return the HTTP status that goes with it
 * @threads request
 */
int llmq_reply_problem_text(llmq_text_t *t, const llmq_result_t *why);

/**
 * S0's envelope for an error that httpd itself found (401, 403, 404 …).
 * @param t      where to
 * @param status HTTP status
 */
void llmq_reply_httpd_error(llmq_text_t *t, int status);

#endif /* LLMQ_REPLY_H */
