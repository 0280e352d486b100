#include "http/reply.h"

#include "base/clock.h"
#include "base/log.h"
#include "cfg/cfg.h"
#include "http/idempotency.h"
#include "http/reply_s2.h"
#include "http/reply_openai.h"
#include "http/reply_s3.h"
#include "http/reply_s4.h"
#include "http/shield.h"
#include "http/tongue.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>

APLOG_USE_MODULE(llmq);

/* What a problem is in HTTP and in S0's table (section 7). */
typedef struct {
    int status;
    int error_code; /* 0 where the table has no number */
    int retry;      /* non-zero: worth trying again, say when */
    const char *message;
} answer_t;

static const answer_t answers[LLMQ_PROBLEM_COUNT] = {
    [LLMQ_PROBLEM_NONE] = {500, 0, 0, "Internal server error"},
    [LLMQ_PROBLEM_REQUEST] = {400, 0, 0, "Invalid request parameters"},
    [LLMQ_PROBLEM_JSON] = {400, 0, 0, "Invalid JSON"},
    [LLMQ_PROBLEM_CONTENT_EMPTY] = {400, 1001, 0, "Invalid request parameters"},
    [LLMQ_PROBLEM_CONTENT_LONG] = {400, 1002, 0, "Invalid request parameters"},
    [LLMQ_PROBLEM_PRIORITY] = {400, 1003, 0, "Invalid request parameters"},
    [LLMQ_PROBLEM_NO_MESSAGE] = {404, 1004, 0, "Message not found"},
    [LLMQ_PROBLEM_NO_CONVERSATION] = {404, 1005, 0, "Conversation not found"},
    [LLMQ_PROBLEM_NO_RULE] = {404, 0, 0, "Rule not found"},
    [LLMQ_PROBLEM_NO_TASK] = {404, 0, 0, "Task not found"},
    [LLMQ_PROBLEM_NO_SESSION] = {404, 0, 0, "Session not found"},
    [LLMQ_PROBLEM_SESSION_CLOSED] = {403, 0, 0, "Session is closed"},
    [LLMQ_PROBLEM_SESSION_LOCKED] = {403, 0, 0, "Session is locked"},
    [LLMQ_PROBLEM_RUN_CONFLICT] = {409, 0, 0, "Another run is in progress"},
    [LLMQ_PROBLEM_NO_APP] = {404, 0, 0, "App not found"},
    [LLMQ_PROBLEM_APP_STATE] = {409, 0, 0, "App cannot do this now"},
    [LLMQ_PROBLEM_ANSWER] = {500, 0, 0, "No answer"},
    [LLMQ_PROBLEM_INVALID] = {422, 0, 0, "Invalid request parameters"},
    [LLMQ_PROBLEM_NOT_CANCELABLE] = {409, 0, 0, "Task cannot be canceled"},
    [LLMQ_PROBLEM_NOT_RETRYABLE] = {409, 0, 0, "Task cannot be retried"},
    [LLMQ_PROBLEM_STALE_LEASE] = {409, 0, 0, "Lease is not valid"},
    [LLMQ_PROBLEM_TASK_FINISHED] = {409, 0, 0, "Task has ended"},
    [LLMQ_PROBLEM_EXISTS] = {409, 0, 0, "Conversation already exists"},
    [LLMQ_PROBLEM_USER] = {400, 1006, 0, "Invalid request parameters"},
    [LLMQ_PROBLEM_QUEUE_FULL] = {503, 1007, 1, "Queue is full"},
    [LLMQ_PROBLEM_MAINTENANCE] = {503, 1008, 1, "System is under maintenance"},
    [LLMQ_PROBLEM_RATE] = {429, 1009, 1, "Too many requests"},
    [LLMQ_PROBLEM_WAIT] = {408, 1010, 0, "Message processing timed out"},
    [LLMQ_PROBLEM_TRANSITION] = {400, 0, 0, "Invalid status transition"},
    [LLMQ_PROBLEM_NO_BACKEND] = {404, 0, 0, "Backend not found"},
    [LLMQ_PROBLEM_BUDGET] = {429, 0, 1, "The budget is spent"},
    [LLMQ_PROBLEM_NO_MODEL] = {404, 0, 0, "Model not found"},
    [LLMQ_PROBLEM_NO_ROUTE] = {404, 0, 0, "Not found"},
    [LLMQ_PROBLEM_METHOD] = {405, 0, 0, "Method not allowed"},
    [LLMQ_PROBLEM_MEDIA_TYPE] = {415, 0, 0, "Unsupported media type"},
    [LLMQ_PROBLEM_BODY_SIZE] = {413, 0, 0, "Request body too large"},
    [LLMQ_PROBLEM_BODY_READ] = {400, 0, 0, "Request body could not be read"},
    [LLMQ_PROBLEM_KEY_BUSY] = {409, 0, 1, "Request is still being processed"},
    [LLMQ_PROBLEM_KEY_REUSED] = {422, 0, 0, "Idempotency key was used before"},
    [LLMQ_PROBLEM_UNAUTHORIZED] = {401, 0, 0, "Unauthorized"},
    [LLMQ_PROBLEM_FORBIDDEN] = {403, 0, 0, "Forbidden"},
    [LLMQ_PROBLEM_STORE] = {500, 2001, 1, "Database unavailable"},
    [LLMQ_PROBLEM_REDIS] = {500, 2002, 1, "Redis unavailable"},
    [LLMQ_PROBLEM_QUEUE] = {503, 2003, 1, "Queue service unavailable"},
    [LLMQ_PROBLEM_SCHEDULER] = {500, 2004, 1, "Scheduler failed"},
    [LLMQ_PROBLEM_CONFIG] = {500, 2005, 0, "Configuration could not be loaded"},
    [LLMQ_PROBLEM_MEMORY] = {500, 2006, 1, "Out of memory"},
    [LLMQ_PROBLEM_DISK] = {500, 2007, 1, "Disk is full"},
    [LLMQ_PROBLEM_NETWORK] = {500, 2008, 0, "Network error"},
    [LLMQ_PROBLEM_INTERNAL] = {500, 0, 0, "Internal server error"},
};

