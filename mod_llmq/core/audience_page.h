/**
 * @file audience_page.h
 * What a read of the store brings for an audience: entries of a log, several of which make
 * one frame as long as it stays small, so that ten thousand listeners who stand at the same
 * place cost ten thousand pointers and not ten thousand times each entry.
 * @threads one at a time
 */
#ifndef LLMQ_AUDIENCE_PAGE_H
#define LLMQ_AUDIENCE_PAGE_H

#include "base/sse_text.h"
#include "core/audience.h"

#include <apr_tables.h>

/** A page that is being made. */
typedef struct llmq_audience_page_t {
    apr_array_header_t *pieces; /* llmq_audience_piece_t */
    apr_size_t max;             /* bytes of a frame that holds several entries */
    llmq_text_t text;           /* of the entries that have no frame yet... */
    llmq_audience_piece_t open; /* ...and the piece that they become */
    apr_int64_t last;           /* the cursor behind all entries so far */
    int failed;                 /* non-zero: there was no memory for a frame */
    llmq_audience_news_t news;  /* the caller's */
} llmq_audience_page_t;

/**
 * @param page  out: empty
 * @param after the cursor behind which it begins
 * @param max   bytes of a frame that holds several entries
 * @param p     pool of the page
 */
void llmq_audience_page_init(llmq_audience_page_t *page, apr_int64_t after,
                             apr_size_t max, apr_pool_t *p);

/**
 * Append an entry of a log. It fits whoever has the entry before it, or stands where the
 * page begins if it is the first.
 * @param page  the page
 * @param event the entry; its id is its number, higher than the one before
 */
void llmq_audience_page_add(llmq_audience_page_t *page, const llmq_sse_event_t *event);

/**
 * Append an event that fits other cursors than those of a log.
 * @param page  the page
 * @param event the event
 * @param fit   from, until, to and version
 */
void llmq_audience_page_show(llmq_audience_page_t *page, const llmq_sse_event_t *event,
                             const llmq_audience_piece_t *fit);

/**
 * Nothing more comes.
 * @param page the page
 * @return APR_SUCCESS: the pieces are whole; APR_ENOMEM
 */
apr_status_t llmq_audience_page_close(llmq_audience_page_t *page);

/**
 * Drop the frames.
 * @param page a page, closed or not
 */
void llmq_audience_page_drop(llmq_audience_page_t *page);

#endif /* LLMQ_AUDIENCE_PAGE_H */
