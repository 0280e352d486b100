/**
 * @file wire_tls.h
 * Wires of TLS. One takes over a connection of OpenSSL's whose handshake somebody else has
 * made and through whose input and output functions it was used until then:
 *
 *     create ──take──> the other side has let go of it: reads and writes the socket
 *
 * Between the two the connection is the other side's alone.
 */
#ifndef LLMQ_WIRE_TLS_H
#define LLMQ_WIRE_TLS_H

#include "base/wire.h"

#include <apr_errno.h>

struct ssl_st; /* SSL */

/**
 * Can a connection be taken over, as far as the library is concerned? A process may have
 * several copies of it, and what one has made is nothing to another.
 * @param ssl of a server, before its handshake
 * @return non-zero if so
 * @threads any
 */
int llmq_wire_tls_knows(const struct ssl_st *ssl);

/**
 * @param pw  out: to be closed with its function, taken or not
 * @param ssl held once more by the wire
 * @param fd  its socket, connected
 * @return APR_SUCCESS; APR_ENOMEM
 * @threads any
 */
apr_status_t llmq_wire_tls_create(llmq_wire_t **pw, struct ssl_st *ssl, int fd);

/**
 * Nobody else will use the connection: it gets the socket, and forgets what it was told of
 * its former owner.
 * @param w the wire
 * @threads any, once
 */
void llmq_wire_tls_take(llmq_wire_t *w);

#endif /* LLMQ_WIRE_TLS_H */
