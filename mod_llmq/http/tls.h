/**
 * @file tls.h
 * TLS of mod_ssl's, taken over: the handshake and the request are mod_ssl's, the rest of the
 * response is ours, and httpd lets go of the connection.
 *
 * mod_ssl shows each connection of OpenSSL's that it makes to other modules (its hook
 * pre_handshake). We hold it once more, and as httpd's connection ends, mod_ssl drops its
 * hold without having said good-bye to the client, since it takes the connection for
 * aborted (http/detach.h). What is left is ours alone: the ciphers with their keys and
 * counters, to which a duplicate of the socket is joined (base/wire_tls.h).
 *
 * The order of things rests on this: the memory of a connection is cleaned up in the
 * reverse order of registration, and the hook runs before mod_ssl registers its own.
 */
#ifndef LLMQ_TLS_H
#define LLMQ_TLS_H

#include "base/stream.h"

#include <httpd.h>

/**
 * @phase register_hooks; @threads single
 */
void llmq_tls_register(void);

/**
 * Can the connection be taken over now? Not while what the client has sent waits in
 * mod_ssl, half read: it would be lost.
 * @param c a connection whose request has been read
 * @return non-zero if so
 * @threads request
 */
int llmq_tls_is_possible(conn_rec *c);

/**
 * Hold the connection for a stream, which begins (llmq_stream_begin()) when mod_ssl has let
 * go.
 * @param c  a connection for which llmq_tls_is_possible()
 * @param fd a duplicate of its socket
 * @return APR_SUCCESS: to be followed by llmq_tls_join() or llmq_tls_leave(); APR_ENOMEM
 * @threads request
 */
apr_status_t llmq_tls_hold(conn_rec *c, int fd);

/**
 * @param c what llmq_tls_hold() was called for
 * @param s one that waits for its beginning
 * @threads request
 */
void llmq_tls_join(conn_rec *c, llmq_stream_t *s);

/**
 * There will be no stream.
 * @param c what llmq_tls_hold() was called for
 * @threads request
 */
void llmq_tls_leave(conn_rec *c);

#endif /* LLMQ_TLS_H */
