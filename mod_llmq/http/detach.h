/**
 * @file detach.h
 * Taking a connection away from httpd: its status line and headers go out as httpd makes
 * them, then a duplicate of the socket is ours, and the MPM lets go of the connection
 * without sending or shutting down anything. With TLS the ciphers are taken along
 * (http/tls.h).
 *
 * How that works, the same under event, worker and prefork: the request ends with its
 * headers flushed, no end of stream sent, and the connection marked to be closed. Before
 * an MPM closes a connection it runs the hook pre_close_connection; ours marks it
 * aborted there. The core's output filter writes nothing to an aborted connection, and the
 * lingering close leaves out the shutdown and just closes its descriptor; the kernel keeps
 * the connection for the duplicate. The access log, written before, sees an ordinary end.
 *
 * What must not be done: `aborted` set while the request runs (%X would say so); an end of
 * stream through the filters (the chunk filter would finish the body).
 */
#ifndef LLMQ_DETACH_H
#define LLMQ_DETACH_H

#include "base/stream.h"

#include <httpd.h>

/**
 * HTTP/1 with nothing between the headers and the socket, but TLS, that would change or count
 * the body: filters such as those of HTTP/2 cannot be left behind. (Compression can: it is
 * switched off for the request, if the answer is yes.)
 * @param r the request; its handler is about to answer
 * @return non-zero if llmq_detach_begin() may be called
 * @threads request
 */
int llmq_detach_is_possible(request_rec *r);

/**
 * Send the headers and hand the socket to the streams. The handler returns OK.
 * @param ps      out: as of llmq_stream_open(); untouched unless APR_SUCCESS
 * @param r       the request; its status, content type and headers are set, its body is read
 * @param streams of this process; a place is admitted, which stays the caller's unless
 *                APR_SUCCESS
 * @param conf    for the stream; `chunked` and `later` are set by this
 * @return APR_SUCCESS; APR_ECONNABORTED the client is gone, or must be left; other: nothing
 *         was done, answer in another way
 * @threads request
 */
apr_status_t llmq_detach_begin(llmq_stream_t **ps, request_rec *r,
                               llmq_streams_t *streams, llmq_stream_conf_t *conf);

/**
 * Hand the socket over before anything is sent: the whole answer follows by the caller's
 * hand. The access log has the status that stands in the request. The handler returns OK.
 * @param ps      out: as of llmq_stream_open(); untouched unless APR_SUCCESS
 * @param r       the request, its body read
 * @param streams of this process; a place is admitted, which stays the caller's unless
 *                APR_SUCCESS
 * @param conf    for the stream; `later` is set by this
 * @return APR_SUCCESS; other: nothing was done, answer in another way
 * @threads request
 */
apr_status_t llmq_detach_unanswered(llmq_stream_t **ps, request_rec *r,
                                    llmq_streams_t *streams, llmq_stream_conf_t *conf);

/**
 * The hook pre_close_connection.
 * @param c a connection that the MPM is about to close
 * @return OK
 * @threads those of the MPM
 */
int llmq_detach_pre_close(conn_rec *c);

#endif /* LLMQ_DETACH_H */
