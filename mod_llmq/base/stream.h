/**
 * @file stream.h
 * Answers that are written later: one thread of a process owns any number of connected
 * sockets, writes to them what other threads hand over, and sees when the other side
 * leaves. A socket costs a small record and no thread.
 *
 *     open ──send──> (frames wait for the socket) ──end, all written──> over, whole
 *       └── the client left, did not read for too long, or the stop ──> over, not whole
 *
 * Writes never block: what a socket does not take at once waits in memory, as frames
 * (base/frame.h) that many streams may share. A client that takes nothing for a while, or
 * lets more wait than it may, is cut. After the last byte the sending side is shut down
 * and what the client still sends is read for a moment: closing over unread bytes would
 * make the kernel throw away what the client has not read yet.
 *
 * Who owns what: the owner of a stream gets it from llmq_stream_open() and gives it back
 * with llmq_stream_end() or llmq_stream_drop(), exactly once, whatever happened; it is not
 * touched afterwards. The `over` function is called exactly once for each stream, before or
 * after that, by the thread, with no lock of this file held, and never inside a call of
 * the owner's.
 *
 * Lock: one for all streams (`lock`), held for a few instructions, never during a system
 * call other than the wake-up. The thread is started by the first place that is taken.
 */
#ifndef LLMQ_STREAM_H
#define LLMQ_STREAM_H

#include "base/frame.h"
#include "base/stream_conf.h"
#include "base/wire.h"

#include <apr_pools.h>
#include <apr_time.h>

/**
 * @param ps  out
 * @param max of each kind: most streams at once, those included that are being closed
 * @param p   closes what is left over
 * @return APR_SUCCESS; other: no descriptors left
 * @phase child; @threads single
 */
apr_status_t llmq_stream_create(llmq_streams_t **ps, const int max[LLMQ_STREAM_COUNT],
                                apr_pool_t *p);

/**
 * End the thread: streams of events end in good order (what waits, then the last chunk),
 * what was ended before is still written, all else is cut. What sockets take at once is
 * written in any case, the rest while @a patience lasts. All `over` functions have been
 * called when it returns. Owners may still end theirs while the pool lives.
 * @param all      the streams
 * @param patience microseconds
 * @threads single
 */
void llmq_stream_stop(llmq_streams_t *all, apr_interval_time_t patience);

/**
 * Have a function called whenever a descriptor is readable, by the thread, while it runs.
 * @param all the streams
 * @param fd  borrowed until the pool of the streams goes; the function reads it empty
 * @param fn  the function
 * @param ctx for @a fn
 * @return APR_SUCCESS; other: as from epoll
 * @threads single; before the first llmq_stream_admit()
 */
apr_status_t llmq_stream_watch(llmq_streams_t *all, int fd, llmq_stream_turn_fn_t *fn,
                               void *ctx);

/**
 * Have a function called now and then by the thread, from its start until it is told to
 * stop.
 * @param all      the streams
 * @param interval microseconds between two calls, > 0; after a delay the next is not early
 * @param fn       the function
 * @param ctx      for @a fn
 * @threads single; before the first llmq_stream_admit()
 */
void llmq_stream_every(llmq_streams_t *all, apr_interval_time_t interval,
                       llmq_stream_turn_fn_t *fn, void *ctx);

/**
 * Reserve a place for a stream that is going to be opened, or for something else that
 * counts as one.
 * @param all  the streams
 * @param kind its kind
 * @return APR_SUCCESS: the thread runs; LLMQ_EFULL; APR_EOF: the streams were stopped;
 *         other: the thread cannot be started
 * @threads any
 */
apr_status_t llmq_stream_admit(llmq_streams_t *all, llmq_stream_kind_e kind);

/**
 * Give back a place that no stream has.
 * @param all  the streams
 * @param kind as it was taken
 * @threads any
 */
void llmq_stream_dismiss(llmq_streams_t *all, llmq_stream_kind_e kind);

/**
 * Hand a socket over. It takes a place that was admitted.
 * @param ps   out: valid until it is given back
 * @param all  the streams
 * @param fd   connected; closed by the thread, whatever this returns
 * @param conf copied. `over` may be called before this returns.
 * @return APR_SUCCESS; APR_ENOMEM or as from epoll: the socket is closed, `over` is not
 *         called, and the place is the caller's still
 * @threads any
 */
apr_status_t llmq_stream_open(llmq_stream_t **ps, llmq_streams_t *all, int fd,
                              const llmq_stream_conf_t *conf);

/**
 * Begin with a stream that was opened for later: the socket may be used from now on. A
 * client that left before that was seen.
 * @param s    the stream, which its owner may have given back meanwhile
 * @param wire how it is written and read, the stream's from now on; NULL: plainly
 * @threads any; once for each stream that was opened so, and only for these
 */
void llmq_stream_begin(llmq_stream_t *s, llmq_wire_t *wire);

/**
 * Append a frame. On the streams' own thread it is written at once if nothing waits, by
 * any other the thread is told.
 * @param s     the stream
 * @param frame held once more while it waits
 * @return APR_SUCCESS: it will be written; APR_ECONNABORTED: the client has left, or is cut
 *         as it let too much wait or there is no memory for more
 * @threads the owner: one at a time
 */
apr_status_t llmq_stream_send(llmq_stream_t *s, llmq_frame_t *frame);

/**
 * Append the last frame and close once all is written: in one step, as a client may hang
 * up the moment that it has it. The stream is the thread's from now on.
 * @param s     the stream
 * @param frame held once more while it waits; NULL: nothing more
 * @threads the owner
 */
void llmq_stream_end(llmq_stream_t *s, llmq_frame_t *frame);

/**
 * Cut: for when what was begun cannot be finished. The stream is the thread's from now on.
 * @param s the stream
 * @threads the owner
 */
void llmq_stream_drop(llmq_stream_t *s);

/**
 * @param s the stream
 * @return bytes that wait for its client, or did when it was over
 * @threads the owner
 */
apr_size_t llmq_stream_pending(llmq_stream_t *s);

/**
 * @param all  the streams
 * @param kind of which kind
 * @return how many places are taken, by those included that are being closed
 * @threads any; lock-free
 */
int llmq_stream_count(const llmq_streams_t *all, llmq_stream_kind_e kind);

/**
 * @param all the streams
 * @return bytes that wait for sockets of streams that may let any number wait
 * @threads any; lock-free
 */
apr_size_t llmq_stream_bytes(const llmq_streams_t *all);

#endif /* LLMQ_STREAM_H */
