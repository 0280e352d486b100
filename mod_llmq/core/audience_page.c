#include "core/audience_page.h"

#include <string.h>

#define FIRST_SIZE 4096

void llmq_audience_page_init(llmq_audience_page_t *page, apr_int64_t after,
                             apr_size_t max, apr_pool_t *p)
{
    memset(page, 0, sizeof(*page));
    page->pieces = apr_array_make(p, 4, sizeof(llmq_audience_piece_t));
    page->max = max;
    page->last = after;
    llmq_text_init(&page->text, FIRST_SIZE, p);
}

static void push(llmq_audience_page_t *page, const llmq_audience_piece_t *fit,
                 llmq_frame_t *frame)
{
    llmq_audience_piece_t *piece;

    if (!frame) {
        page->failed = 1;
        return;
    }
    piece = apr_array_push(page->pieces);
    *piece = *fit;
    piece->frame = frame;
}

static void flush(llmq_audience_page_t *page)
{
    struct iovec part = {page->text.data, page->text.len};

    if (page->open.events) {
        push(page, &page->open, llmq_frame_make(&part, 1));
    }
    page->open.events = 0;
    page->text.len = 0;
}

void llmq_audience_page_add(llmq_audience_page_t *page, const llmq_sse_event_t *event)
{
    if (page->text.len + event->len > page->max) {
        flush(page);
    }
    if (!page->open.events) {
        page->open.from = page->last;
        page->open.until = event->id - 1;
    }
    llmq_sse_text_add(&page->text, event);
    page->open.to = page->last = event->id;
    page->open.events++;
}

void llmq_audience_page_show(llmq_audience_page_t *page, const llmq_sse_event_t *event,
                             const llmq_audience_piece_t *fit)
{
    llmq_audience_piece_t piece = *fit;

    flush(page);
    piece.events = 1;
    push(page, &piece, llmq_sse_text_frame(event));
}

apr_status_t llmq_audience_page_close(llmq_audience_page_t *page)
{
    flush(page);
    return page->failed ? APR_ENOMEM : APR_SUCCESS;
}

void llmq_audience_page_drop(llmq_audience_page_t *page)
{
    int i;

    for (i = 0; i < page->pieces->nelts; i++) {
        llmq_frame_drop(APR_ARRAY_IDX(page->pieces, i, llmq_audience_piece_t).frame);
    }
    page->pieces->nelts = 0;
}
