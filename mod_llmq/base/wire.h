/**
 * @file wire.h
 * Wires: what lies between the bytes of a stream (base/stream.h) and its socket where these
 * are not the same, as with TLS. A wire never waits. It neither closes the socket nor knows
 * what the bytes mean; it belongs to one stream and is used by its thread alone.
 */
#ifndef LLMQ_WIRE_H
#define LLMQ_WIRE_H

#include <apr.h>

#include <sys/uio.h>

typedef struct llmq_wire_t llmq_wire_t;

/** What each kind of wire does. */
typedef struct llmq_wire_ops_t {
    /**
     * @param w     the wire
     * @param parts what is to be written; after 0 the next call begins with the same bytes
     *              and has at least as many
     * @param n     their number, > 0; together they have at least one byte
     * @return bytes that are written, from the front, which may be fewer; 0: the socket takes
     *         none now; -1: the client has left
     */
    apr_ssize_t (*write)(llmq_wire_t *w, const struct iovec *parts, int n);

    /**
     * Read what has come. What the client says goes nowhere, but the wire may need to know.
     * @param w the wire
     * @return non-zero if the client has left
     */
    int (*read)(llmq_wire_t *w);

    /**
     * Tell the client that nothing follows.
     * @param w the wire
     */
    void (*end)(llmq_wire_t *w);

    /**
     * Free the wire, saying nothing to the client. The socket may be closed already.
     * @param w the wire
     */
    void (*close)(llmq_wire_t *w);
} llmq_wire_ops_t;

/** First member of each kind's record. */
struct llmq_wire_t {
    const llmq_wire_ops_t *ops;
};

#endif /* LLMQ_WIRE_H */
