/**
 * @file sse_text.h
 * Event streams as browsers read them (WHATWG HTML, section 9.2): events with an id, a name
 * and one line of JSON.
 *
 *     id: 7
 *     event: message
 *     data: {"seq":7}
 *     (an empty line)
 */
#ifndef LLMQ_SSE_TEXT_H
#define LLMQ_SSE_TEXT_H

#include "base/frame.h"
#include "base/text.h"

#include <apr_time.h>

/** An event. */
typedef struct llmq_sse_event_t {
    apr_int64_t id; /* where a client that comes back goes on; < 0: the event has none */
    const char *name; /* one word */
    const char *data; /* JSON; a line break in it can only be a blank, and becomes one */
    apr_size_t len;   /* bytes of data */
} llmq_sse_event_t;

/**
 * Append an event.
 * @param t     where to
 * @param event the event
 * @threads any
 */
void llmq_sse_text_add(llmq_text_t *t, const llmq_sse_event_t *event);

/**
 * @param event the event
 * @return a frame with this one event, held by the caller; NULL: no memory
 * @threads any
 */
llmq_frame_t *llmq_sse_text_frame(const llmq_sse_event_t *event);

/**
 * What a stream begins with: when to come back after it has ended, and a comment by which
 * the client sees that it is connected.
 * @param retry microseconds
 * @return a frame, held by the caller; NULL: no memory
 * @threads any
 */
llmq_frame_t *llmq_sse_text_hello(apr_interval_time_t retry);

/**
 * A comment that keeps proxies from closing a connection that looks idle.
 * @return a frame, held by the caller; NULL: no memory
 * @threads any
 */
llmq_frame_t *llmq_sse_text_ping(void);

#endif /* LLMQ_SSE_TEXT_H */
