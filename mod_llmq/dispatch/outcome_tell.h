/**
 * @file outcome_tell.h
 * Telling what became of attempts, once it is written: the queue first, since answers say
 * what that says; then the bus, whose listeners read the store.
 */
#ifndef LLMQ_OUTCOME_TELL_H
#define LLMQ_OUTCOME_TELL_H

#include "dispatch/way.h"

/**
 * Tell the queues and the bus, and note what came too late.
 * @param batch as it was written
 * @threads finisher
 */
void llmq_outcome_tell(const llmq_batch_t *batch);

#endif /* LLMQ_OUTCOME_TELL_H */
