/**
 * @file backend_sse.h
 * Server-sent events as a reader sees them (WHATWG HTML, section 9.2): bytes in, in
 * pieces of any size; the data of each event out, its lines joined by line feeds. Lines
 * end with LF, CR LF or CR. Comments and all fields but `data` are skipped, events
 * without data are not reported. No I/O, no JSON.
 *
 * Memory: one line and the data of one event, each at most `max` bytes, in the pool of
 * init. A parser belongs to one thread at a time.
 */
#ifndef LLMQ_BACKEND_SSE_H
#define LLMQ_BACKEND_SSE_H

#include "base/text.h"

#include <apr_errno.h>

/**
 * What is called for each event.
 * @param ctx  as given to init
 * @param data the event's data, not NUL-terminated by promise; valid during the call
 * @param len  its bytes, > 0
 * @return APR_SUCCESS to go on; anything else ends the feed, which returns it
 */
typedef apr_status_t llmq_backend_sse_event_fn_t(void *ctx, const char *data,
                                                 apr_size_t len);

typedef struct llmq_backend_sse_t {
    llmq_backend_sse_event_fn_t *event;
    void *ctx;
    apr_size_t max;   /* bytes */
    int after_cr;     /* a line feed that comes now belongs to the last line's end */
    int after_start;  /* the first line, which may carry a byte order mark, is over */
    llmq_text_t line; /* the line at hand */
    llmq_text_t data; /* of the event at hand */
} llmq_backend_sse_t;

/**
 * @param s     the parser to begin
 * @param event called for each event
 * @param ctx   handed to @a event
 * @param max   longest line and longest event in bytes (> 0)
 * @param p     pool of the buffers
 * @threads any, one at a time
 */
void llmq_backend_sse_init(llmq_backend_sse_t *s, llmq_backend_sse_event_fn_t *event,
                           void *ctx, apr_size_t max, apr_pool_t *p);

/**
 * @param s    the parser
 * @param data bytes
 * @param len  their number
 * @return APR_SUCCESS; LLMQ_EFULL a line or an event is too long; else what the callback
 *         returned. The parser is of no use after a failure.
 * @threads any, one at a time
 */
apr_status_t llmq_backend_sse_feed(llmq_backend_sse_t *s, const char *data,
                                   apr_size_t len);

/**
 * The bytes have ended: report an event that lacks its closing line. (A browser would
 * drop it; servers that forget the last empty line are too common for that.)
 * @param s the parser
 * @return as llmq_backend_sse_feed()
 * @threads any, one at a time
 */
apr_status_t llmq_backend_sse_end(llmq_backend_sse_t *s);

#endif /* LLMQ_BACKEND_SSE_H */
