/**
 * @file frame_queue.h
 * Frames that wait for one client: shared ones, of which a queue has little more than a
 * pointer each. While nothing waits a queue has no memory of its own.
 *
 * No lock. The reader (gather, advance, clear) and the writer (put, finish) may be two
 * threads if they share one; what was gathered stays readable without it until the reader
 * advances or clears.
 */
#ifndef LLMQ_FRAME_QUEUE_H
#define LLMQ_FRAME_QUEUE_H

#include "base/frame.h"

#include <apr_errno.h>

struct llmq_frame_piece_t;

/** A queue, zeroed before its first use but for @a chunked. */
typedef struct llmq_frame_queue_t {
    struct llmq_frame_piece_t *first;
    struct llmq_frame_piece_t *last; /* valid while there is a first */
    apr_size_t bytes;                /* that wait, marks included */
    apr_size_t done;                 /* bytes of the first that are written */
    char chunked;                    /* non-zero: with the marks of chunked coding */
} llmq_frame_queue_t;

/**
 * @param q     the queue
 * @param frame held once more while it waits
 * @return APR_SUCCESS; APR_ENOMEM: nothing changed
 * @threads the writer
 */
apr_status_t llmq_frame_queue_put(llmq_frame_queue_t *q, llmq_frame_t *frame);

/**
 * Nothing follows: the last chunk, where chunks are written.
 * @param q the queue
 * @return APR_SUCCESS; APR_ENOMEM: nothing changed
 * @threads the writer
 */
apr_status_t llmq_frame_queue_finish(llmq_frame_queue_t *q);

/**
 * What is to be written next.
 * @param parts out: @a max parts
 * @param max   > 0
 * @param q     the queue
 * @return how many parts there are; 0: nothing waits
 * @threads the reader
 */
int llmq_frame_queue_gather(struct iovec *parts, int max, const llmq_frame_queue_t *q);

/**
 * @param q the queue
 * @param n bytes that were written, at most as many as were gathered
 * @threads the reader
 */
void llmq_frame_queue_advance(llmq_frame_queue_t *q, apr_size_t n);

/**
 * Forget what waits.
 * @param q the queue
 * @threads the reader
 */
void llmq_frame_queue_clear(llmq_frame_queue_t *q);

#endif /* LLMQ_FRAME_QUEUE_H */
