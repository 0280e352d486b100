/**
 * @file gateway_held.h
 * A call of the gateway that its request's thread waits for: for a moment, in case that the
 * answer comes at once, or, where the request cannot be parked, to the end. Private to
 * http/gateway*.c.
 */
#ifndef LLMQ_GATEWAY_HELD_H
#define LLMQ_GATEWAY_HELD_H

#include "http/gateway_call.h"

#include <httpd.h>

/**
 * Wait, and answer.
 * @param call  a call that the relay tells
 * @param r     its request
 * @param until when to stop waiting; 0: never
 * @return non-zero: it is over, answered or left; 0: it is time, and nothing was sent
 * @threads request
 */
int llmq_gateway_held_sit(llmq_gateway_call_t *call, request_rec *r, apr_time_t until);

#endif /* LLMQ_GATEWAY_HELD_H */
