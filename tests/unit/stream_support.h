/**
 * @file stream_support.h
 * What the tests of streams share: all of them, and one with its client.
 */
#ifndef LLMQ_TEST_STREAM_SUPPORT_H
#define LLMQ_TEST_STREAM_SUPPORT_H

#include "base/stream.h"

#include <stdatomic.h>

#define STREAM_LONG  apr_time_from_sec(3600) /* never */
#define STREAM_SHORT apr_time_from_msec(50)
#define STREAM_BIG   (4 * 1024 * 1024) /* more than the buffers of a pair of sockets */

/** One stream and what its `over` was told. */
typedef struct {
    llmq_stream_t *stream;
    int fd;     /* what the stream has */
    int client; /* the other end */
    _Atomic(int) calls;
    _Atomic(int) whole;
    _Atomic(apr_size_t) rest;
} stream_client_t;

/** Those of stream_setup(), with places for four answers and two streams of events. */
extern llmq_streams_t *stream_all;

/** A checked fixture. */
void stream_setup(void);

/** @return a frame of two parts; the caller drops it */
llmq_frame_t *stream_frame_of(const char *data, size_t len);

/** @return as llmq_stream_send() */
apr_status_t stream_write_to(llmq_stream_t *s, const char *data, size_t len);

/** @return streams of all kinds */
int stream_count(void);

/** An `over` whose ctx is a stream_client_t. */
void stream_note_over(void *ctx, int whole);

/** Open one of this kind; `over` is ours unless it has one. */
void stream_open_by(stream_client_t *c, const llmq_stream_conf_t *how);

/** An answer, cut when its client takes nothing for that long. */
void stream_open_one(stream_client_t *c, apr_interval_time_t stall);

/** Events in chunks. */
void stream_open_events(stream_client_t *c, apr_size_t max_pending);

/** Wait for a moment, some thousand times at most. @return 0 after the last one */
int stream_patience(int *rounds);

/** @return non-zero: `over` was called once; 0: not for a minute, or too often */
int stream_until_over(stream_client_t *c);

/** @return non-zero if there are so many within a minute */
int stream_until_count(int n);

/** @return everything until the end, *plen its length; the caller frees it */
char *stream_read_all(stream_client_t *c, size_t *plen);

/** All that comes until the end is this. */
void stream_expect(stream_client_t *c, const char *text);

#endif /* LLMQ_TEST_STREAM_SUPPORT_H */
