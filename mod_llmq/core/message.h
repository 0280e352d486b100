/**
 * @file message.h
 * A message as S0 knows it: JSON of a request to a job, and a job to JSON.
 */
#ifndef LLMQ_MESSAGE_H
#define LLMQ_MESSAGE_H

#include "base/json.h"
#include "core/job.h"

/** Limits and defaults of new messages; filled by cfg/. */
typedef struct llmq_message_conf_t {
    apr_size_t max_content_bytes;
    int max_depth;         /* of JSON */
    apr_uint64_t max_tree; /* what its values may take, bytes */
    int max_retries;
    apr_interval_time_t timeout;
    apr_interval_time_t max_timeout; /* longest that a body may ask for */
    apr_interval_time_t max_delay;   /* farthest start that a body may ask for */
    const char *user;   /* whose message it is when the body names nobody; NULL: refuse */
    llmq_level_e level; /* where the body says nothing; NONE: normal */
} llmq_message_conf_t;

/**
 * Validate the body of POST /messages and make a job of it.
 *
 * Rules: the body is an object; `content` a non-empty string (blank counts as empty) of at
 * most max_content_bytes; `user_id` a string of 1 to LLMQ_NAME_MAX bytes without control
 * characters, absent or null only where conf->user stands in for it; `conversation_id`
 * absent, null, "" or llmq_id_is_name() (absent: a new `conv_` id); `priority` absent, null
 * (both: conf->level), one of S0's words or 1…4; `metadata` absent, null or an object;
 * `scheduled_at`, `delay`, `deadline`, `timeout` and `max_retries` as core/option.h has
 * them. Unknown fields are ignored. Fields are checked in the order content, priority,
 * user_id, conversation_id, metadata, options.
 *
 * @param pjob   out: id, tenant, chain, user, payload, metadata, level, kind, times and
 *               defaults are set; the rest is zero
 * @param body   the parsed body
 * @param tenant the location's tenant; borrowed
 * @param conf   limits
 * @param why    out: CONTENT_EMPTY, CONTENT_LONG, PRIORITY, USER or REQUEST with the field
 * @param p      pool of the job and its strings; @a body must live as long
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 * @threads any
 */
apr_status_t llmq_message_from_json(llmq_job_t **pjob, struct json_object *body,
                                    const char *tenant, const llmq_message_conf_t *conf,
                                    llmq_result_t *why, apr_pool_t *p);

/**
 * @param plevel out: untouched unless APR_SUCCESS
 * @param value  one of S0's words or a number 1 to 4; NULL allowed
 * @return APR_SUCCESS; APR_EINVAL no level
 * @threads any
 */
apr_status_t llmq_message_parse_level(llmq_level_e *plevel, struct json_object *value);

/**
 * @param puser out: the user, which lives as long as @a value; untouched unless APR_SUCCESS
 * @param value a `user_id` as llmq_message_from_json() has it; NULL is none
 * @param why   out: USER
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 * @threads any
 */
apr_status_t llmq_message_parse_user(const char **puser, struct json_object *value,
                                     llmq_result_t *why);

/**
 * Append a message as S0 2.1 and 2.2 show it: id, conversation_id, user_id, content,
 * priority, status, queue_name, retry_count, max_retries, timeout, created_at, updated_at,
 * scheduled_at (start of the attempt, or run_at while it waits for one; absent when
 * neither), deadline (absent without), completed_at (absent before), result, error (absent when none), metadata.
 * The metadata of a completed message carries `processing_time`; of a dead one
 * `dead_letter: true`.
 * @param t   where to; an object is appended, `{`…`}`
 * @param job the message
 * @param more NULL, or text of further members, beginning with a comma
 * @threads any
 */
void llmq_message_to_json(llmq_text_t *t, const llmq_job_t *job, const char *more);

/**
 * Merge metadata shallowly: members of @a patch replace members of the same name.
 * @param base  JSON object text
 * @param patch an object
 * @param p     pool of the result
 * @return JSON object text
 * @threads any
 */
const char *llmq_message_merge(const char *base, struct json_object *patch,
                               apr_pool_t *p);

#endif /* LLMQ_MESSAGE_H */
