/**
 * @file relay.h
 * The relay: how the pieces of an answer come from the dispatcher to the child that waits for
 * them. Unlike the bus (bus/bus.h), which carries hints, it loses nothing: each child has a
 * connection to the dispatcher, a Unix stream socket. This is the dispatcher's side; the
 * child's is bus/relay_link.h, what travels is in bus/relay_frame.h.
 *
 *     child                                         dispatcher
 *       LISTEN id ───────────────────────────────►  (the job may come out of the queue now)
 *       (the job goes into the queue)     ◄───────  BEGUN
 *                                         ◄───────  PIECE, PIECE, …
 *                                         ◄───────  END    it listens no more
 *       CANCEL id ───────────────────────────────►  on_cancel()
 *       it dies   ───────────────────────────────►  on_cancel() for all it listened to
 *
 * The listening socket is the parent's and outlives dispatchers: a child that connects while
 * there is none is heard by the next one. One that winds up leaves (LEAVING): it accepts no
 * more, and children tell the next one, too, what they listen to.
 *
 * A child writes LISTEN before its job is in the queue. So whoever has taken a job and
 * finds no listener has only to see to it that all was read which had been written by then:
 * llmq_relay_listens() does that.
 *
 * Bounded: what waits for one listener may not exceed conf.max_pending, a single frame apart.
 *
 * Lock: one, held while lists are changed, never during a system call or a callback. One
 * thread reads and writes all sockets.
 */
#ifndef LLMQ_RELAY_H
#define LLMQ_RELAY_H

#include "bus/relay_frame.h"

#include <apr_pools.h>
#include <apr_time.h>

typedef struct llmq_relay_t llmq_relay_t; /* one per dispatcher */

/** Settings. */
typedef struct llmq_relay_conf_t {
    int fd;                    /* the listening socket, non-blocking; borrowed */
    apr_size_t max_pending;    /* bytes that may wait for one listener, > 0 */
    apr_interval_time_t grace; /* since the start: children may still come; >= 0 */
    /**
     * Nobody waits for this job any more: the child said so, died, or let too much pile
     * up. Called at most once for each time that it listened, not after its END.
     * @threads the relay's own: it does not wait for anything
     */
    void (*on_cancel)(void *ctx, const char *id);
    void *ctx; /* for on_cancel; must live as long as the relay */
} llmq_relay_conf_t;

/**
 * Begin: accept children and read what they say.
 * @param prelay out
 * @param conf   copied
 * @param p      pool, as long as the relay
 * @return APR_SUCCESS; other: no descriptors or threads left
 * @phase dispatcher; @threads single
 */
apr_status_t llmq_relay_create(llmq_relay_t **prelay, const llmq_relay_conf_t *conf,
                               apr_pool_t *p);

/**
 * This dispatcher takes no more jobs: accept no more, and tell the children. What runs
 * goes on. Once is enough.
 * @param relay the relay
 * @threads any, not signal handlers
 */
void llmq_relay_leave(llmq_relay_t *relay);

/**
 * Write what waits, then close. Nobody is called back any more. Children listen to the next
 * dispatcher then for what has not ended.
 * @param relay    the relay; not to be used any more
 * @param patience microseconds, for children that read slowly
 * @threads single
 */
void llmq_relay_destroy(llmq_relay_t *relay, apr_interval_time_t patience);

/**
 * Does anybody wait for the answer to a job that was taken out of the queue? If it is not
 * known yet, this waits until the relay's thread has read what has been written up to now:
 * some microseconds.
 * @param relay the relay
 * @param id    of the job
 * @return APR_SUCCESS; APR_NOTFOUND nobody does; APR_EAGAIN nobody does yet, but this
 *         dispatcher is so young that a child may still tell it: give it back for a moment
 * @threads any but the relay's own
 */
apr_status_t llmq_relay_listens(llmq_relay_t *relay, const char *id);

/**
 * Send a frame to whoever listens. Never blocks.
 * @param relay the relay
 * @param id    of the job
 * @param type  LLMQ_RELAY_BEGUN or LLMQ_RELAY_PIECE
 * @param data  copied; NULL with 0 bytes
 * @param len   its bytes
 * @return APR_SUCCESS; APR_NOTFOUND nobody listens; LLMQ_EFULL the listener let too much
 *         pile up: it listens no more, and on_cancel is called; APR_ENOMEM
 * @threads any
 */
apr_status_t llmq_relay_send(llmq_relay_t *relay, const char *id, llmq_relay_type_e type,
                             const char *data, apr_size_t len);

/**
 * Should whoever has more pieces wait with them? Its child, or its client, is behind.
 * @param relay the relay
 * @param id    of the job
 * @return non-zero if so; 0 also where nobody listens
 * @threads any
 */
int llmq_relay_is_full(llmq_relay_t *relay, const char *id);

/**
 * Send the end of an answer; nobody listens afterwards.
 * @param relay the relay
 * @param id    of the job
 * @param end   copied
 * @return as llmq_relay_send(); an end is taken however much waits
 * @threads any
 */
apr_status_t llmq_relay_send_end(llmq_relay_t *relay, const char *id,
                                 const llmq_relay_end_t *end);

/**
 * @param relay the relay
 * @return how many jobs are listened to
 * @threads any
 */
int llmq_relay_count(llmq_relay_t *relay);

#endif /* LLMQ_RELAY_H */
