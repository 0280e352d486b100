/**
 * @file option.h
 * What a caller may add to a new job beyond its content: when it may begin, until when it
 * must have begun, how long one attempt may take and how often it is tried again.
 */
#ifndef LLMQ_OPTION_H
#define LLMQ_OPTION_H

#include "core/message.h"

/** Bounds of what bodies may ask for; the least are here, the most in llmq_message_conf_t. */
#define LLMQ_OPTION_MIN_TIMEOUT apr_time_from_msec(100)
#define LLMQ_OPTION_MAX_RETRIES 1000

/**
 * Read the optional members `scheduled_at` (RFC 3339; past = now) or `delay` (seconds or a
 * Go duration), `deadline` (RFC 3339, to come, after the scheduled moment), `timeout`
 * (seconds or a Go duration) and `max_retries`. null counts as absent.
 * @param job  in: created_at and the defaults of timeout and max_retries; out: run_at (0 =
 *             now), deadline (0 = none), timeout and max_retries; untouched on error
 * @param body the object
 * @param conf bounds: max_delay, max_timeout
 * @param why  out: REQUEST with the field
 * @param p    pool of the reason
 * @return APR_SUCCESS; LLMQ_EBODY
 * @threads any
 */
apr_status_t llmq_option_read(llmq_job_t *job, struct json_object *body,
                              const llmq_message_conf_t *conf, llmq_result_t *why,
                              apr_pool_t *p);

#endif /* LLMQ_OPTION_H */
