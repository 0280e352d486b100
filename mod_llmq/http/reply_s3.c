#include "http/reply_s3.h"

#include <string.h>

#define INVALID     "INVALID_REQUEST"
#define UNAVAILABLE "SERVICE_UNAVAILABLE"
#define NOT_FOUND   "NOT_FOUND"
#define INTERNAL    "INTERNAL_ERROR"

static const llmq_reply_s3_t answers[LLMQ_PROBLEM_COUNT] = {
    [LLMQ_PROBLEM_NONE] = {500, 0, INTERNAL, "Internal server error"},
    [LLMQ_PROBLEM_REQUEST] = {400, 0, INVALID, "Invalid request"},
    [LLMQ_PROBLEM_JSON] = {400, 0, INVALID, "Invalid JSON"},
    [LLMQ_PROBLEM_CONTENT_EMPTY] = {400, 0, INVALID, "Invalid request"},
    [LLMQ_PROBLEM_CONTENT_LONG] = {400, 0, INVALID, "Invalid request"},
    [LLMQ_PROBLEM_PRIORITY] = {400, 0, INVALID, "Invalid request"},
    [LLMQ_PROBLEM_NO_MESSAGE] = {404, 0, "MESSAGE_NOT_FOUND", "Message not found"},
    [LLMQ_PROBLEM_NO_CONVERSATION] = {404, 0, NOT_FOUND, "Conversation not found"},
    [LLMQ_PROBLEM_NO_RULE] = {404, 0, NOT_FOUND, "Rule not found"},
    [LLMQ_PROBLEM_NO_TASK] = {404, 0, "TASK_NOT_FOUND", "Task not found"},
    [LLMQ_PROBLEM_NO_SESSION] = {404, 0, NOT_FOUND, "Session not found"},
    [LLMQ_PROBLEM_SESSION_CLOSED] = {403, 0, "FORBIDDEN", "Session is closed"},
    [LLMQ_PROBLEM_SESSION_LOCKED] = {403, 0, "FORBIDDEN", "Session is locked"},
    [LLMQ_PROBLEM_RUN_CONFLICT] = {409, 0, "CONFLICT", "Another run is in progress"},
    [LLMQ_PROBLEM_NO_APP] = {404, 0, NOT_FOUND, "App not found"},
    [LLMQ_PROBLEM_APP_STATE] = {409, 0, "CONFLICT", "App cannot do this now"},
    [LLMQ_PROBLEM_ANSWER] = {500, 0, INTERNAL, "No answer"},
    [LLMQ_PROBLEM_INVALID] = {422, 0, INVALID, "Invalid request"},
    [LLMQ_PROBLEM_NOT_CANCELABLE] = {409, 0, "TASK_NOT_CANCELABLE",
                                     "Task cannot be canceled"},
    [LLMQ_PROBLEM_NOT_RETRYABLE] = {409, 0, "TASK_NOT_RETRYABLE",
                                    "Task cannot be retried"},
    [LLMQ_PROBLEM_STALE_LEASE] = {409, 0, "STALE_LEASE", "Lease is not valid"},
    [LLMQ_PROBLEM_TASK_FINISHED] = {409, 0, "TASK_FINISHED", "Task has ended"},
    [LLMQ_PROBLEM_EXISTS] = {409, 0, "CONFLICT", "It exists already"},
    [LLMQ_PROBLEM_USER] = {400, 0, INVALID, "Invalid request"},
    [LLMQ_PROBLEM_QUEUE_FULL] = {503, 1, "QUEUE_FULL", "Queue is full"},
    [LLMQ_PROBLEM_MAINTENANCE] = {503, 1, UNAVAILABLE, "Service is under maintenance"},
    [LLMQ_PROBLEM_RATE] = {429, 1, "RATE_LIMITED", "Too many requests"},
    [LLMQ_PROBLEM_WAIT] = {408, 0, "WAIT_TIMEOUT", "Wait has ended before the task"},
    [LLMQ_PROBLEM_TRANSITION] = {409, 0, "CONFLICT", "Invalid status transition"},
    [LLMQ_PROBLEM_NO_BACKEND] = {404, 0, NOT_FOUND, "Backend not found"},
    [LLMQ_PROBLEM_BUDGET] = {429, 1, "INSUFFICIENT_QUOTA", "The budget is spent"},
    [LLMQ_PROBLEM_NO_MODEL] = {404, 0, NOT_FOUND, "Model not found"},
    [LLMQ_PROBLEM_NO_ROUTE] = {404, 0, NOT_FOUND, "Not found"},
    [LLMQ_PROBLEM_METHOD] = {405, 0, "METHOD_NOT_ALLOWED", "Method not allowed"},
    [LLMQ_PROBLEM_MEDIA_TYPE] = {415, 0, "UNSUPPORTED_MEDIA_TYPE",
                                 "Unsupported media type"},
    [LLMQ_PROBLEM_BODY_SIZE] = {413, 0, "PAYLOAD_TOO_LARGE", "Request body too large"},
    [LLMQ_PROBLEM_BODY_READ] = {400, 0, INVALID, "Request body could not be read"},
    [LLMQ_PROBLEM_KEY_BUSY] = {409, 1, "IDEMPOTENCY_KEY_IN_USE",
                               "Request is still being processed"},
    [LLMQ_PROBLEM_KEY_REUSED] = {422, 0, "IDEMPOTENCY_KEY_REUSED",
                                 "Idempotency key was used before"},
    [LLMQ_PROBLEM_UNAUTHORIZED] = {401, 0, "UNAUTHORIZED", "Unauthorized"},
    [LLMQ_PROBLEM_FORBIDDEN] = {403, 0, "FORBIDDEN", "Forbidden"},
    [LLMQ_PROBLEM_STORE] = {503, 1, UNAVAILABLE, "Database unavailable"},
    [LLMQ_PROBLEM_REDIS] = {503, 1, UNAVAILABLE, "Redis unavailable"},
    [LLMQ_PROBLEM_QUEUE] = {503, 1, UNAVAILABLE, "Queue service unavailable"},
    [LLMQ_PROBLEM_SCHEDULER] = {503, 1, UNAVAILABLE, "Scheduler failed"},
    [LLMQ_PROBLEM_CONFIG] = {500, 0, INTERNAL, "Configuration could not be loaded"},
    [LLMQ_PROBLEM_MEMORY] = {503, 1, UNAVAILABLE, "Out of memory"},
    [LLMQ_PROBLEM_DISK] = {503, 1, UNAVAILABLE, "Disk is full"},
    [LLMQ_PROBLEM_NETWORK] = {500, 0, INTERNAL, "Network error"},
    [LLMQ_PROBLEM_INTERNAL] = {500, 0, INTERNAL, "Internal server error"},
};

