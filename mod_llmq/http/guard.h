/**
 * @file guard.h
 * Who may make calls of administration. A token or key decides by its admin claim. Who is
 * not authenticated by us (anonymous, or by another module) may only where the location
 * says `LLMQAdmin On`: there httpd's Require has decided already.
 * @threads request
 */
#ifndef LLMQ_GUARD_H
#define LLMQ_GUARD_H

#include <httpd.h>

/**
 * May the caller administrate? Routes with the flag ROUTE_ADMIN ask this before their
 * function runs.
 * @param r the request
 * @return non-zero if so; 0: answer with llmq_guard_refuse()
 */
int llmq_guard_admin(request_rec *r);

/**
 * As llmq_guard_admin(), but without authentication everybody may: for what is only to be
 * hidden where callers are told apart (a token was sent, or the location demands one).
 * @param r the request
 * @return non-zero if so; 0: answer with llmq_guard_refuse()
 */
int llmq_guard_admin_if_auth(request_rec *r);

/**
 * Answer 403.
 * @param r the request
 * @return what the handler returns
 */
int llmq_guard_refuse(request_rec *r);

#endif /* LLMQ_GUARD_H */
