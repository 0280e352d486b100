/**
 * @file spent.h
 * What an attempt has used of its backend, as it is counted by tenant, caller and model
 * (store/store_usage.h).
 */
#ifndef LLMQ_SPENT_H
#define LLMQ_SPENT_H

#include "core/ledger.h"
#include "core/usage_meter.h"
#include "dispatch/attempt.h"
#include "store/store_job.h"

#define LLMQ_SPENT_MODEL_MAX 200 /* bytes; longer names count as "other" */

/** Who settles. */
typedef struct llmq_spent_by_t {
    llmq_ledger_t *ledger;     /* NULL: nothing is limited */
    llmq_usage_meter_t *meter; /* NULL: nothing is counted */
    llmq_store_t *store;
    apr_pool_t *pool; /* scratch */
} llmq_spent_by_t;

/**
 * @param used out: model NULL where nothing is counted: no call was made, or it was one to
 *             a handler, which is no model. What a stream has used whose client went away in
 *             its middle is estimated
 * @param a    an attempt that has ended
 * @threads finisher
 */
void llmq_spent_read(llmq_used_t *used, llmq_attempt_t *a);

/**
 * Count for /metrics what was used, as the database does.
 * @param by       who settles
 * @param attempts those that have ended
 * @param outcomes as they were written, of the same
 * @param n        their number
 * @threads finisher
 */
void llmq_spent_count(const llmq_spent_by_t *by, llmq_attempt_t *const *attempts,
                      const llmq_outcome_t *outcomes, int n);

/**
 * Settle what jobs were charged with when they were accepted (dispatch/settle.h). Of those
 * that are not over yet nothing is settled, nor where a backend has answered without telling
 * what it used.
 * @param by       who settles
 * @param attempts those that have ended
 * @param outcomes as they were written, of the same
 * @param n        their number
 * @threads finisher
 */
void llmq_spent_settle(const llmq_spent_by_t *by, llmq_attempt_t *const *attempts,
                       const llmq_outcome_t *outcomes, int n);

#endif /* LLMQ_SPENT_H */
