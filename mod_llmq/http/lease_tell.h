/**
 * @file lease_tell.h
 * The queue, and the roster of workers, hear what the store has decided about a job that a worker has. Should this
 * process die before, the lease keeper finds the entry when its lease has ended.
 * @threads any
 */
#ifndef LLMQ_LEASE_TELL_H
#define LLMQ_LEASE_TELL_H

#include "http/service.h"

/**
 * A change was accepted.
 * @param service the service of this process
 * @param change  what was stored
 * @param job     as it was before, where the change puts it back to pending; may be NULL
 *                for others
 */
void llmq_lease_tell(const llmq_service_t *service, const llmq_lease_change_t *change,
                     const llmq_job_t *job);

/**
 * Nobody wants a job any more that was canceled or removed: an entry that a worker has
 * leaves its queue at once. What a dispatcher runs stays until its call has ended.
 * @param service the service of this process
 * @param kind    of the job
 * @param id      the job
 */
void llmq_lease_tell_gone(const llmq_service_t *service, llmq_kind_e kind,
                          const char *id);

#endif /* LLMQ_LEASE_TELL_H */
