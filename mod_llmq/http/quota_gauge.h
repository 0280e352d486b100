/**
 * @file quota_gauge.h
 * How many jobs of a key have not ended (LLMQLimit concurrency). They are counted in the store,
 * where all nodes see them and all ends show; those between the count and their commit
 * stand in the ledger (core/coming.h), so that callers of one node that come at once get
 * exactly what there is.
 * @threads request
 */
#ifndef LLMQ_QUOTA_GAUGE_H
#define LLMQ_QUOTA_GAUGE_H

#include "http/service.h"

/**
 * Is there room for one more? If so, it is taken until llmq_quota_gauge_leave().
 * @param psince  out: since when, for llmq_quota_gauge_leave(); 0: there is none
 * @param service the service of this process
 * @param account whose
 * @param limit   most of them
 * @param p       scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 */
apr_status_t llmq_quota_gauge_enter(apr_time_t *psince, const llmq_service_t *service,
                                    apr_uint64_t account, apr_int64_t limit,
                                    apr_pool_t *p);

/**
 * It was committed, and is counted there from now on; or it was not after all.
 * @param service the service of this process
 * @param account whose
 * @param since   when it entered
 */
void llmq_quota_gauge_leave(const llmq_service_t *service, apr_uint64_t account,
                            apr_time_t since);

#endif /* LLMQ_QUOTA_GAUGE_H */
