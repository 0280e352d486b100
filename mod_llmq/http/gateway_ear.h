/**
 * @file gateway_ear.h
 * The ear of a call: what the relay says goes into the list of the thread that waits, or,
 * once the call is parked, on to the client at once. Private to http/gateway*.c.
 */
#ifndef LLMQ_GATEWAY_EAR_H
#define LLMQ_GATEWAY_EAR_H

#include "http/gateway_call.h"

/**
 * Be told by the relay from now on.
 * @param call a call
 * @return as llmq_relay_link_listen()
 * @threads request
 */
apr_status_t llmq_gateway_ear_open(llmq_gateway_call_t *call);

#endif /* LLMQ_GATEWAY_EAR_H */
