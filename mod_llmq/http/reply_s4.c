#include "http/reply_s4.h"

#define NOT_FOUND       "Not Found"
#define UNAUTHENTICATED "Unauthenticated."
#define FORBIDDEN       "This action is unauthorized."
#define UNAVAILABLE     "Service Unavailable"
#define SERVER_ERROR    "Server Error"

static const llmq_reply_s4_t answers[LLMQ_PROBLEM_COUNT] = {
    [LLMQ_PROBLEM_NONE] = {500, 0, SERVER_ERROR},
    [LLMQ_PROBLEM_REQUEST] = {400, 0, NULL},
    [LLMQ_PROBLEM_JSON] = {400, 0, NULL},
    [LLMQ_PROBLEM_CONTENT_EMPTY] = {422, 0, NULL},
    [LLMQ_PROBLEM_CONTENT_LONG] = {422, 0, NULL},
    [LLMQ_PROBLEM_PRIORITY] = {422, 0, NULL},
    [LLMQ_PROBLEM_NO_MESSAGE] = {404, 0, NOT_FOUND},
    [LLMQ_PROBLEM_NO_CONVERSATION] = {404, 0, NOT_FOUND},
    [LLMQ_PROBLEM_NO_RULE] = {404, 0, NOT_FOUND},
    [LLMQ_PROBLEM_NO_TASK] = {404, 0, NOT_FOUND},
    [LLMQ_PROBLEM_NO_SESSION] = {404, 0, NOT_FOUND},
    [LLMQ_PROBLEM_SESSION_CLOSED] = {403, 0, "Session is closed"},
    [LLMQ_PROBLEM_SESSION_LOCKED] = {403, 0, "Session is locked"},
    [LLMQ_PROBLEM_RUN_CONFLICT] = {409, 0, "Another run is in progress"},
    [LLMQ_PROBLEM_NO_APP] = {404, 0, NOT_FOUND},
    [LLMQ_PROBLEM_APP_STATE] = {409, 0, NULL},
    [LLMQ_PROBLEM_ANSWER] = {500, 0, SERVER_ERROR},
    [LLMQ_PROBLEM_INVALID] = {422, 0, NULL},
    [LLMQ_PROBLEM_NOT_CANCELABLE] = {409, 0, NULL},
    [LLMQ_PROBLEM_NOT_RETRYABLE] = {409, 0, NULL},
    [LLMQ_PROBLEM_STALE_LEASE] = {409, 0, NULL},
    [LLMQ_PROBLEM_TASK_FINISHED] = {409, 0, NULL},
    [LLMQ_PROBLEM_EXISTS] = {409, 0, NULL},
    [LLMQ_PROBLEM_USER] = {422, 0, NULL},
    [LLMQ_PROBLEM_QUEUE_FULL] = {503, 1, UNAVAILABLE},
    [LLMQ_PROBLEM_MAINTENANCE] = {503, 1, UNAVAILABLE},
    [LLMQ_PROBLEM_RATE] = {429, 1, "Too Many Attempts."},
    [LLMQ_PROBLEM_WAIT] = {408, 0, NULL},
    [LLMQ_PROBLEM_TRANSITION] = {409, 0, NULL},
    [LLMQ_PROBLEM_NO_BACKEND] = {404, 0, NOT_FOUND},
    [LLMQ_PROBLEM_BUDGET] = {429, 1, "The budget is spent."},
    [LLMQ_PROBLEM_NO_MODEL] = {404, 0, NOT_FOUND},
    [LLMQ_PROBLEM_NO_ROUTE] = {404, 0, NOT_FOUND},
    [LLMQ_PROBLEM_METHOD] = {405, 0, "Method Not Allowed"},
    [LLMQ_PROBLEM_MEDIA_TYPE] = {415, 0, "Unsupported Media Type"},
    [LLMQ_PROBLEM_BODY_SIZE] = {413, 0, "The POST data is too large."},
    [LLMQ_PROBLEM_BODY_READ] = {400, 0, NULL},
    [LLMQ_PROBLEM_KEY_BUSY] = {409, 1, NULL},
    [LLMQ_PROBLEM_KEY_REUSED] = {422, 0, NULL},
    [LLMQ_PROBLEM_UNAUTHORIZED] = {401, 0, UNAUTHENTICATED},
    [LLMQ_PROBLEM_FORBIDDEN] = {403, 0, FORBIDDEN},
    [LLMQ_PROBLEM_STORE] = {503, 1, UNAVAILABLE},
    [LLMQ_PROBLEM_REDIS] = {503, 1, UNAVAILABLE},
    [LLMQ_PROBLEM_QUEUE] = {503, 1, UNAVAILABLE},
    [LLMQ_PROBLEM_SCHEDULER] = {503, 1, UNAVAILABLE},
    [LLMQ_PROBLEM_CONFIG] = {500, 0, SERVER_ERROR},
    [LLMQ_PROBLEM_MEMORY] = {503, 1, UNAVAILABLE},
    [LLMQ_PROBLEM_DISK] = {503, 1, UNAVAILABLE},
    [LLMQ_PROBLEM_NETWORK] = {500, 0, SERVER_ERROR},
    [LLMQ_PROBLEM_INTERNAL] = {500, 0, SERVER_ERROR},
};

