/**
 * @file backend_http.h
 * Plain HTTP: a JSON text is POSTed to a URL, and what comes back is the answer. No I/O.
 *
 * A call with a body of its own (call->body: a task for its handler, a notice for whoever
 * waits for it) sends it as it is and takes any 2xx as success. Its call->answer is then
 * a JSON object: the one that came, `{}` when nothing did, or `{"content": …}` around any
 * other JSON value or a text. A body that begins as an object or a list and is not JSON,
 * or is no UTF-8, is a failure. A call whose answer nobody reads (call->deaf) takes 2xx as
 * success whatever comes behind it.
 *
 * A call of a message sends `{"id","model","messages"}`. Its content is the member
 * `content` of the object that comes back, which may have `model`, `finish_reason` and
 * `usage` as well, or else the text itself.
 *
 * Memory: the reader and the outcome live in call->pool.
 */
#ifndef LLMQ_BACKEND_HTTP_H
#define LLMQ_BACKEND_HTTP_H

#include "backend/backend.h"

/** Bytes of an answer when max_answer_bytes is 0. */
#define LLMQ_BACKEND_HTTP_ANSWER_MAX (4 * 1024 * 1024)

typedef struct llmq_backend_http_t llmq_backend_http_t;

/**
 * @param plen out: bytes of the text
 * @param call body, or id, model and messages are read
 * @return the text to send, in call->pool; NULL when there is none
 * @threads any
 */
const char *llmq_backend_http_request(apr_size_t *plen, const llmq_call_t *call);

/**
 * @param call the call whose outcome will be filled; must outlive the reader
 * @return a reader in call->pool
 * @threads any
 */
llmq_backend_http_t *llmq_backend_http_create(llmq_call_t *call);

/**
 * Read the next bytes of the answer's body.
 * @param r    the reader
 * @param data bytes, in pieces of any size
 * @param len  their number
 * @return APR_SUCCESS; APR_EOF nobody wants more of it; LLMQ_EBACKEND it is too large
 * @threads any, one at a time
 */
apr_status_t llmq_backend_http_feed(llmq_backend_http_t *r, const char *data,
                                    apr_size_t len);

/**
 * @param r the reader
 * @return non-zero if llmq_backend_http_feed() has asked for the end: what the connection
 *         did after that does not matter
 * @threads any, one at a time
 */
int llmq_backend_http_has_ended(const llmq_backend_http_t *r);

/**
 * Fill ok, failure, error and answer (or content, model, finish_reason and the counts) of
 * the call. A status above 399 is LLMQ_FAILURE_STATUS; the words of a JSON body's `error`,
 * `error.message`, `message` or `detail` go into call->error, scrubbed. Other statuses
 * outside 2xx are LLMQ_FAILURE_PROTOCOL, redirects among them.
 * @param r           the reader
 * @param http_status of the answer
 * @threads any, one at a time
 */
void llmq_backend_http_end(llmq_backend_http_t *r, int http_status);

#endif /* LLMQ_BACKEND_HTTP_H */
