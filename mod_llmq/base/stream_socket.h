/**
 * @file stream_socket.h
 * One stream and its socket: what the thread writes, hears and closes, and how the record
 * ends. Private to base/stream*.c.
 */
#ifndef LLMQ_STREAM_SOCKET_H
#define LLMQ_STREAM_SOCKET_H

#include "base/stream_record.h"

/** So long is read what a client sends that has all. */
#define LLMQ_STREAM_LINGER apr_time_from_sec(2)

/**
 * After a change of a stream's queue, for llmq_stream_bytes().
 * @param s      the stream, under lock
 * @param before the bytes of its queue until now
 * @threads locked
 */
void llmq_stream_socket_account(const llmq_stream_t *s, apr_size_t before);

/**
 * Put a stream on the list of those that the thread looks at.
 * @param s the stream
 * @return non-zero if the thread has to be woken
 * @threads locked
 */
int llmq_stream_socket_tell_locked(llmq_stream_t *s);

/**
 * Free a stream if nobody can come back to it.
 * @param s the stream
 * @threads the streams' own; others when that has ended
 */
void llmq_stream_socket_release(llmq_stream_t *s);

/**
 * Write at once what the socket takes.
 * @param s    a stream that nothing waits for
 * @param part what is to be written
 * @return bytes that were written, 0: it takes none; -1: the client has left
 * @threads the streams' own
 */
apr_ssize_t llmq_stream_socket_write(const llmq_stream_t *s, struct iovec *part);

/**
 * Readiness of a stream.
 * @param source a stream's
 * @param events of epoll
 * @threads the streams' own
 */
void llmq_stream_socket_sees(llmq_stream_source_t *source, apr_uint32_t events);

/**
 * Look at all that were told of: begin, write on, or end.
 * @param all the streams
 * @threads the streams' own
 */
void llmq_stream_socket_go_on(llmq_streams_t *all);

/**
 * Hang up at once; its owner is told, once, that the client has not got all.
 * @param s the stream
 * @threads the streams' own
 */
void llmq_stream_socket_cut(llmq_stream_t *s);

#endif /* LLMQ_STREAM_SOCKET_H */
