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

/**
 * @param plevel out: the level of a queue's name; untouched unless APR_SUCCESS
 * @param name   the word of the level, or that with "_priority" (contract A6)
 * @return APR_SUCCESS; APR_EINVAL no such queue
 * @threads any
 */
apr_status_t llmq_priority_parse_queue(llmq_level_e *plevel, const char *name);

#endif /* LLMQ_PRIORITY_H */
