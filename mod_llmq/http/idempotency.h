/**
 * @file idempotency.h
 * The claim of a request with an `Idempotency-Key`. The key belongs to tenant, caller, method
 * and path; the first 2xx answer is kept, and http/once.h replays it.
 *
 * A request with a key claims it in the store before its handler runs (store/store_idem.h),
 * and the answer is stored before it is sent. So, whatever dies when: either the answer is
 * there to be replayed, or the next try makes the very same object, whose id the claim
 * holds; the handler asks for it with llmq_idempotency_id().
 * @threads request
 */
#ifndef LLMQ_IDEMPOTENCY_H
#define LLMQ_IDEMPOTENCY_H

#include "base/result.h"
#include "http/service.h"
#include "store/store_idem.h"

#include <httpd.h>

/**
 * Claim a key for a request; the claim lives as long as that.
 * @param answer  out: with APR_EEXIST the one that is kept
 * @param r       the request, a POST
 * @param service the service of this process
 * @param key     the header's value
 * @param why     out: with LLMQ_EBODY
 * @return APR_SUCCESS: it is this request's turn; APR_EEXIST: it was answered before;
 *         LLMQ_EBUSY: it is being answered; LLMQ_ESTATE: the key came with another body;
 *         LLMQ_EBODY: the key or the body cannot be; LLMQ_ESTORE
 */
apr_status_t llmq_idempotency_claim(llmq_idem_answer_t *answer, request_rec *r,
                                    const llmq_service_t *service, const char *key,
                                    llmq_result_t *why);

/**
 * The id that what this request makes shall have.
 * @param r      the request
 * @param prefix of the kind, such as "msg_"
 * @param id     a new one, for a request without a key
 * @return the id; lives as long as the request
 */
const char *llmq_idempotency_id(request_rec *r, const char *prefix, const char *id);

/**
 * @param r the request
 * @return non-zero if an earlier try may have made the object already: look before it is
 *         made
 */
int llmq_idempotency_is_again(request_rec *r);

/**
 * The answer is about to be sent: keep it, or open or free the key. Nothing for a request
 * without a claim.
 * @param r      the request
 * @param status HTTP status
 * @param body   text
 */
void llmq_idempotency_settle(request_rec *r, int status, const char *body);

/**
 * Somebody else will keep the answer, or free the key (dispatch/replays.h): lend the claim.
 * @param pscope out: of the key; NULL: the request has none
 * @param pclaim out: of the claim
 * @param r      the request
 * @param lease  microseconds from now, in which nobody else may claim the key
 * @return APR_SUCCESS; other: the store is away, or the claim is not ours any more
 */
apr_status_t llmq_idempotency_lend(const char **pscope, apr_int64_t *pclaim,
                                   request_rec *r, apr_interval_time_t lease);

/**
 * From now on that is theirs: what the request answers is neither kept nor frees the key.
 * @param r the request
 */
void llmq_idempotency_hand_over(request_rec *r);

/**
 * The request takes long: keep others off its key. To be called now and then.
 * @param r the request
 */
void llmq_idempotency_renew(request_rec *r);

#endif /* LLMQ_IDEMPOTENCY_H */
