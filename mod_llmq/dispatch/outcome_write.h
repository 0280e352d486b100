/**
 * @file outcome_write.h
 * Writing what became of attempts, with what belongs to it. A row that the database refuses
 * stands in nobody's way.
 */
#ifndef LLMQ_OUTCOME_WRITE_H
#define LLMQ_OUTCOME_WRITE_H

#include "dispatch/way.h"

/**
 * Write a batch. It may be done again.
 * @param batch no two of one job; outcomes that are refused become failures
 * @return APR_SUCCESS: all are written, accepted is filled; LLMQ_ESTORE: the database is away,
 *         try again
 * @threads finisher
 */
apr_status_t llmq_outcome_write(const llmq_batch_t *batch);

#endif /* LLMQ_OUTCOME_WRITE_H */
