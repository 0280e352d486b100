/**
 * @file ways.h
 * The table of ways (way.h): what is done for which kind of job.
 */
#ifndef LLMQ_WAYS_H
#define LLMQ_WAYS_H

#include "dispatch/way.h"

/**
 * @return the ways by kind, LLMQ_KIND_COUNT of them; that of LLMQ_KIND_NONE is for kinds that
 *         nobody knows
 * @threads any
 */
const llmq_way_t *llmq_ways(void);

#endif /* LLMQ_WAYS_H */