const llmq_reply_s3_t *llmq_reply_s3_answer(llmq_problem_e problem)
{
    return &answers[(unsigned)problem < LLMQ_PROBLEM_COUNT ? problem
                                                           : LLMQ_PROBLEM_INTERNAL];
}

static int is_message_id(const char *id)
{
    return strncmp(id, "msg_", 4) == 0;
}

/* A path may hold any bytes, JSON may not. */
static const char *printable(const char *id)
{
    return llmq_text_is_utf8(id, strlen(id)) ? id : "";
}

static void add_details(llmq_text_t *t, const llmq_reply_s3_t *a,
                        const llmq_result_t *why)
{
    llmq_json_key(t, "details");
    LLMQ_TEXT_LIT(t, "{");
    if (why->item) {
        llmq_json_kv_int(t, "index", why->item - 1);
    }
    if (why->field) {
        llmq_json_kv(t, "field", why->field);
    }
    if (why->id) {
        llmq_json_kv(t, is_message_id(why->id) ? "message_id" : "task_id",
                     printable(why->id));
    }
    if (!why->id || why->field) {
        llmq_json_kv(t, "reason", why->reason ? why->reason : a->error);
    }
    LLMQ_TEXT_LIT(t, "}");
}

void llmq_reply_s3_problem(llmq_text_t *t, const llmq_result_t *why)
{
    const llmq_reply_s3_t *a = llmq_reply_s3_answer(why->problem);

    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "error", a->error);
    llmq_json_kv(t, "message", why->reason ? why->reason : a->error);
    llmq_json_kv(t, "code", a->code);
    if (why->cancel) {
        llmq_json_kv_raw(t, "cancel", "true");
    }
    add_details(t, a, why);
    LLMQ_TEXT_LIT(t, "}\n");
}

/* The problem that comes nearest to what httpd has found. */
static const char *code_of(int status)
{
    static const llmq_problem_e known[] = {
        LLMQ_PROBLEM_UNAUTHORIZED, LLMQ_PROBLEM_FORBIDDEN,  LLMQ_PROBLEM_NO_ROUTE,
        LLMQ_PROBLEM_METHOD,       LLMQ_PROBLEM_BODY_SIZE,  LLMQ_PROBLEM_MEDIA_TYPE,
        LLMQ_PROBLEM_RATE,         LLMQ_PROBLEM_MAINTENANCE};
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (answers[known[i]].status == status) {
            return answers[known[i]].code;
        }
    }
    return status < 500 ? INVALID : INTERNAL;
}

void llmq_reply_s3_httpd_error(llmq_text_t *t, int status, const char *text)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "error", text);
    llmq_json_kv(t, "message",
                 status < 500 ? "the request was refused" : "the server failed");
    llmq_json_kv(t, "code", code_of(status));
    llmq_json_key(t, "details");
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "reason", text);
    LLMQ_TEXT_LIT(t, "}}\n");
}
