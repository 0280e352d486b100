#include "http/reply_s2.h"

#define FAIL     "fail"
#define MISSING  "not_found"
#define UNKNOWN  "unauthorized"
#define DENIED   "forbidden"
#define INVALID  "validate_error"
#define WRONG    "请求参数错误"
#define NOTHING  "请求的资源不存在"
#define BUSY     "服务暂时不可用，请稍后重试"
#define CONFLICT "请求与当前状态冲突"
#define BROKEN   "服务器内部错误"

#define MUTE    LLMQ_REPLY_S2_MUTE
#define BEHIND  LLMQ_REPLY_S2_BEHIND
#define INSTEAD LLMQ_REPLY_S2_INSTEAD

static const llmq_reply_s2_t answers[LLMQ_PROBLEM_COUNT] = {
    [LLMQ_PROBLEM_NONE] = {500, 0, FAIL, BROKEN, MUTE},
    [LLMQ_PROBLEM_REQUEST] = {400, 0, INVALID, WRONG, BEHIND},
    [LLMQ_PROBLEM_JSON] = {400, 0, INVALID, "请求体不是合法的 JSON", BEHIND},
    [LLMQ_PROBLEM_CONTENT_EMPTY] = {400, 0, INVALID, WRONG, BEHIND},
    [LLMQ_PROBLEM_CONTENT_LONG] = {400, 0, INVALID, WRONG, BEHIND},
    [LLMQ_PROBLEM_PRIORITY] = {400, 0, INVALID, WRONG, BEHIND},
    [LLMQ_PROBLEM_NO_MESSAGE] = {404, 0, MISSING, "该调试消息不存在，请核实后重试", MUTE},
    [LLMQ_PROBLEM_NO_CONVERSATION] = {404, 0, MISSING, NOTHING, MUTE},
    [LLMQ_PROBLEM_NO_RULE] = {404, 0, MISSING, NOTHING, MUTE},
    [LLMQ_PROBLEM_NO_TASK] = {404, 0, MISSING, NOTHING, MUTE},
    [LLMQ_PROBLEM_NO_SESSION] = {404, 0, MISSING, NOTHING, MUTE},
    [LLMQ_PROBLEM_SESSION_CLOSED] = {403, 0, DENIED, CONFLICT, MUTE},
    [LLMQ_PROBLEM_SESSION_LOCKED] = {403, 0, DENIED, CONFLICT, MUTE},
    [LLMQ_PROBLEM_RUN_CONFLICT] = {409, 0, FAIL, CONFLICT, MUTE},
    [LLMQ_PROBLEM_NO_APP] = {404, 0, MISSING, "该应用不存在，请核实后重试", INSTEAD},
    [LLMQ_PROBLEM_APP_STATE] = {400, 0, FAIL, CONFLICT, INSTEAD},
    [LLMQ_PROBLEM_ANSWER] = {500, 0, FAIL, "应用调试失败，请稍后重试", MUTE},
    [LLMQ_PROBLEM_INVALID] = {400, 0, INVALID, WRONG, INSTEAD},
    [LLMQ_PROBLEM_NOT_CANCELABLE] = {409, 0, FAIL, CONFLICT, MUTE},
    [LLMQ_PROBLEM_NOT_RETRYABLE] = {409, 0, FAIL, CONFLICT, MUTE},
    [LLMQ_PROBLEM_STALE_LEASE] = {409, 0, FAIL, CONFLICT, MUTE},
    [LLMQ_PROBLEM_TASK_FINISHED] = {409, 0, FAIL, CONFLICT, MUTE},
    [LLMQ_PROBLEM_EXISTS] = {409, 0, FAIL, CONFLICT, MUTE},
    [LLMQ_PROBLEM_USER] = {400, 0, INVALID, WRONG, BEHIND},
    [LLMQ_PROBLEM_QUEUE_FULL] = {503, 1, FAIL, "队列已满，请稍后重试", MUTE},
    [LLMQ_PROBLEM_MAINTENANCE] = {503, 1, FAIL, "系统维护中，请稍后重试", MUTE},
    [LLMQ_PROBLEM_RATE] = {429, 1, FAIL, "请求过于频繁，请稍后重试", MUTE},
    [LLMQ_PROBLEM_WAIT] = {504, 0, FAIL, "应用调试超时，请稍后重试", MUTE},
    [LLMQ_PROBLEM_TRANSITION] = {409, 0, FAIL, CONFLICT, MUTE},
    [LLMQ_PROBLEM_NO_BACKEND] = {404, 0, MISSING, NOTHING, MUTE},
    [LLMQ_PROBLEM_BUDGET] = {429, 1, FAIL, "额度已用完，请稍后重试", MUTE},
    [LLMQ_PROBLEM_NO_MODEL] = {404, 0, MISSING, NOTHING, MUTE},
    [LLMQ_PROBLEM_NO_ROUTE] = {404, 0, MISSING, "请求的接口不存在", MUTE},
    [LLMQ_PROBLEM_METHOD] = {405, 0, FAIL, "请求方法不被允许", MUTE},
    [LLMQ_PROBLEM_MEDIA_TYPE] = {415, 0, INVALID, "请求体的类型必须是 application/json",
                                 MUTE},
    [LLMQ_PROBLEM_BODY_SIZE] = {413, 0, FAIL, "请求体过大", BEHIND},
    [LLMQ_PROBLEM_BODY_READ] = {400, 0, FAIL, "请求体读取失败", MUTE},
    [LLMQ_PROBLEM_KEY_BUSY] = {409, 1, FAIL, "相同的请求正在处理中", MUTE},
    [LLMQ_PROBLEM_KEY_REUSED] = {422, 0, INVALID, "幂等键已被其他请求使用", MUTE},
    [LLMQ_PROBLEM_UNAUTHORIZED] = {401, 0, UNKNOWN, "缺少或无效的访问令牌", MUTE},
    [LLMQ_PROBLEM_FORBIDDEN] = {403, 0, DENIED, "当前账号无权限执行该操作", INSTEAD},
    [LLMQ_PROBLEM_STORE] = {500, 1, FAIL, BUSY, MUTE},
    [LLMQ_PROBLEM_REDIS] = {500, 1, FAIL, BUSY, MUTE},
    [LLMQ_PROBLEM_QUEUE] = {503, 1, FAIL, BUSY, MUTE},
    [LLMQ_PROBLEM_SCHEDULER] = {503, 1, FAIL, BUSY, MUTE},
    [LLMQ_PROBLEM_CONFIG] = {500, 0, FAIL, BROKEN, MUTE},
    [LLMQ_PROBLEM_MEMORY] = {500, 1, FAIL, BUSY, MUTE},
    [LLMQ_PROBLEM_DISK] = {500, 1, FAIL, BUSY, MUTE},
    [LLMQ_PROBLEM_NETWORK] = {500, 0, FAIL, BROKEN, MUTE},
    [LLMQ_PROBLEM_INTERNAL] = {500, 0, FAIL, BROKEN, MUTE},
};

