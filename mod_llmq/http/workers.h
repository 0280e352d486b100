/**
 * @file workers.h
 * The workers of a tenant at this moment: what this server has heard of them, what other
 * nodes have stored, and what they have in their hands.
 * @threads request
 */
#ifndef LLMQ_WORKERS_H
#define LLMQ_WORKERS_H

#include "core/roster.h"
#include "http/service.h"

/** A worker, over all nodes. */
typedef struct llmq_workers_view_t {
    llmq_worker_t worker; /* seen is its last sign of life; tasks is not to be read */
    llmq_worker_e state;
    apr_int64_t holds;  /* tasks and messages in its hands */
    const char *latest; /* id of what it has begun last; "" if it holds nothing */
    int whole;          /* non-zero: what is stored by this node is in the counts */
} llmq_workers_view_t;

/** All of a tenant. */
typedef struct llmq_workers_t {
    llmq_workers_view_t **view; /* by name */
    int n;
    int count[LLMQ_WORKER_COUNT]; /* by state */
} llmq_workers_t;

/**
 * @param workers out
 * @param service the service
 * @param tenant  of which tenant
 * @param now     the present
 * @param p       pool of the result
 * @return APR_SUCCESS; LLMQ_ESTORE
 */
apr_status_t llmq_workers_gather(llmq_workers_t *workers, const llmq_service_t *service,
                                 const char *tenant, apr_time_t now, apr_pool_t *p);

#endif /* LLMQ_WORKERS_H */
