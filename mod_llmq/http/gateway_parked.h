/**
 * @file gateway_parked.h
 * A call of the gateway without a thread: httpd has let go of its connection, the thread of
 * the streams writes its answer when it comes. Private to http/gateway*.c.
 *
 * Which answer that will be is not known when the request is parked. So the headers of each
 * kind are made before (http/capture.h), as httpd would send them, and completed
 * afterwards: the status of an error, the length, and what the backend says besides.
 */
#ifndef LLMQ_GATEWAY_PARKED_H
#define LLMQ_GATEWAY_PARKED_H

#include "http/gateway_call.h"

#include <httpd.h>

/**
 * @param r a request, its body read
 * @return non-zero if it may be parked
 * @threads request
 */
int llmq_gateway_parked_is_possible(request_rec *r);

/**
 * Park; what has come meanwhile is written.
 * @param call a call that the relay tells, of which nothing was sent
 * @param r    its request, which has a place among the streams
 * @return APR_SUCCESS: the place is the stream's, return OK from the handler; other: nothing
 *         was done
 * @threads request
 */
apr_status_t llmq_gateway_parked_begin(llmq_gateway_call_t *call, request_rec *r);

#endif /* LLMQ_GATEWAY_PARKED_H */
