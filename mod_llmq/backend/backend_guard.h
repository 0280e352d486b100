/**
 * @file backend_guard.h
 * The door in front of calls whose URL comes from a caller (call->egress): each address
 * that curl is about to connect to is looked at, so what a name resolved to, or to what it
 * resolves the next time, decides, and not what it looked like before. Redirects are not
 * followed by any call.
 *
 * Connections are reused within an engine. Guarded calls need an engine of their own, or
 * they could use a connection that an unguarded one has made.
 */
#ifndef LLMQ_BACKEND_GUARD_H
#define LLMQ_BACKEND_GUARD_H

#include "backend/backend_transfer.h"

/**
 * Set up a handle.
 * @param t a transfer with its url and its handle; without call->egress nothing is done
 * @return non-zero if curl accepts it
 * @threads the engine's
 */
int llmq_backend_guard_set(llmq_backend_transfer_t *t);

/**
 * @param t       a transfer that ends
 * @param trouble why
 * @return LLMQ_BACKEND_TROUBLE_ADDRESS if no address that the name has is allowed, else
 *         @a trouble
 * @threads the engine's
 */
llmq_backend_trouble_e llmq_backend_guard_trouble(const llmq_backend_transfer_t *t,
                                                  llmq_backend_trouble_e trouble);

#endif /* LLMQ_BACKEND_GUARD_H */
