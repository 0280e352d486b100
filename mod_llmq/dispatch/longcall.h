/**
 * @file longcall.h
 * Calls that take long, looked after by the finisher's thread every tenth of a second:
 * their start is written, so that everybody can see they are being processed, and those
 * that were withdrawn or overtaken meanwhile are aborted. A call that ends sooner needs no
 * start of its own, because its result is fenced all the same.
 */
#ifndef LLMQ_LONGCALL_H
#define LLMQ_LONGCALL_H

#include "dispatch/dispatch_inner.h"

/** How long a call must have been in flight to be looked after. */
#define LLMQ_LONGCALL_AGE apr_time_from_msec(100)

/**
 * Look after all long calls.
 * @param d     the dispatcher
 * @param store the finisher's store
 * @param p     scratch
 * @threads the finisher: it alone destroys attempts, so none goes away meanwhile
 */
void llmq_longcall_look_after(llmq_dispatch_t *d, llmq_store_t *store, apr_pool_t *p);

#endif /* LLMQ_LONGCALL_H */
