/**
 * @file gate.h
 * What may come in at all, asked before a request's body is read: routes with the flag
 * ROUTE_GATED make something new. They stay closed during maintenance, and their callers
 * keep to the rate of the location.
 * @threads request
 */
#ifndef LLMQ_GATE_H
#define LLMQ_GATE_H

#include "base/result.h"
#include "http/service.h"

#include <httpd.h>

/**
 * May this request come in? Where the location has a rate, the answer gets the headers
 * RateLimit-Limit, RateLimit-Remaining and RateLimit-Reset, and Retry-After if it may not.
 * @param r       the request
 * @param service the service of this process
 * @param why     out: MAINTENANCE, REDIS or RATE
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 */
apr_status_t llmq_gate_check(request_rec *r, const llmq_service_t *service,
                             llmq_result_t *why);

#endif /* LLMQ_GATE_H */
