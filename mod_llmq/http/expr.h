/**
 * @file expr.h
 * What httpd's expressions (ap_expr) may say about a message: in `LLMQRule … expr=`, in
 * LLMQFairnessKey.
 *
 *     %{LLMQ_USER}            its user
 *     %{LLMQ_CONVERSATION}    its conversation
 *     %{LLMQ_CONTENT_LENGTH}  bytes of its content
 *     %{LLMQ_PRIORITY}        its level: the sender's while rules are asked, then the one
 *                             that was decided
 *     %{LLMQ_TENANT}          the location's tenant; in any request
 *     llmq_meta('key')        a member of its metadata: a string as it is, else as JSON;
 *                             within a string %{llmq_meta:key}
 *
 * Outside of a message's way all but LLMQ_TENANT are empty. The content itself is no
 * variable: it is large, and texts of LLMQRule look into it for less.
 */
#ifndef LLMQ_EXPR_H
#define LLMQ_EXPR_H

#include "core/job.h"

#include <httpd.h>
#include <json-c/json_types.h>

/**
 * Teach httpd the variables and the function.
 * @phase hooks are registered; @threads single
 */
void llmq_expr_register(void);

/**
 * Let the expressions of a request see a message or a task.
 * @param r        the request
 * @param job      the message or task; read whenever an expression asks
 * @param metadata its metadata, or its payload; NULL for none
 * @threads request
 */
void llmq_expr_show(request_rec *r, const llmq_job_t *job, struct json_object *metadata);

#endif /* LLMQ_EXPR_H */
