/**
 * @file task.h
 * A task as S3 knows it: JSON of a request to a job, and a job to JSON. The job's user is
 * the task's kb_id, its owner the worker_id, its payload the JSON text of `payload`, its
 * metadata the little that is to be shown as it was given.
 *
 * S3's words for states. A task that waits is `queued`; one that waits for its back-off
 * after a failure is `retrying`; what ended by time-out is `failed` as any other failure.
 */
#ifndef LLMQ_TASK_H
#define LLMQ_TASK_H

#include "base/json.h"
#include "core/job.h"
#include "core/task_type.h"

/** Shortest time of an attempt that a body may ask for. */
#define LLMQ_TASK_MIN_TIMEOUT apr_time_from_msec(100)

/** S3's states, for the word and for filters. */
typedef enum {
    LLMQ_TASK_QUEUED = 0,
    LLMQ_TASK_PROCESSING,
    LLMQ_TASK_COMPLETED,
    LLMQ_TASK_FAILED,
    LLMQ_TASK_CANCELED,
    LLMQ_TASK_RETRYING,
    LLMQ_TASK_COUNT
} llmq_task_state_e;

/**
 * Validate one task of a body and make a job of it.
 *
 * Rules: `task_type` one of the types; `kb_id` a string of 1 to LLMQ_NAME_MAX bytes, not
 * blank, without control characters; `priority` absent, null (normal) or one of S3's words;
 * `payload` an object of at most max_payload bytes of JSON; `max_retries` absent, null or a
 * whole number from 0 to most_retries; `timeout` absent, null or seconds above 0 up to
 * max_timeout; `callback_url` absent,
 * null or what core/callback accepts; `schedule_for` absent, null or a time as RFC 3339 has it, at most max_delay
 * ahead (past is now). Unknown members are ignored. They are checked in this order.
 *
 * @param pjob   out: tenant, type, user, payload, metadata, level, kind, times and defaults
 *               are set; it has no id yet; the rest is zero
 * @param body   the parsed task
 * @param tenant the location's tenant; borrowed
 * @param conf   limits
 * @param why    out: REQUEST with the field, BODY_SIZE for the payload
 * @param p      pool of the job and its strings; @a body must live as long
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 * @threads any
 */
apr_status_t llmq_task_from_json(llmq_job_t **pjob, struct json_object *body,
                                 const char *tenant, const llmq_task_conf_t *conf,
                                 llmq_result_t *why, apr_pool_t *p);

/** What is not in a task's row: asked of the queue, for answers. */
typedef struct llmq_task_view_t {
    apr_time_t now;
    apr_uint32_t
        position;        /* among the ready ones of its priority, from 1; 0: not ready */
    apr_time_t estimate; /* when it will have ended; 0: not known */
} llmq_task_view_t;

/**
 * Append a task as S3 shows it, with all members of its samples and some more.
 * @param t    where to; an object is appended, `{`…`}`
 * @param job  the task
 * @param view what the queue says
 * @threads any
 */
void llmq_task_to_json(llmq_text_t *t, const llmq_job_t *job,
                       const llmq_task_view_t *view);

/**
 * @param job a task
 * @param now the present, which tells a back-off from what is ready
 * @return where it stands
 * @threads any
 */
llmq_task_state_e llmq_task_state(const llmq_job_t *job, apr_time_t now);

/**
 * @param state a state
 * @return S3's word for it; static
 * @threads any
 */
const char *llmq_task_state_name(llmq_task_state_e state);

/** S3's words for states, in their order, ended by NULL. */
extern const char *const llmq_task_state_words[];

/**
 * @param level a level
 * @return S3's word for it: "critical", "high", "normal", "low"; static
 * @threads any
 */
const char *llmq_task_level_name(llmq_level_e level);

/**
 * @param plevel out: untouched unless APR_SUCCESS
 * @param word   one of S3's words, case-sensitive; NULL allowed
 * @return APR_SUCCESS; APR_EINVAL no level
 * @threads any
 */
apr_status_t llmq_task_parse_level(llmq_level_e *plevel, const char *word);

/**
 * What to say of a failure: job->error is an object with a `message`, or a sentence.
 * @param job a task
 * @param p   pool of the text
 * @return the sentence; "" if nothing has failed
 * @threads any
 */
const char *llmq_task_error(const llmq_job_t *job, apr_pool_t *p);

#endif /* LLMQ_TASK_H */
