/**
 * @file quota.h
 * What LLMQLimit and LLMQBudget say of jobs that are about to be stored. Every route that
 * accepts work asks here, once it knows all about the job and before it is stored:
 *
 *     rv = llmq_quota_ask(r, service, &job, 1, why);
 *     if (rv == APR_SUCCESS) {
 *         rv = store it;
 *         llmq_quota_end(service, &job, 1, rv == APR_SUCCESS);
 *     }
 *
 * It books units on accounts (core/ledger.h), notes in the job what it was charged with, and
 * where the limit queues moves its run_at. Who writes the job's end settles what it has
 * really used (dispatch/spent.h). The rate of http/gate.c is another thing: it is of a node and
 * of requests of whatever kind, and is asked before anything is read.
 * @threads request
 */
#ifndef LLMQ_QUOTA_H
#define LLMQ_QUOTA_H

#include "base/result.h"
#include "core/job.h"
#include "http/service.h"

#include <httpd.h>

/**
 * May these jobs be accepted? The answer gets the headers x-ratelimit-limit-requests,
 * -remaining- and -reset-, the same of tokens, and Retry-After if they may not.
 * @param r       the request
 * @param service the service of this process
 * @param jobs    new ones of one tenant; in: all but the fields out; out: charges, gauge, run_at,
 *                fair_key and key_cap; api_key in any case
 * @param n       their number; all or none
 * @param why     out: RATE or BUDGET
 * @return APR_SUCCESS; LLMQ_EBODY see @a why; LLMQ_ESTORE
 */
apr_status_t llmq_quota_ask(request_rec *r, const llmq_service_t *service,
                            llmq_job_t *const *jobs, int n, llmq_result_t *why);

/**
 * @param r the request
 * @return non-zero if anything is limited where it arrives
 */
int llmq_quota_limits(request_rec *r);

/**
 * What was accepted will never begin: settle it as nothing used.
 * @param service the service of this process
 * @param text    the job's charges, as they are stored; NULL: none
 */
void llmq_quota_forget(const llmq_service_t *service, const char *text);

/**
 * They were stored, or were not after all: then what was booked is given back.
 * @param service the service of this process
 * @param jobs    as asked
 * @param n       their number
 * @param stored  non-zero if they were
 */
void llmq_quota_end(const llmq_service_t *service, llmq_job_t *const *jobs, int n,
                    int stored);

#endif /* LLMQ_QUOTA_H */
