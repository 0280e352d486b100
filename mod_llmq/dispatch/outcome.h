/**
 * @file outcome.h
 * What becomes of an attempt that has ended: a result, another try (core/retry.h) or the end.
 * Nothing is written here; that is outcome_write.h.
 */
#ifndef LLMQ_OUTCOME_H
#define LLMQ_OUTCOME_H

#include "core/retry.h"
#include "dispatch/attempt.h"
#include "store/store_job.h"

/**
 * Is a call that has failed tried again?
 * @param verdict out: PENDING, or the end
 * @param a       its attempt
 * @threads any: the attempt's owner
 */
void llmq_outcome_judge(llmq_verdict_t *verdict, const llmq_attempt_t *a);

/**
 * Put a verdict into an outcome: the moment of the end, or the next attempt and its moment.
 * @param o       in and out: prepared
 * @param a       the attempt
 * @param verdict any status but PROCESSING
 * @threads finisher
 */
void llmq_outcome_apply(llmq_outcome_t *o, const llmq_attempt_t *a,
                        const llmq_verdict_t *verdict);

/**
 * Decide what becomes of an attempt, as the way of its kind has it.
 * @param o out
 * @param a the attempt
 * @threads finisher
 */
void llmq_outcome_decide(llmq_outcome_t *o, llmq_attempt_t *a);

/**
 * The database refuses an outcome: make a failure of it, which can certainly be written.
 * @param o in and out
 * @param a the attempt
 * @threads finisher
 */
void llmq_outcome_refuse(llmq_outcome_t *o, const llmq_attempt_t *a);

#endif /* LLMQ_OUTCOME_H */
