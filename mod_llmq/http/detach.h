/**
 * @file detach.h
 * Taking a connection away from httpd: its status line and headers go out as httpd makes
 * them, then a duplicate of the socket is ours, and the MPM lets go of the connection
 * without sending or shutting down anything.
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

#include <httpd.h>

/**
 * Plain HTTP/1 with nothing between the headers and the socket that would change or count
 * the body: filters of TLS, compression (which is switched off for the request, if the
 * answer is yes), HTTP/2 and the like cannot be left behind.
 * @param r the request; its handler is about to answer
 * @return non-zero if llmq_detach_begin() may be called
 * @threads request
 */
int llmq_detach_is_possible(request_rec *r);

/**
 * Send the headers and take the socket. The body follows by the caller's hand: chunked
 * where r->chunked says so, else until the connection closes. The handler returns OK.
 * @param pfd out: a socket, the caller's; untouched unless APR_SUCCESS
 * @param r   the request; its status, content type and headers are set, its body is read
 * @return APR_SUCCESS; APR_EMFILE and the like: nothing was done, answer in another way;
 *         APR_ECONNABORTED the client is gone
 * @threads request
 */
apr_status_t llmq_detach_begin(int *pfd, request_rec *r);

/**
 * The hook pre_close_connection.
 * @param c a connection that the MPM is about to close
 * @return OK
 * @threads those of the MPM
 */
int llmq_detach_pre_close(conn_rec *c);

#endif /* LLMQ_DETACH_H */
