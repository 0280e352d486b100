/**
 * @file relay_conn.h
 * One connection of a child to a dispatcher: frames out, frames in. Private to
 * bus/relay_link*.c.
 *
 * What is said is collected first and written by a flush; what the socket does not take waits
 * until it does. Writing is done under the link's lock, reading by the streams' thread without
 * it.
 */
#ifndef LLMQ_RELAY_CONN_H
#define LLMQ_RELAY_CONN_H

#include "bus/relay_frame.h"

#include <apr_ring.h>

/** A connection. Memory is malloc()'s. */
typedef struct llmq_relay_conn_t {
    APR_RING_ENTRY(llmq_relay_conn_t) link; /* the owner's */
    int fd;
    int epoll;       /* in which it stands; borrowed */
    char leaving;    /* under lock: its dispatcher takes no more jobs */
    char full;       /* under lock: waits until the socket takes more */
    char *out;       /* under lock: what is to be written */
    apr_size_t done; /* under lock: bytes of it that are */
    apr_size_t n_out;
    apr_size_t out_size;
    char *in; /* the reader's: what is not read yet */
    apr_size_t n_in;
    apr_size_t in_size;
} llmq_relay_conn_t;

APR_RING_HEAD(llmq_relay_conn_ring_t, llmq_relay_conn_t);
typedef struct llmq_relay_conn_ring_t llmq_relay_conns_t;

/**
 * A frame has come.
 * @param ctx   the reader's
 * @param conn  from where; not to be closed
 * @param frame lives until the function returns
 */
typedef void llmq_relay_conn_fn_t(void *ctx, llmq_relay_conn_t *conn,
                                  const llmq_relay_frame_t *frame);

/**
 * @param pconn out: its address is what epoll tells
 * @param path  of the socket
 * @param epoll the set in which it is to stand; borrowed
 * @return APR_SUCCESS; APR_ENOMEM; other: as from connect()
 * @threads any
 */
apr_status_t llmq_relay_conn_open(llmq_relay_conn_t **pconn, const char *path, int epoll);

/**
 * @param conn freed
 * @threads its reader
 */
void llmq_relay_conn_close(llmq_relay_conn_t *conn);

/**
 * Say something; a flush must follow.
 * @param conn the connection
 * @param type of a frame without data
 * @param id   of the job
 * @return APR_SUCCESS; APR_ENOMEM
 * @threads locked
 */
apr_status_t llmq_relay_conn_say(llmq_relay_conn_t *conn, llmq_relay_type_e type,
                                 const char *id);

/**
 * Write what the socket takes.
 * @param conn the connection
 * @return APR_SUCCESS: all is written, or will be once there is room; other: it is broken,
 *         its reader will see that, too
 * @threads locked
 */
apr_status_t llmq_relay_conn_flush(llmq_relay_conn_t *conn);

/**
 * Read what has arrived.
 * @param conn the connection
 * @param fn   called for each frame
 * @param ctx  for @a fn
 * @return APR_SUCCESS; other: it is broken
 * @threads the streams' own, without the lock
 */
apr_status_t llmq_relay_conn_read(llmq_relay_conn_t *conn, llmq_relay_conn_fn_t *fn,
                                  void *ctx);

#endif /* LLMQ_RELAY_CONN_H */
