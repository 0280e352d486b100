/**
 * @file queue_lease.h
 * Leases of running entries, private to queue/; what others call is in queue_claim.h. The
 * slots that have one form a heap by its end, whose first is published in the header.
 */
#ifndef LLMQ_QUEUE_LEASE_H
#define LLMQ_QUEUE_LEASE_H

#include "queue/queue_claim.h"
#include "queue/queue_layout.h"

/**
 * Give a slot a lease, another one, or none.
 * @param q     the queue
 * @param i     a slot that runs, or is about to run or to leave
 * @param until end of the lease, 0 = none
 * @threads locked
 */
void llmq_queue_lease_set(llmq_queue_t *q, apr_uint32_t i, apr_time_t until);

#endif /* LLMQ_QUEUE_LEASE_H */
