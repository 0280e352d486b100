/**
 * @file query_token.h
 * A token in the address, `?access_token=` (RFC 6750 section 2.3), for clients that cannot
 * send headers: the browsers' EventSource. Addresses end up in logs, so it counts on event
 * streams only, and on all our paths it is taken out of the request before anybody
 * writes that down: the access log, mod_status, what rules and scripts see.
 * @threads request
 */
#ifndef LLMQ_QUERY_TOKEN_H
#define LLMQ_QUERY_TOKEN_H

#include <httpd.h>

/**
 * Take it out of the request, if that is for one of our paths, and keep it. Once is enough,
 * more does no harm.
 * @param r a request, however broken
 * @return DECLINED
 * @phase post_read_request, log_transaction
 */
int llmq_query_token_take(request_rec *r);

/**
 * @param r a request, decoded
 * @return the token that it came with, if it asks for an event stream; NULL: none
 */
const char *llmq_query_token_get(request_rec *r);

#endif /* LLMQ_QUERY_TOKEN_H */
