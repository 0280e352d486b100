/**
 * @file park.h
 * Parked responses: their headers are sent, the body follows later, and no thread of httpd
 * waits for it. The request ends for httpd at once (its line in the access log, too); the
 * child's stream thread (base/stream.h) owns the connection from then on.
 *
 * A connection that cannot be parked (HTTP/2, filters that want to see the body) is
 * *held*: the caller lets the thread wait and takes a place of http/held.h for that.
 */
#ifndef LLMQ_PARK_H
#define LLMQ_PARK_H

#include "base/stream.h"
#include "http/service.h"

#include <httpd.h>

/** A parked response. */
typedef struct llmq_park_t {
    llmq_stream_t *stream;
} llmq_park_t;

/**
 * Send the headers (status 200, JSON) and park.
 * @param park    out: to be given back with llmq_park_answer()
 * @param r       the request, its body read
 * @param service the service of this process
 * @param over    called once by the stream thread, maybe before this returns: the client
 *                has got all, or it has left; see base/stream.h
 * @param ctx     for @a over
 * @return APR_SUCCESS: return OK from the handler; APR_ENOTIMPL: hold it instead; LLMQ_EFULL:
 *         as many are parked as may be; APR_ECONNABORTED the client is gone (return OK); other:
 *         not now
 * @threads request
 */
apr_status_t llmq_park_begin(llmq_park_t *park, request_rec *r,
                             const llmq_service_t *service, llmq_stream_over_fn_t *over,
                             void *ctx);

/**
 * Send the whole body; the response ends.
 * @param park the response; not to be used afterwards
 * @param body copied
 * @param len  its bytes, > 0
 * @threads any
 */
void llmq_park_answer(llmq_park_t *park, const char *body, apr_size_t len);

/**
 * Nobody waits for an answer any more; a client that does is cut.
 * @param park the response; not to be used afterwards
 * @threads any
 */
void llmq_park_drop(llmq_park_t *park);

#endif /* LLMQ_PARK_H */