static void add_timestamp(llmq_text_t *t)
{
    llmq_json_kv_time(t, "timestamp", llmq_clock_now());
    LLMQ_TEXT_LIT(t, "}\n");
}

static int send_body(request_rec *r, const char *type, const char *body, apr_size_t len)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_status_t rv;
    int shield;

    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)len);
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    APR_BRIGADE_INSERT_TAIL(
        bb, apr_bucket_pool_create(body, len, r->pool, r->connection->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(r->connection->bucket_alloc));
    shield = llmq_shield_pause();
    rv = ap_pass_brigade(r->output_filters, bb);
    llmq_shield_resume(shield);
    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_TRACE1, rv, r,
                      "the client did not take its answer");
    }
    return OK;
}

int llmq_reply_http_status(request_rec *r, int status)
{
    return llmq_cfg_app_is_always_200(llmq_cfg_dir(r))
                   && llmq_tongue_of(r) == LLMQ_TONGUE_S2
               ? HTTP_OK
               : status;
}

int llmq_reply_json(request_rec *r, int status, const char *body, apr_size_t len)
{
    llmq_idempotency_settle(r, status, body);
    r->status = llmq_reply_http_status(r, status);
    return send_body(r, "application/json", body, len);
}

int llmq_reply_text(request_rec *r, const char *type, const char *body, apr_size_t len)
{
    return send_body(r, type, body, len);
}

void llmq_reply_data_text(llmq_text_t *t, int status, const char *message,
                          const char *data)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv_int(t, "code", status);
    llmq_json_kv(t, "message", message);
    llmq_json_kv_raw(t, "data", data);
    add_timestamp(t);
}

