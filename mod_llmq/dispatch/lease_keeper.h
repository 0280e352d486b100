/**
 * @file lease_keeper.h
 * Looks after what workers have. The queue tells which leases have ended; what that means
 * the store decides: a worker that fell silent loses its job (core/lease.h says what becomes
 * of it), a lease that was renewed elsewhere goes on, what has ended meanwhile leaves the
 * queue, what was taken for a claim that never came is ready again.
 *
 * So whatever happens to a process between the queue and the store, the entry is looked at
 * when its lease is over, and the row is what counts. Each change is conditional on what was
 * read; one that is not accepted is looked at again at the next tick.
 */
#ifndef LLMQ_LEASE_KEEPER_H
#define LLMQ_LEASE_KEEPER_H

#include "dispatch/dispatch.h"

typedef struct llmq_lease_keeper_t llmq_lease_keeper_t;

/**
 * @param d the dispatcher
 * @param p pool, as long as the keeper
 * @return the keeper; NULL if out of memory
 * @phase dispatcher; @threads the first
 */
llmq_lease_keeper_t *llmq_lease_keeper_create(llmq_dispatch_t *d, apr_pool_t *p);

/**
 * Look after the leases that have ended, of both queues.
 * @param k the keeper
 * @return APR_SUCCESS; LLMQ_ESTORE, APR_EINCOMPLETE: they wait for the next tick
 * @threads the dispatcher's first
 */
apr_status_t llmq_lease_keeper_tick(llmq_lease_keeper_t *k);

#endif /* LLMQ_LEASE_KEEPER_H */
