/**
 * @file app_input.h
 * Bodies of S2's calls. A body must be a JSON object; all its fields that are wrong are
 * told at once, each with a sentence of S2's language. Unknown fields are ignored.
 * @threads any
 */
#ifndef LLMQ_APP_INPUT_H
#define LLMQ_APP_INPUT_H

#include "core/app.h"

#include <json-c/json_types.h>

/**
 * What an app shall be called: `name`, `icon`, `description`, all strings; null is as absent.
 * @param patch out: what it says, in @a p
 * @param body  the body
 * @param conf  limits
 * @param is_new non-zero: a name is required
 * @param why   begun as {0}; out: INVALID with the fields
 * @param p     pool
 * @return APR_SUCCESS; LLMQ_EBODY
 */
apr_status_t llmq_app_input_fields(llmq_app_patch_t *patch, struct json_object *body,
                                   const llmq_app_conf_t *conf, int is_new,
                                   llmq_result_t *why, apr_pool_t *p);

/**
 * A configuration: `memory_mode`, and `dialog_round` inside `model_config` or beside it. What
 * else `model_config` holds is kept.
 * @param config out: model, rounds and memory
 * @param body   the body
 * @param conf   limits
 * @param why    begun as {0}; out: INVALID with the fields
 * @param p      pool
 * @return APR_SUCCESS; LLMQ_EBODY
 */
apr_status_t llmq_app_input_config(llmq_app_config_t *config, struct json_object *body,
                                   const llmq_app_conf_t *conf, llmq_result_t *why,
                                   apr_pool_t *p);

/**
 * A question: `query`, not empty.
 * @param pquery out: in @a p
 * @param body   the body
 * @param conf   limits
 * @param why    begun as {0}; out: INVALID with the field
 * @param p      pool
 * @return APR_SUCCESS; LLMQ_EBODY
 */
apr_status_t llmq_app_input_query(const char **pquery, struct json_object *body,
                                  const llmq_app_conf_t *conf, llmq_result_t *why,
                                  apr_pool_t *p);

/**
 * A long-term memory: `summary`, a string that may be empty.
 * @param psummary out: in @a p
 * @param body     the body
 * @param conf     limits
 * @param why      begun as {0}; out: INVALID with the field
 * @param p        pool
 * @return APR_SUCCESS; LLMQ_EBODY
 */
apr_status_t llmq_app_input_summary(const char **psummary, struct json_object *body,
                                    const llmq_app_conf_t *conf, llmq_result_t *why,
                                    apr_pool_t *p);

#endif /* LLMQ_APP_INPUT_H */