int llmq_reply_data(request_rec *r, int status, const char *message, const char *data)
{
    llmq_text_t t;

    llmq_text_init(&t, 256 + (data ? strlen(data) : 0), r->pool);
    llmq_reply_data_text(&t, status, message, data);
    return llmq_reply_json(r, status, t.data, t.len);
}

static void add_details(llmq_text_t *t, const answer_t *a, const llmq_result_t *why)
{
    llmq_json_key(t, "details");
    LLMQ_TEXT_LIT(t, "{");
    if (why->field) {
        llmq_json_kv(t, "field", why->field);
    }
    llmq_json_kv(t, "reason", why->reason ? why->reason : a->message);
    if (a->error_code) {
        llmq_json_kv_int(t, "error_code", a->error_code);
    }
    if (why->id) {
        llmq_json_kv(t, "id", why->id);
    }
    LLMQ_TEXT_LIT(t, "}");
}

static void add_s0_problem(llmq_text_t *t, const llmq_result_t *why)
{
    const answer_t *a = &answers[why->problem];

    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv_int(t, "code", a->status);
    if (a->error_code) {
        llmq_json_kv_int(t, "error_code", a->error_code);
    }
    llmq_json_kv(t, "message", a->message);
    llmq_json_kv(t, "error",
                 a->status == 400 ? "validation failed" : llmq_result_name(why->problem));
    add_details(t, a, why);
    add_timestamp(t);
}

int llmq_reply_problem_status(request_rec *r, llmq_problem_e problem)
{
    switch (llmq_tongue_of(r)) {
    case LLMQ_TONGUE_S3: return llmq_reply_s3_answer(problem)->status;
    case LLMQ_TONGUE_S4: return llmq_reply_s4_answer(problem)->status;
    case LLMQ_TONGUE_S2: return llmq_reply_s2_answer(problem)->status;
    case LLMQ_TONGUE_OPENAI: return llmq_reply_openai_answer(problem)->status;
    case LLMQ_TONGUE_S0:
    default: return answers[problem].status;
    }
}

int llmq_reply_problem_text(llmq_text_t *t, request_rec *r, const llmq_result_t *why)
{
    switch (llmq_tongue_of(r)) {
    case LLMQ_TONGUE_S3: llmq_reply_s3_problem(t, why); break;
    case LLMQ_TONGUE_S4: llmq_reply_s4_problem(t, why); break;
    case LLMQ_TONGUE_S2: llmq_reply_s2_problem(t, why); break;
    case LLMQ_TONGUE_OPENAI: llmq_reply_openai_refusal(t, r, why); break;
    case LLMQ_TONGUE_S0:
    default: add_s0_problem(t, why);
    }
    return llmq_reply_problem_status(r, why->problem);
}

static int is_worth_a_retry(request_rec *r, llmq_problem_e problem)
{
    switch (llmq_tongue_of(r)) {
    case LLMQ_TONGUE_S3: return llmq_reply_s3_answer(problem)->retry;
    case LLMQ_TONGUE_S4: return llmq_reply_s4_answer(problem)->retry;
    case LLMQ_TONGUE_S2: return llmq_reply_s2_answer(problem)->retry;
    case LLMQ_TONGUE_OPENAI: return llmq_reply_openai_answer(problem)->retry;
    case LLMQ_TONGUE_S0:
    default: return answers[problem].retry;
    }
}

int llmq_reply_problem_quietly(request_rec *r, const llmq_result_t *why)
{
    llmq_text_t t;
    int status;

    llmq_text_init(&t, 512, r->pool);
    status = llmq_reply_problem_text(&t, r, why);
    if (is_worth_a_retry(r, why->problem)
        && !apr_table_get(r->headers_out, "Retry-After")) {
        apr_table_setn(r->headers_out, "Retry-After",
                       apr_itoa(r->pool, llmq_cfg_retry_after_sec(llmq_cfg_dir(r))));
    }
    if (llmq_tongue_of(r) == LLMQ_TONGUE_OPENAI) {
        llmq_reply_openai_headers(r);
    }
    return llmq_reply_json(r, status, t.data, t.len);
}

