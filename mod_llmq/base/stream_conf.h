/**
 * @file stream_conf.h
 * The words of base/stream.h: what streams are, how one behaves and whom it tells.
 */
#ifndef LLMQ_STREAM_CONF_H
#define LLMQ_STREAM_CONF_H

#include <apr_time.h>

typedef struct llmq_streams_t llmq_streams_t; /* the thread and all it has */
typedef struct llmq_stream_t llmq_stream_t;   /* one socket */

/** What is written; each kind has its places. */
typedef enum {
    LLMQ_STREAM_ANSWER, /* one answer, once it is there */
    LLMQ_STREAM_EVENTS, /* events, for as long as the client listens */
    LLMQ_STREAM_COUNT
} llmq_stream_kind_e;

/**
 * What a stream has come to. What has waited for it is dropped afterwards.
 * @param ctx   what llmq_stream_open() was given
 * @param whole non-zero: ended, and the kernel has taken every byte; 0: the client left, was
 *              cut, or the process ends
 * @threads the streams' own
 */
typedef void llmq_stream_over_fn_t(void *ctx, int whole);

/**
 * Something that the thread does for others.
 * @param ctx what came with the function
 * @threads the streams' own: it does not wait for anything
 */
typedef void llmq_stream_turn_fn_t(void *ctx);

/** How a stream behaves. */
typedef struct llmq_stream_conf_t {
    llmq_stream_kind_e kind;   /* whose place it takes */
    int chunked;               /* non-zero: each frame is a chunk, the end is one */
    apr_size_t max_pending;    /* bytes that may wait: with more it is cut; 0: any */
    apr_interval_time_t stall; /* a client that takes no byte for so long is cut; > 0 */
    int later; /* non-zero: it begins with llmq_stream_begin(), frames wait until then */
    llmq_stream_over_fn_t *over;
    llmq_stream_turn_fn_t
        *drained; /* what waited is written, after some had waited; NULL */
    void *ctx;    /* for over and drained; must live until over */
} llmq_stream_conf_t;

#endif /* LLMQ_STREAM_CONF_H */
