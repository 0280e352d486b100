/**
 * @file relay_link.h
 * A child's side of the relay (bus/relay.h): it says which jobs it waits for, and hears what
 * becomes of them, on the thread of its streams (base/stream.h), which never waits.
 *
 *     listen ──BEGUN──> (again after a failed attempt) ──PIECE…──> END
 *        └── cancel                                        └────> LOST
 *
 * Dispatchers come and go. One that leaves keeps its connection until its calls have
 * ended, while a second leads to the next one, which is told the same. When a connection breaks,
 * whatever was begun there begins again elsewhere, unless pieces were passed on: an answer
 * cannot begin twice, so its sink hears LOST, the last it hears. All others that were begun
 * there hear LISTEN, and BEGUN once more. While no dispatcher lives the parent's socket takes what is said.
 *
 * Who owns what: a listener belongs to the link from llmq_relay_link_listen() on; conf.drop
 * is called once, when the sink is not called any more: after END, LOST or a cancel.
 *
 * Lock: one, held for a few instructions and while a few bytes are written to a socket that
 * does not block, never while a sink runs.
 */
#ifndef LLMQ_RELAY_LINK_H
#define LLMQ_RELAY_LINK_H

#include "base/stream.h"
#include "bus/relay_frame.h"

typedef struct llmq_relay_link_t llmq_relay_link_t; /* one per child */

/** Who listens. */
typedef struct llmq_relay_listener_t {
    /**
     * Something has come.
     * @param ctx  the listener's
     * @param type LLMQ_RELAY_BEGUN, _PIECE, _END or _LOST; _LISTEN: what was begun is to
     *             begin again
     * @param data lives until the function returns; of an end see
     *             llmq_relay_frame_end_parse()
     * @param len  its bytes
     * @threads the streams' own, one at a time; may call llmq_relay_link_cancel()
     */
    void (*sink)(void *ctx, llmq_relay_type_e type, const char *data, apr_size_t len);
    /**
     * The link has let go of it.
     * @threads the streams' own, or whoever cancels; with no lock held
     */
    void (*drop)(void *ctx);
    void *ctx;
} llmq_relay_listener_t;

/**
 * Nothing is connected before somebody listens.
 * @param plink   out
 * @param path    of the socket
 * @param streams of this process, whose thread reads; nothing was admitted yet
 * @param p       pool, longer than the streams' thread
 * @return APR_SUCCESS; other: no descriptors left, or as from epoll
 * @phase child; @threads single
 */
apr_status_t llmq_relay_link_create(llmq_relay_link_t **plink, const char *path,
                                    llmq_streams_t *streams, apr_pool_t *p);

/**
 * Listen to a job that is not in the queue yet.
 * @param link     the link
 * @param id       of the job
 * @param listener copied
 * @return APR_SUCCESS: the dispatcher will know before it takes the job; other: nothing
 *         was done: as from connect()
 * @threads any; a place among the streams is admitted
 */
apr_status_t llmq_relay_link_listen(llmq_relay_link_t *link, const char *id,
                                    const llmq_relay_listener_t *listener);

/**
 * Nobody waits any more. The job is ended, wherever it is. The sink may be running, but is
 * not called again.
 * @param link the link
 * @param id   of the job; one that is not listened to is left alone
 * @threads any
 */
void llmq_relay_link_cancel(llmq_relay_link_t *link, const char *id);

/**
 * A listener is behind, or has caught up: pieces wait at the backend meanwhile. What is on its
 * way still comes.
 * @param link the link
 * @param id   of the job; one that nobody listens to does not matter
 * @param hold non-zero: no more for now
 * @threads any
 */
void llmq_relay_link_hold(llmq_relay_link_t *link, const char *id, int hold);

/**
 * @param link the link
 * @return how many jobs are listened to
 * @threads any
 */
int llmq_relay_link_count(llmq_relay_link_t *link);

/**
 * Close. Whatever is listened to counts as canceled; listeners are dropped.
 * @param link the link
 * @threads single; after the streams' thread has ended
 */
void llmq_relay_link_destroy(llmq_relay_link_t *link);

#endif /* LLMQ_RELAY_LINK_H */