int llmq_reply_problem(request_rec *r, const llmq_result_t *why)
{
    int status = llmq_reply_problem_status(r, why->problem);

    ap_log_rerror(APLOG_MARK, status >= 500 ? APLOG_INFO : APLOG_DEBUG, 0, r,
                  LLMQ_NO(0201) "answered %d %s: %s", status,
                  llmq_result_name(why->problem), why->field ? why->field : "-");
    return llmq_reply_problem_quietly(r, why);
}

int llmq_reply_no_task(request_rec *r, const char *id)
{
    llmq_result_t why;

    llmq_result_set(&why, LLMQ_PROBLEM_NO_TASK, NULL,
                    "Task with specified ID does not exist");
    why.id = id;
    return llmq_reply_problem(r, &why);
}

/* What a status means for a caller. */
static const struct {
    apr_status_t rv;
    llmq_problem_e problem;
    const char *reason;
} meanings[] = {
    {LLMQ_ESTORE, LLMQ_PROBLEM_STORE, "the database does not answer, try again later"},
    {LLMQ_EMEMORY, LLMQ_PROBLEM_MEMORY, "the database has no memory left"},
    {APR_ENOMEM, LLMQ_PROBLEM_MEMORY, "this server has no memory left"},
    {LLMQ_EDISK, LLMQ_PROBLEM_DISK, "the disk of the database is full"},
    {LLMQ_EFULL, LLMQ_PROBLEM_QUEUE_FULL, "this level takes no more for now"},
    {APR_EINCOMPLETE, LLMQ_PROBLEM_QUEUE,
     "the queue is being rebuilt or stopped, try again later"},
    {APR_EOF, LLMQ_PROBLEM_QUEUE,
     "the queue is being rebuilt or stopped, try again later"},
};

int llmq_reply_status(request_rec *r, apr_status_t rv)
{
    llmq_result_t why = {0};
    apr_size_t i;

    for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (meanings[i].rv == rv) {
            llmq_result_set(&why, meanings[i].problem, NULL, meanings[i].reason);
            return llmq_reply_problem(r, &why);
        }
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                  LLMQ_NO(0202) "unexpected failure answering a request");
    llmq_result_set(&why, LLMQ_PROBLEM_INTERNAL, NULL,
                    "an unexpected failure, see the log");
    return llmq_reply_problem(r, &why);
}

static void add_s0_httpd_error(llmq_text_t *t, int status, const char *text)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv_int(t, "code", status);
    llmq_json_kv(t, "message", text);
    llmq_json_kv(t, "error", status < 500 ? "request refused" : "server error");
    llmq_json_key(t, "details");
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "reason", text);
    LLMQ_TEXT_LIT(t, "}");
    add_timestamp(t);
}

void llmq_reply_httpd_error(llmq_text_t *t, request_rec *r)
{
    const char *line = ap_get_status_line(r->status);
    const char *text = strlen(line) > 4 ? line + 4 : line;

    switch (llmq_tongue_of(r)) {
    case LLMQ_TONGUE_S3: llmq_reply_s3_httpd_error(t, r->status, text); break;
    case LLMQ_TONGUE_S4: llmq_reply_s4_httpd_error(t, r->status, text); break;
    case LLMQ_TONGUE_S2: llmq_reply_s2_httpd_error(t, r->status, text); break;
    case LLMQ_TONGUE_OPENAI: llmq_reply_openai_httpd_error(t, r, text); break;
    case LLMQ_TONGUE_S0:
    default: add_s0_httpd_error(t, r->status, text);
    }
}
