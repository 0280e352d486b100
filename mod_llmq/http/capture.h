/**
 * @file capture.h
 * What httpd would send, in memory: an answer runs through the filters of a request as it
 * would when it is sent, with the headers that the configuration sets, and instead of being
 * sent it is kept. The request itself stays as it was and can be answered in any way
 * afterwards. For answers that are known before it is known which of them will be given.
 *
 * How: a copy of the request's record, with tables and a chain of filters of its own; the
 * chain ends before the connection's filters, in one that keeps what arrives. Only for
 * requests that llmq_detach_is_possible() is true of: their filters have no state yet that the
 * copies could disturb. The answer says that the connection closes.
 */
#ifndef LLMQ_CAPTURE_H
#define LLMQ_CAPTURE_H

#include "base/text.h"

#include <httpd.h>

/**
 * Answers.
 * @param r   a copy of the request; to be answered as any other
 * @param ctx of llmq_capture_answer()
 */
typedef void llmq_capture_fn_t(request_rec *r, void *ctx);

/**
 * Make the filter known to httpd.
 * @phase pre_config; @threads single
 */
void llmq_capture_register(void);

/**
 * @param t   out: an initialised text, to which status line, headers and body are appended
 * @param r   the request, not answered yet
 * @param fn  answers
 * @param ctx for @a fn
 * @threads request
 */
void llmq_capture_answer(llmq_text_t *t, request_rec *r, llmq_capture_fn_t *fn,
                         void *ctx);

/**
 * Cut an answer to what stands before its length: status line and headers, without
 * Content-Length and without the empty line. Whoever appends both and a body has another
 * answer with the same headers.
 * @param t an answer
 * @return APR_SUCCESS; APR_EINVAL it has no end of headers, or its body no length
 * @threads any
 */
apr_status_t llmq_capture_cut(llmq_text_t *t);

#endif /* LLMQ_CAPTURE_H */
