#include "base/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK     "\r\n"
#define MARK_LEN 2

static char *put(char *to, const void *from, size_t len)
{
    memcpy(to, from, len);
    return to + len;
}

llmq_frame_t *llmq_frame_make(const struct iovec *parts, int n)
{
    char size[24];
    llmq_frame_t *frame;
    size_t len = 0;
    size_t head;
    char *to;
    int i;

    for (i = 0; i < n; i++) {
        len += parts[i].iov_len;
    }
    head = (size_t)snprintf(size, sizeof(size), "%lx" MARK, (unsigned long)len);
    frame = malloc(sizeof(*frame) + head + len + MARK_LEN);
    if (!frame) {
        return NULL;
    }
    atomic_init(&frame->holders, 1);
    frame->head = (apr_uint32_t)head;
    frame->len = len;
    to = put(frame->data, size, head);
    for (i = 0; i < n; i++) {
        to = put(to, parts[i].iov_base, parts[i].iov_len);
    }
    put(to, MARK, MARK_LEN);
    return frame;
}

llmq_frame_t *llmq_frame_keep(llmq_frame_t *frame)
{
    atomic_fetch_add_explicit(&frame->holders, 1, memory_order_relaxed);
    return frame;
}

void llmq_frame_drop(llmq_frame_t *frame)
{
    if (frame
        && atomic_fetch_sub_explicit(&frame->holders, 1, memory_order_acq_rel) == 1) {
        free(frame);
    }
}

void llmq_frame_part(struct iovec *part, const llmq_frame_t *frame, int chunked)
{
    apr_size_t skip = chunked ? 0 : frame->head;

    part->iov_base = (void *)(apr_size_t)(frame->data + skip);
    part->iov_len = chunked ? frame->head + frame->len + MARK_LEN : frame->len;
}
