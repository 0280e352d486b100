/**
 * @file give_back.h
 * Jobs that were claimed for somebody who did not get the answer go back as if they had been
 * released: at once, and without a delivery that counts.
 */
#ifndef LLMQ_GIVE_BACK_H
#define LLMQ_GIVE_BACK_H

#include "core/lease.h"
#include "http/service.h"

/** A job that was claimed. */
typedef struct llmq_given_t {
    llmq_kind_e kind;
    char id[LLMQ_ID_MAX + 1];
    char token[LLMQ_LEASE_TOKEN_MAX + 1];
} llmq_given_t;

/**
 * @param jobs jobs of an answer
 * @param n    their number (> 0)
 * @return what llmq_give_back() needs of them, by malloc(); NULL: no memory
 * @threads any
 */
llmq_given_t *llmq_give_back_note(const llmq_job_t *const *jobs, int n);

/**
 * Release jobs. If the store does not answer they come back when their leases end.
 * @param service the service of this process
 * @param tenant  of all of them
 * @param given   the jobs
 * @param n       their number (> 0)
 * @param p       scratch
 * @return how many went back
 * @threads any
 */
int llmq_give_back(const llmq_service_t *service, const char *tenant,
                   const llmq_given_t *given, int n, apr_pool_t *p);

#endif /* LLMQ_GIVE_BACK_H */