const llmq_reply_s2_t *llmq_reply_s2_answer(llmq_problem_e problem)
{
    return &answers[(unsigned)problem < LLMQ_PROBLEM_COUNT ? problem
                                                           : LLMQ_PROBLEM_INTERNAL];
}

static void put_message(llmq_text_t *t, const llmq_result_t *why)
{
    const llmq_reply_s2_t *a = llmq_reply_s2_answer(why->problem);
    llmq_text_t text;

    llmq_text_init(&text, 256, t->pool);
    llmq_text_puts(&text, a->reason == INSTEAD && why->reason ? why->reason : a->message);
    if (a->reason == BEHIND && why->reason) {
        LLMQ_TEXT_LIT(&text, "（");
        if (why->field) {
            llmq_text_puts(&text, why->field);
            LLMQ_TEXT_LIT(&text, " ");
        }
        llmq_text_puts(&text, why->reason);
        LLMQ_TEXT_LIT(&text, "）");
    }
    llmq_json_kv(t, "message", text.data);
}

static void put_field(llmq_text_t *t, const char *field, const char *reason)
{
    llmq_json_key(t, field);
    LLMQ_TEXT_LIT(t, "[");
    llmq_json_strz(t, reason);
    LLMQ_TEXT_LIT(t, "]");
}

static void put_fields(llmq_text_t *t, const llmq_result_t *why)
{
    int i;

    llmq_json_key(t, "data");
    LLMQ_TEXT_LIT(t, "{");
    for (i = 0; why->errors && i < why->errors->nelts; i++) {
        const llmq_result_error_t *e =
            &APR_ARRAY_IDX(why->errors, i, llmq_result_error_t);

        put_field(t, e->field, e->reason);
    }
    if (!why->errors && why->field && why->reason) {
        const llmq_reply_s2_t *a = llmq_reply_s2_answer(why->problem);

        put_field(t, why->field, a->reason == MUTE ? a->message : why->reason);
    }
    LLMQ_TEXT_LIT(t, "}");
}

void llmq_reply_s2_problem(llmq_text_t *t, const llmq_result_t *why)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "code", llmq_reply_s2_answer(why->problem)->code);
    put_fields(t, why);
    put_message(t, why);
    LLMQ_TEXT_LIT(t, "}\n");
}

/* The problem that comes nearest to what httpd has found. */
static const llmq_reply_s2_t *nearest(int status)
{
    static const llmq_problem_e known[] = {
        LLMQ_PROBLEM_UNAUTHORIZED, LLMQ_PROBLEM_FORBIDDEN,  LLMQ_PROBLEM_NO_ROUTE,
        LLMQ_PROBLEM_METHOD,       LLMQ_PROBLEM_BODY_SIZE,  LLMQ_PROBLEM_MEDIA_TYPE,
        LLMQ_PROBLEM_RATE,         LLMQ_PROBLEM_MAINTENANCE};
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (answers[known[i]].status == status) {
            return &answers[known[i]];
        }
    }
    return NULL;
}

void llmq_reply_s2_httpd_error(llmq_text_t *t, int status, const char *text)
{
    const llmq_reply_s2_t *a = nearest(status);

    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "code", a ? a->code : FAIL);
    llmq_json_kv_raw(t, "data", "{}");
    llmq_json_kv(t, "message", a ? a->message : text);
    LLMQ_TEXT_LIT(t, "}\n");
}

void llmq_reply_s2_success(llmq_text_t *t, const char *data, const char *message)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "code", "success");
    llmq_json_kv_raw(t, "data", data ? data : "{}");
    llmq_json_kv(t, "message", message);
    LLMQ_TEXT_LIT(t, "}\n");
}
