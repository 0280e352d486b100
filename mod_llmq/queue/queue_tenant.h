/**
 * @file queue_tenant.h
 * The table of tenants, private to queue/ but for the calls of queue.h that name one. A
 * record is made when a tenant is first named, by the settings, an admission, a put or a
 * pause, and stays for the life of the segment, so that finding one needs no lock and
 * places can never come back to another record than they were taken from. Record 1 is
 * shared by all that come when the table is full.
 *
 * Limits are kept here: what of each level is reserved for whom.
 */
#ifndef LLMQ_QUEUE_TENANT_H
#define LLMQ_QUEUE_TENANT_H

#include "queue/queue_layout.h"

#define LLMQ_QUEUE_TENANT_SHARED 1

/**
 * @param q    the queue
 * @param hash of the tenant's name
 * @return its record; LLMQ_QUEUE_TENANT_SHARED if it has none and cannot get one any more,
 *         or if @a hash is 0; 0 if it was never seen
 * @threads any; lock-free
 */
apr_uint32_t llmq_queue_tenant_find(const llmq_queue_t *q, apr_uint64_t hash);

/**
 * Find or make a record.
 * @param q    the queue
 * @param hash of the tenant's name
 * @return the record, never 0
 * @threads any; takes the lock for a new one
 */
apr_uint32_t llmq_queue_tenant_get(llmq_queue_t *q, apr_uint64_t hash);

/**
 * As llmq_queue_tenant_get(), under the lock.
 * @param q    the queue
 * @param hash of the tenant's name
 * @return the record, never 0
 * @threads locked
 */
apr_uint32_t llmq_queue_tenant_get_locked(llmq_queue_t *q, apr_uint64_t hash);

/**
 * Take over the settings: limits of levels and tenants, what is reserved.
 * @param q    the queue
 * @param conf the settings, which fit the segment
 * @threads locked, or single while nobody else knows the queue
 */
void llmq_queue_tenant_configure(llmq_queue_t *q, const llmq_queue_conf_t *conf);

/**
 * llmq_queue_set_concurrency() under the lock.
 * @param q     the queue
 * @param level a level
 * @param n     brought between 1 and max_concurrent
 * @threads locked
 */
void llmq_queue_tenant_set_concurrency(llmq_queue_t *q, llmq_level_e level,
                                       apr_uint32_t n);

/**
 * llmq_queue_pause() under the lock, of a damaged queue too.
 * @param q      the queue
 * @param tenant hash of its name
 * @param level  a level
 * @param on     non-zero: stop
 * @threads locked
 */
void llmq_queue_tenant_pause(llmq_queue_t *q, apr_uint64_t tenant, llmq_level_e level,
                             int on);

#endif /* LLMQ_QUEUE_TENANT_H */
