#include "base/frame_queue.h"

#include <stdlib.h>

#define LAST_CHUNK "0\r\n\r\n"

typedef struct llmq_frame_piece_t {
    struct llmq_frame_piece_t *next;
    llmq_frame_t *frame; /* NULL: the last chunk */
} piece_t;

static void part_of(struct iovec *part, const llmq_frame_queue_t *q, const piece_t *piece)
{
    if (piece->frame) {
        llmq_frame_part(part, piece->frame, q->chunked);
    }
    else {
        part->iov_base = (void *)(apr_size_t)LAST_CHUNK;
        part->iov_len = sizeof(LAST_CHUNK) - 1;
    }
}

static apr_status_t append(llmq_frame_queue_t *q, llmq_frame_t *frame)
{
    piece_t *piece = malloc(sizeof(*piece));
    struct iovec part;

    if (!piece) {
        return APR_ENOMEM;
    }
    piece->next = NULL;
    piece->frame = frame ? llmq_frame_keep(frame) : NULL;
    if (q->first) {
        q->last->next = piece;
    }
    else {
        q->first = piece;
    }
    q->last = piece;
    part_of(&part, q, piece);
    q->bytes += part.iov_len;
    return APR_SUCCESS;
}

apr_status_t llmq_frame_queue_put(llmq_frame_queue_t *q, llmq_frame_t *frame)
{
    return append(q, frame);
}

apr_status_t llmq_frame_queue_finish(llmq_frame_queue_t *q)
{
    return q->chunked ? append(q, NULL) : APR_SUCCESS;
}

int llmq_frame_queue_gather(struct iovec *parts, int max, const llmq_frame_queue_t *q)
{
    const piece_t *piece = q->first;
    int n;

    for (n = 0; piece && n < max; n++, piece = piece->next) {
        part_of(&parts[n], q, piece);
    }
    if (n) {
        parts[0].iov_base = (char *)parts[0].iov_base + q->done;
        parts[0].iov_len -= q->done;
    }
    return n;
}

static void shift(llmq_frame_queue_t *q)
{
    piece_t *piece = q->first;

    q->first = piece->next;
    llmq_frame_drop(piece->frame);
    free(piece);
}

void llmq_frame_queue_advance(llmq_frame_queue_t *q, apr_size_t n)
{
    q->bytes -= n;
    q->done += n;
    while (q->first) {
        struct iovec part;

        part_of(&part, q, q->first);
        if (q->done < part.iov_len) {
            return;
        }
        q->done -= part.iov_len;
        shift(q);
    }
}

void llmq_frame_queue_clear(llmq_frame_queue_t *q)
{
    while (q->first) {
        shift(q);
    }
    q->bytes = q->done = 0;
}
