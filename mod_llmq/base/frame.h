/**
 * @file frame.h
 * Frames: bytes that are made once and written to any number of clients. A frame is a piece
 * of an event stream; in it stand the same bytes for everybody, with the marks of chunked
 * coding (RFC 9112 section 7.1) around them, which whoever writes to a client that is not
 * sent chunks leaves out.
 *
 *     [ size in hex, CR LF | body | CR LF ]
 *
 * It never changes once it is made; who has it keeps it, and the last one to drop it frees
 * it. Memory is malloc()'s: frames travel between threads.
 */
#ifndef LLMQ_FRAME_H
#define LLMQ_FRAME_H

#include <apr.h>

#include <stdatomic.h>
#include <sys/uio.h>

/** A frame; read it by llmq_frame_part(). */
typedef struct llmq_frame_t {
    _Atomic(int) holders;
    apr_uint32_t head; /* bytes before the body */
    apr_size_t len;    /* bytes of the body */
    char data[];
} llmq_frame_t;

/**
 * @param parts what the body is made of; copied
 * @param n     their number; together they have at least one byte
 * @return a frame that the caller holds; NULL: no memory
 * @threads any
 */
llmq_frame_t *llmq_frame_make(const struct iovec *parts, int n);

/**
 * Hold a frame once more.
 * @param frame the frame
 * @return the frame
 * @threads any; lock-free
 */
llmq_frame_t *llmq_frame_keep(llmq_frame_t *frame);

/**
 * @param frame a frame that the caller holds, and no longer does; NULL is allowed
 * @threads any; lock-free
 */
void llmq_frame_drop(llmq_frame_t *frame);

/**
 * What is to be written to a client.
 * @param part    out: lives as long as the frame is held
 * @param frame   the frame
 * @param chunked non-zero: with its marks
 * @threads any
 */
void llmq_frame_part(struct iovec *part, const llmq_frame_t *frame, int chunked);

#endif /* LLMQ_FRAME_H */
