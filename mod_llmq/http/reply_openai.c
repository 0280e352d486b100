#include "http/reply_openai.h"

#include "core/completion.h"

#include <apr_strings.h>

#include <string.h>

#define INVALID "invalid_request_error"
#define SERVER  "server_error"

#define PATH_SHOWN 200 /* bytes of a path in an error */

static const llmq_reply_openai_t answers[LLMQ_PROBLEM_COUNT] = {
    [LLMQ_PROBLEM_NONE] = {500, 0, SERVER, NULL},
    [LLMQ_PROBLEM_REQUEST] = {400, 0, INVALID, NULL},
    [LLMQ_PROBLEM_JSON] = {400, 0, INVALID, NULL},
    [LLMQ_PROBLEM_CONTENT_EMPTY] = {400, 0, INVALID, NULL},
    [LLMQ_PROBLEM_CONTENT_LONG] = {400, 0, INVALID, "string_above_max_length"},
    [LLMQ_PROBLEM_PRIORITY] = {400, 0, INVALID, "invalid_value"},
    [LLMQ_PROBLEM_NO_MESSAGE] = {404, 0, INVALID, "not_found"},
    [LLMQ_PROBLEM_NO_CONVERSATION] = {404, 0, INVALID, "not_found"},
    [LLMQ_PROBLEM_NO_RULE] = {404, 0, INVALID, "not_found"},
    [LLMQ_PROBLEM_NO_TASK] = {404, 0, INVALID, "not_found"},
    [LLMQ_PROBLEM_NO_SESSION] = {404, 0, INVALID, "not_found"},
    [LLMQ_PROBLEM_BUDGET] = {429, 1, "insufficient_quota", "insufficient_quota"},
    [LLMQ_PROBLEM_NO_MODEL] = {404, 0, INVALID, "model_not_found"},
    [LLMQ_PROBLEM_NO_APP] = {404, 0, INVALID, "not_found"},
    [LLMQ_PROBLEM_APP_STATE] = {409, 0, INVALID, "conflict"},
    [LLMQ_PROBLEM_ANSWER] = {502, 1, SERVER, NULL},
    [LLMQ_PROBLEM_SESSION_CLOSED] = {403, 0, INVALID, "forbidden"},
    [LLMQ_PROBLEM_SESSION_LOCKED] = {403, 0, INVALID, "forbidden"},
    [LLMQ_PROBLEM_RUN_CONFLICT] = {409, 0, INVALID, "conflict"},
    [LLMQ_PROBLEM_INVALID] = {400, 0, INVALID, NULL},
    [LLMQ_PROBLEM_NOT_CANCELABLE] = {409, 0, INVALID, "conflict"},
    [LLMQ_PROBLEM_NOT_RETRYABLE] = {409, 0, INVALID, "conflict"},
    [LLMQ_PROBLEM_STALE_LEASE] = {409, 0, INVALID, "conflict"},
    [LLMQ_PROBLEM_TASK_FINISHED] = {409, 0, INVALID, "conflict"},
    [LLMQ_PROBLEM_EXISTS] = {409, 0, INVALID, "conflict"},
    [LLMQ_PROBLEM_USER] = {400, 0, INVALID, NULL},
    [LLMQ_PROBLEM_QUEUE_FULL] = {503, 1, SERVER, "queue_full"},
    [LLMQ_PROBLEM_MAINTENANCE] = {503, 1, SERVER, "maintenance"},
    [LLMQ_PROBLEM_RATE] = {429, 1, "requests", "rate_limit_exceeded"},
    [LLMQ_PROBLEM_WAIT] = {503, 1, SERVER, "wait_timeout"},
    [LLMQ_PROBLEM_TRANSITION] = {409, 0, INVALID, "conflict"},
    [LLMQ_PROBLEM_NO_BACKEND] = {404, 0, INVALID, "not_found"},
    [LLMQ_PROBLEM_NO_ROUTE] = {404, 0, INVALID, "unknown_url"},
    [LLMQ_PROBLEM_METHOD] = {405, 0, INVALID, "method_not_supported"},
    [LLMQ_PROBLEM_MEDIA_TYPE] = {415, 0, INVALID, "unsupported_media_type"},
    [LLMQ_PROBLEM_BODY_SIZE] = {413, 0, INVALID, "request_too_large"},
    [LLMQ_PROBLEM_BODY_READ] = {400, 0, INVALID, NULL},
    [LLMQ_PROBLEM_KEY_BUSY] = {409, 1, INVALID, "idempotency_key_in_use"},
    [LLMQ_PROBLEM_KEY_REUSED] = {422, 0, INVALID, "idempotency_error"},
    [LLMQ_PROBLEM_UNAUTHORIZED] = {401, 0, INVALID, "invalid_api_key"},
    [LLMQ_PROBLEM_FORBIDDEN] = {403, 0, INVALID, "forbidden"},
    [LLMQ_PROBLEM_STORE] = {503, 1, SERVER, "store_unavailable"},
    [LLMQ_PROBLEM_REDIS] = {503, 1, SERVER, "redis_unavailable"},
    [LLMQ_PROBLEM_QUEUE] = {503, 1, SERVER, "queue_unavailable"},
    [LLMQ_PROBLEM_SCHEDULER] = {503, 1, SERVER, "scheduler_unavailable"},
    [LLMQ_PROBLEM_CONFIG] = {500, 0, SERVER, NULL},
    [LLMQ_PROBLEM_MEMORY] = {503, 1, SERVER, "out_of_memory"},
    [LLMQ_PROBLEM_DISK] = {503, 1, SERVER, "disk_full"},
    [LLMQ_PROBLEM_NETWORK] = {502, 1, SERVER, NULL},
    [LLMQ_PROBLEM_INTERNAL] = {500, 0, SERVER, NULL},
};

