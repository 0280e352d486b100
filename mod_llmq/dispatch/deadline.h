/**
 * @file deadline.h
 * The end of a job that was not begun in time: status TIMEOUT (outcome.h), written under the
 * fence by the finisher like any other end, without a call and without a retry.
 */
#ifndef LLMQ_DEADLINE_H
#define LLMQ_DEADLINE_H

#include "dispatch/attempt.h"

/**
 * Hand a job whose deadline has passed to the finisher.
 * @param d     the dispatcher
 * @param entry as llmq_queue_take_expired() gave it
 * @param job   as loaded, not final
 * @param past  what was said before it
 * @threads the drain thread
 */
void llmq_deadline_end(llmq_dispatch_t *d, const llmq_entry_t *entry,
                       const llmq_job_t *job, const llmq_chat_past_t *past);

#endif /* LLMQ_DEADLINE_H */
