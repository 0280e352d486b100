/**
 * @file stream.h
 * Answers that are written later: one thread of a process owns any number of connected
 * sockets, writes to them what other threads hand over, and sees when the other side
 * leaves. A socket costs a small record and no thread.
 *
 *     open ──write──> (pieces wait for the socket) ──end, all written──> over, whole
 *       └── the client left, did not read for too long, or the stop ──> over, not whole
 *
 * Writes never block: what a socket does not take at once waits in memory, and a client
 * that takes nothing for a while is cut. After the last byte the sending side is shut down
 * and what the client still sends is read for a moment: closing over unread bytes would
 * make the kernel throw away what the client has not read yet.
 *
 * Who owns what: the owner of a stream gets it from llmq_stream_open() and gives it back
 * with llmq_stream_end(), exactly once, whatever happened; it is not touched afterwards. The
 * `over` function is called exactly once for each stream, before or after that, by the
 * thread, with no lock of this file held.
 *
 * Lock: one for all streams (`lock`), held for a few instructions, never during a system
 * call other than the wake-up. The thread is started by the first stream.
 */
#ifndef LLMQ_STREAM_H
#define LLMQ_STREAM_H

#include <apr_pools.h>
#include <apr_time.h>

#include <sys/uio.h>

typedef struct llmq_streams_t llmq_streams_t; /* the thread and all it has */
typedef struct llmq_stream_t llmq_stream_t;   /* one socket */

/**
 * What a stream has come to.
 * @param ctx   what llmq_stream_open() was given
 * @param whole non-zero: ended, and the kernel has taken every byte; 0: the client left, was
 *              cut, or the process ends
 * @threads the streams' own
 */
typedef void llmq_stream_over_fn_t(void *ctx, int whole);

/** How a stream behaves. */
typedef struct llmq_stream_conf_t {
    apr_interval_time_t stall; /* a client that takes no byte for so long is cut; > 0 */
    llmq_stream_over_fn_t *over;
    void *ctx; /* for over; must live until then */
} llmq_stream_conf_t;

/**
 * @param ps  out
 * @param max most streams at once, those included that are being closed
 * @param p   closes what is left over
 * @return APR_SUCCESS; other: no descriptors left
 * @phase child; @threads single
 */
apr_status_t llmq_stream_create(llmq_streams_t **ps, int max, apr_pool_t *p);

/**
 * End the thread: what is ended is still written while @a patience lasts, all else is cut.
 * All `over` functions have been called when it returns. Owners must not open, write or
 * end afterwards.
 * @param all      the streams
 * @param patience microseconds
 * @threads single
 */
void llmq_stream_stop(llmq_streams_t *all, apr_interval_time_t patience);

/**
 * Reserve a place for a stream that is going to be opened.
 * @param all the streams
 * @return APR_SUCCESS; LLMQ_EFULL; other: the thread cannot be started
 * @threads any
 */
apr_status_t llmq_stream_admit(llmq_streams_t *all);

/**
 * Give back a place that was not used.
 * @param all the streams
 * @threads any
 */
void llmq_stream_dismiss(llmq_streams_t *all);

/**
 * Hand a socket over. It takes a place that was admitted.
 * @param ps   out: valid until llmq_stream_end()
 * @param all  the streams
 * @param fd   connected; closed by the thread, whatever this returns
 * @param conf copied. `over` may be called before this returns.
 * @return APR_SUCCESS; APR_ENOMEM or as from epoll: the place is free again, the socket is
 *         closed, `over` is not called
 * @threads any
 */
apr_status_t llmq_stream_open(llmq_stream_t **ps, llmq_streams_t *all, int fd,
                              const llmq_stream_conf_t *conf);

/**
 * Append bytes, one piece made of several parts.
 * @param s     the stream
 * @param parts copied
 * @param n     their number
 * @return APR_SUCCESS: they will be written; APR_ECONNABORTED the client has left;
 *         APR_ENOMEM: it is cut, as a piece is missing
 * @threads the owner
 */
apr_status_t llmq_stream_write(llmq_stream_t *s, const struct iovec *parts, int n);

/**
 * Append the last bytes and close once all is written: in one step, as a client may hang up
 * the moment that it has them. The stream is the thread's from now on.
 * @param s     the stream
 * @param parts copied
 * @param n     their number; 0: nothing follows
 * @threads the owner
 */
void llmq_stream_end(llmq_stream_t *s, const struct iovec *parts, int n);

/**
 * @param all the streams
 * @return how many there are, those included that are being closed
 * @threads any
 */
int llmq_stream_count(const llmq_streams_t *all);

/**
 * @param all the streams
 * @return bytes that wait for sockets
 * @threads any
 */
apr_size_t llmq_stream_bytes(const llmq_streams_t *all);

#endif /* LLMQ_STREAM_H */