const llmq_reply_s4_t *llmq_reply_s4_answer(llmq_problem_e problem)
{
    return &answers[(unsigned)problem < LLMQ_PROBLEM_COUNT ? problem
                                                           : LLMQ_PROBLEM_INTERNAL];
}

static const char *message_of(const llmq_result_t *why)
{
    const llmq_reply_s4_t *a = llmq_reply_s4_answer(why->problem);

    return a->message ? a->message : why->reason ? why->reason : SERVER_ERROR;
}

/* The first sentence, and how many follow it. */
static void add_summary(llmq_text_t *t, const llmq_result_t *why)
{
    const char *first = message_of(why);
    int more = why->errors ? why->errors->nelts - 1 : 0;
    llmq_text_t text;

    llmq_text_init(&text, strlen(first) + 32, t->pool);
    llmq_text_puts(&text, first);
    if (more > 0) {
        llmq_text_printf(&text, " (and %d more error%s)", more, more > 1 ? "s" : "");
    }
    llmq_json_kv(t, "message", text.data);
}

static void add_error(llmq_text_t *t, const char *field, const char *reason)
{
    llmq_json_key(t, field);
    LLMQ_TEXT_LIT(t, "[");
    llmq_json_strz(t, reason);
    LLMQ_TEXT_LIT(t, "]");
}

static void add_errors(llmq_text_t *t, const llmq_result_t *why)
{
    int i;

    llmq_json_key(t, "errors");
    LLMQ_TEXT_LIT(t, "{");
    for (i = 0; why->errors && i < why->errors->nelts; i++) {
        const llmq_result_error_t *e =
            &APR_ARRAY_IDX(why->errors, i, llmq_result_error_t);

        add_error(t, e->field, e->reason);
    }
    if (!why->errors) {
        add_error(t, why->field, message_of(why));
    }
    LLMQ_TEXT_LIT(t, "}");
}

void llmq_reply_s4_problem(llmq_text_t *t, const llmq_result_t *why)
{
    LLMQ_TEXT_LIT(t, "{");
    add_summary(t, why);
    if (llmq_reply_s4_answer(why->problem)->status == 422 && why->field) {
        add_errors(t, why);
    }
    if (why->id) {
        llmq_json_key(t, "details");
        LLMQ_TEXT_LIT(t, "{");
        llmq_json_kv(t, "id", why->id);
        LLMQ_TEXT_LIT(t, "}");
    }
    LLMQ_TEXT_LIT(t, "}\n");
}

void llmq_reply_s4_httpd_error(llmq_text_t *t, int status, const char *text)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "message",
                 status == 401   ? UNAUTHENTICATED
                 : status == 403 ? FORBIDDEN
                 : status == 500 ? SERVER_ERROR
                                 : text);
    LLMQ_TEXT_LIT(t, "}\n");
}
