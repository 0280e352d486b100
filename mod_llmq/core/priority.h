/**
 * @file priority.h
 * The words of the levels.
 */
#ifndef LLMQ_PRIORITY_H
#define LLMQ_PRIORITY_H

#include "llmq.h"

#include <apr_errno.h>

/**
 * @param level a level
 * @return "realtime", "high", "normal" or "low"; static
 * @threads any
 */
const char *llmq_priority_name(llmq_level_e level);

/**
 * @param level a level
 * @return the name of its queue in messages, such as "normal_priority"; static
 * @threads any
 */
const char *llmq_priority_queue_name(llmq_level_e level);

/**
 * @param plevel out: the level of S0's word; untouched unless APR_SUCCESS
 * @param word   "realtime", "high", "normal" or "low", exactly
 * @return APR_SUCCESS; APR_EINVAL unknown
 * @threads any
 */
apr_status_t llmq_priority_parse(llmq_level_e *plevel, const char *word);

#endif /* LLMQ_PRIORITY_H */
