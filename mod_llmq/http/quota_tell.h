/**
 * @file quota_tell.h
 * What is said of limits (LLMQLimit, LLMQBudget): to callers in OpenAI's headers,
 * x-ratelimit-limit-requests and its like, and in the refusal; to operators in the counters of
 * core/usage_meter.h.
 * @threads request
 */
#ifndef LLMQ_QUOTA_TELL_H
#define LLMQ_QUOTA_TELL_H

#include "cfg/cfg.h"
#include "http/service.h"

/**
 * Set the headers. Of several limits on the same thing the tightest is told; of budgets
 * none, as callers need not know what they cost.
 * @param r       the request
 * @param limit   what was asked
 * @param verdict its answer
 */
void llmq_quota_tell_level(request_rec *r, const llmq_cfg_quota_t *limit,
                           const llmq_ledger_verdict_t *verdict);

/**
 * Somebody waits because of a limit: it is counted.
 * @param service the service of this process
 * @param limit   which
 */
void llmq_quota_tell_wait(const llmq_service_t *service, const llmq_cfg_quota_t *limit);

/**
 * Somebody is refused because of a limit: it is counted, and Retry-After is set.
 * @param r       the request
 * @param service the service of this process
 * @param limit   which
 * @param wait    until there may be room
 * @param why     out
 * @return what the caller returns: LLMQ_EBODY
 */
apr_status_t llmq_quota_tell_refusal(request_rec *r, const llmq_service_t *service,
                                     const llmq_cfg_quota_t *limit,
                                     apr_interval_time_t wait, llmq_result_t *why);

#endif /* LLMQ_QUOTA_TELL_H */