const llmq_reply_openai_t *llmq_reply_openai_answer(llmq_problem_e problem)
{
    return &answers[(unsigned)problem < LLMQ_PROBLEM_COUNT ? problem
                                                           : LLMQ_PROBLEM_INTERNAL];
}

void llmq_reply_openai_problem(llmq_text_t *t, const llmq_result_t *why)
{
    const llmq_reply_openai_t *a = llmq_reply_openai_answer(why->problem);
    llmq_completion_error_t error = {why->reason ? why->reason
                                                 : llmq_result_name(why->problem),
                                     why->limited ? why->limited : a->type, why->field,
                                     why->code ? why->code : a->code};

    llmq_completion_error_write(t, &error);
}

/* As it came, without a query, which may hold secrets. */
static const char *path_of(const request_rec *r)
{
    const char *path = r->unparsed_uri ? r->unparsed_uri : "";
    apr_size_t len = strcspn(path, "?#");

    len = len < PATH_SHOWN ? len : PATH_SHOWN;
    return llmq_text_is_utf8(path, len) ? apr_pstrmemdup(r->pool, path, len) : "";
}

static const char *no_url(request_rec *r)
{
    return apr_psprintf(r->pool, "Invalid URL (%s %s)", r->method, path_of(r));
}

static const char *no_method(request_rec *r)
{
    return apr_psprintf(r->pool, "Not allowed to %s on %s; see Allow", r->method,
                        path_of(r));
}

static const char *no_key(request_rec *r, const char *reason)
{
    return apr_pstrcat(r->pool,
                       apr_table_get(r->headers_in, "Authorization")
                           ? "Incorrect API key provided: "
                           : "You didn't provide an API key: ",
                       reason, NULL);
}

void llmq_reply_openai_refusal(llmq_text_t *t, request_rec *r, const llmq_result_t *why)
{
    llmq_result_t said = *why;

    if (why->problem == LLMQ_PROBLEM_NO_ROUTE) {
        said.reason = no_url(r);
    }
    if (why->problem == LLMQ_PROBLEM_METHOD) {
        said.reason = no_method(r);
    }
    if (why->problem == LLMQ_PROBLEM_UNAUTHORIZED && why->reason) {
        said.reason = no_key(r, why->reason);
    }
    if (why->problem == LLMQ_PROBLEM_JSON && why->reason) {
        said.reason =
            apr_pstrcat(r->pool, "The body is not valid JSON: ", why->reason, NULL);
    }
    llmq_reply_openai_problem(t, &said);
}

void llmq_reply_openai_headers(request_rec *r)
{
    const char *after = apr_table_get(r->headers_out, "Retry-After");

    apr_table_setn(r->err_headers_out, LLMQ_COMPLETION_TIME,
                   apr_psprintf(r->pool, "%" APR_TIME_T_FMT,
                                apr_time_as_msec(apr_time_now() - r->request_time)));
    if (after && apr_atoi64(after) > LLMQ_COMPLETION_PATIENCE) {
        apr_table_setn(r->err_headers_out, LLMQ_COMPLETION_RETRY, "false");
    }
}

void llmq_reply_openai_httpd_error(llmq_text_t *t, request_rec *r, const char *text)
{
    int status = r->status;
    llmq_completion_error_t error = {text, status < 500 ? INVALID : SERVER, NULL, NULL};

    error.code = status == 401   ? "invalid_api_key"
                 : status == 403 ? "forbidden"
                 : status == 404 ? "unknown_url"
                 : status == 405 ? "method_not_supported"
                 : status == 413 ? "request_too_large"
                 : status == 415 ? "unsupported_media_type"
                 : status == 429 ? "rate_limit_exceeded"
                                 : NULL;
    if (status == 404 || status == 405) {
        error.message = status == 404 ? no_url(r) : no_method(r);
    }
    llmq_completion_error_write(t, &error);
}
