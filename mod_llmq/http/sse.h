/**
 * @file sse.h
 * Answering with an event stream: its headers, where it begins, how long it lasts.
 * @threads request
 */
#ifndef LLMQ_SSE_H
#define LLMQ_SSE_H

#include "bus/bus.h"
#include "http/service.h"

#include <httpd.h>

/** What is streamed. */
typedef struct llmq_sse_t {
    llmq_topic_e what;
    const char *id;
    apr_int64_t cursor; /* what the client has */
    int limit;          /* most entries of one read */
} llmq_sse_t;

/**
 * What the client has heard last. Clients that are not to send headers of their own, such as
 * event-source-polyfill, say it in the address.
 * @param r a request
 * @return its Last-Event-ID, or its parameter lastEventId; NULL without one
 */
const char *llmq_sse_last_id(request_rec *r);

/**
 * Stream until the client leaves, its token ends or LLMQSSEMaxAge is over.
 * @param r       the request; it may be heard by its caller
 * @param service the service of this process
 * @param sse     what is streamed
 * @return what the handler returns
 */
int llmq_sse_answer(request_rec *r, const llmq_service_t *service, const llmq_sse_t *sse);

/**
 * There is nothing to be heard any more: 204, which tells a browser to stay away.
 * @param r the request
 * @return OK
 */
int llmq_sse_nothing(request_rec *r);

#endif /* LLMQ_SSE_H */
