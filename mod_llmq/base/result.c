#include "base/result.h"

#include "llmq.h"

#include <apr_strings.h>

static const char *const names[] = {
    [LLMQ_PROBLEM_NONE] = "none",
    [LLMQ_PROBLEM_REQUEST] = "invalid_request",
    [LLMQ_PROBLEM_JSON] = "invalid_json",
    [LLMQ_PROBLEM_CONTENT_EMPTY] = "content_empty",
    [LLMQ_PROBLEM_CONTENT_LONG] = "content_too_long",
    [LLMQ_PROBLEM_PRIORITY] = "invalid_priority",
    [LLMQ_PROBLEM_NO_MESSAGE] = "message_not_found",
    [LLMQ_PROBLEM_NO_CONVERSATION] = "conversation_not_found",
    [LLMQ_PROBLEM_NO_RULE] = "rule_not_found",
    [LLMQ_PROBLEM_NO_TASK] = "task_not_found",
    [LLMQ_PROBLEM_NO_SESSION] = "session_not_found",
    [LLMQ_PROBLEM_SESSION_CLOSED] = "session_closed",
    [LLMQ_PROBLEM_SESSION_LOCKED] = "session_locked",
    [LLMQ_PROBLEM_RUN_CONFLICT] = "run_conflict",
    [LLMQ_PROBLEM_NO_APP] = "app_not_found",
    [LLMQ_PROBLEM_APP_STATE] = "app_state",
    [LLMQ_PROBLEM_ANSWER] = "answer_failed",
    [LLMQ_PROBLEM_INVALID] = "invalid_fields",
    [LLMQ_PROBLEM_NOT_CANCELABLE] = "task_not_cancelable",
    [LLMQ_PROBLEM_NOT_RETRYABLE] = "task_not_retryable",
    [LLMQ_PROBLEM_STALE_LEASE] = "stale_lease",
    [LLMQ_PROBLEM_TASK_FINISHED] = "task_finished",
    [LLMQ_PROBLEM_EXISTS] = "conversation_exists",
    [LLMQ_PROBLEM_USER] = "invalid_user_id",
    [LLMQ_PROBLEM_QUEUE_FULL] = "queue_full",
    [LLMQ_PROBLEM_MAINTENANCE] = "maintenance",
    [LLMQ_PROBLEM_RATE] = "rate_limited",
    [LLMQ_PROBLEM_WAIT] = "wait_timeout",
    [LLMQ_PROBLEM_TRANSITION] = "invalid_transition",
    [LLMQ_PROBLEM_NO_BACKEND] = "backend_not_found",
    [LLMQ_PROBLEM_BUDGET] = "insufficient_quota",
    [LLMQ_PROBLEM_NO_MODEL] = "model_not_found",
    [LLMQ_PROBLEM_NO_ROUTE] = "route_not_found",
    [LLMQ_PROBLEM_METHOD] = "method_not_allowed",
    [LLMQ_PROBLEM_MEDIA_TYPE] = "unsupported_media_type",
    [LLMQ_PROBLEM_BODY_SIZE] = "body_too_large",
    [LLMQ_PROBLEM_BODY_READ] = "body_incomplete",
    [LLMQ_PROBLEM_KEY_BUSY] = "idempotency_key_in_use",
    [LLMQ_PROBLEM_KEY_REUSED] = "idempotency_key_reused",
    [LLMQ_PROBLEM_UNAUTHORIZED] = "unauthorized",
    [LLMQ_PROBLEM_FORBIDDEN] = "forbidden",
    [LLMQ_PROBLEM_STORE] = "store_unavailable",
    [LLMQ_PROBLEM_REDIS] = "redis_unavailable",
    [LLMQ_PROBLEM_QUEUE] = "queue_unavailable",
    [LLMQ_PROBLEM_SCHEDULER] = "scheduler_unavailable",
    [LLMQ_PROBLEM_CONFIG] = "config_invalid",
    [LLMQ_PROBLEM_MEMORY] = "out_of_memory",
    [LLMQ_PROBLEM_DISK] = "disk_full",
    [LLMQ_PROBLEM_NETWORK] = "network_error",
    [LLMQ_PROBLEM_INTERNAL] = "internal_error",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == LLMQ_PROBLEM_COUNT,
               "each problem has a name");

apr_status_t llmq_result_set(llmq_result_t *why, llmq_problem_e problem,
                             const char *field, const char *reason)
{
    if (why) {
        why->problem = problem;
        why->field = field;
        why->reason = reason;
        why->id = NULL;
        why->code = NULL;
        why->limited = NULL;
        why->item = 0;
        why->cancel = 0;
        why->errors = NULL;
    }
    return LLMQ_EBODY;
}

apr_status_t llmq_result_blame(llmq_result_t *why, const char *field, const char *reason,
                               apr_pool_t *p)
{
    const llmq_result_error_t error = {field, reason};
    apr_array_header_t *errors = apr_array_make(p, 4, sizeof(error));

    if (why->errors) {
        apr_array_cat(errors, why->errors);
    }
    APR_ARRAY_PUSH(errors, llmq_result_error_t) = error;
    if (errors->nelts == 1) {
        llmq_result_set(why, LLMQ_PROBLEM_INVALID, field, reason);
    }
    why->errors = errors;
    return LLMQ_EBODY;
}

const char *llmq_result_name(llmq_problem_e problem)
{
    if ((unsigned)problem >= LLMQ_PROBLEM_COUNT)
        return names[LLMQ_PROBLEM_INTERNAL];
    return names[problem];
}

static const char *own_text(apr_status_t rv)
{
    switch (rv) {
    case LLMQ_EFULL: return "the queue or table is full";
    case LLMQ_ESTATE: return "not possible in the present state";
    case LLMQ_ESTORE: return "the database is not available";
    case LLMQ_EROW: return "the database refuses this row";
    case LLMQ_EBACKEND: return "the backend failed";
    case LLMQ_EBODY: return "the input is not acceptable";
    case LLMQ_EVERSION: return "the database schema is newer than this module";
    case LLMQ_EBUSY: return "it is being worked on";
    case LLMQ_EMEMORY: return "the database is out of memory";
    case LLMQ_EDISK: return "the disk of the database is full";
    default: return NULL;
    }
}

const char *llmq_result_strerror(apr_status_t rv, char *buf, apr_size_t size)
{
    const char *text = own_text(rv);

    if (size == 0)
        return buf;
    if (text)
        apr_cpystrn(buf, text, size);
    else
        apr_strerror(rv, buf, size);
    return buf;
}
