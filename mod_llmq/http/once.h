/**
 * @file once.h
 * A request with an `Idempotency-Key` is answered once, however often it comes.
 * @threads request
 */
#ifndef LLMQ_ONCE_H
#define LLMQ_ONCE_H

#include "http/api.h"

#include <httpd.h>

/**
 * Answer a request once: call its handler, or replay what it answered before. A request
 * without the header, and one that is no POST, simply calls the handler.
 * @param fn      the handler
 * @param r       the request
 * @param service the service of this process
 * @param id      of the path, for the handler
 * @return what the handler returns
 */
int llmq_once_call(llmq_api_fn_t *fn, request_rec *r, const llmq_service_t *service,
                   const char *id);

#endif /* LLMQ_ONCE_H */
