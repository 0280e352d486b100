/**
 * @file completions_end.h
 * How completions (completions.h) end: what a call's end means, when its caller hears of it,
 * and what is written of it.
 *
 * END is said as soon as it is known, before the row is written: the caller does not wait for
 * the database. Where open rows are counted for a limit, or the answer is kept for a key, it
 * comes after that. The row's end is fenced like all others, it holds no answer, and it is
 * never a dead letter.
 */
#ifndef LLMQ_COMPLETIONS_END_H
#define LLMQ_COMPLETIONS_END_H

#include "backend/backend.h"
#include "core/retry.h"
#include "dispatch/attempt.h"
#include "store/store_job.h"

/** What an attempt of a completion has besides. */
typedef struct llmq_completing_t {
    llmq_raw_t raw;
    llmq_verdict_t verdict; /* CANCELED and COMPLETED besides what retries know */
    const char *error;      /* as it is stored; NULL: as the call has it */
    int unsaid;             /* its caller hears of the end once that is stored */
} llmq_completing_t;

/**
 * A call has ended: decide what becomes of the job, and say so if that is its end.
 * @param call of a completion, its place given back
 * @threads the engine's
 */
void llmq_completions_end_judge(llmq_call_t *call);

/**
 * Whoever waited has been told the end; but some count on the row.
 * @param a the attempt
 * @return non-zero if somebody waits for the row's end
 * @threads any
 */
int llmq_completions_end_is_urgent(const llmq_attempt_t *a);

/**
 * Fill the outcome of an attempt.
 * @param o out: as llmq_outcome_decide() prepared it
 * @param a the attempt
 * @threads finisher
 */
void llmq_completions_end_decide(llmq_outcome_t *o, llmq_attempt_t *a);

/**
 * An outcome cannot be stored, and the job ends with it: say so if it was to be tried again.
 * @param a the attempt
 * @param o as it was decided
 * @threads finisher
 */
void llmq_completions_end_refuse(const llmq_attempt_t *a, const llmq_outcome_t *o);

/**
 * The outcome of an attempt is stored, or it never will be: say its end, if that was kept
 * until now.
 * @param a the attempt
 * @threads finisher
 */
void llmq_completions_end_say(llmq_attempt_t *a);

#endif /* LLMQ_COMPLETIONS_END_H */
