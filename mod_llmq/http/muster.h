/**
 * @file muster.h
 * The roster of workers (core/roster.h) hears what workers do and what becomes of what they
 * have, once the store knows.
 * @threads any
 */
#ifndef LLMQ_MUSTER_H
#define LLMQ_MUSTER_H

#include "http/claim.h"
#include "http/service.h"
#include "store/store_lease.h"

/**
 * A worker asks for work, and waits for it if it says so.
 * @param service the service of this process
 * @param claim   what it asks for
 */
void llmq_muster_asks(const llmq_service_t *service, const llmq_claim_t *claim);

/**
 * A worker was given something.
 * @param service the service of this process
 * @param job     what, as it is stored now
 * @param n       how many like it
 */
void llmq_muster_gets(const llmq_service_t *service, const llmq_job_t *job, int n);

/**
 * A change was accepted of a job that a worker has.
 * @param service the service of this process
 * @param change  what was stored
 * @param job     as it was before, where the change puts it back to pending; may be NULL
 *                for others
 */
void llmq_muster_changes(const llmq_service_t *service, const llmq_lease_change_t *change,
                         const llmq_job_t *job);

/**
 * A job was canceled or removed that a worker may have had.
 * @param service the service of this process
 * @param job     as it was, or is now; owner, lease_token and started_at are read
 */
void llmq_muster_loses(const llmq_service_t *service, const llmq_job_t *job);

#endif /* LLMQ_MUSTER_H */
