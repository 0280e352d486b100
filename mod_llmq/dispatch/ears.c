#include "dispatch/ears.h"

#include "dispatch/dispatch_inner.h"

#include <string.h>

apr_status_t llmq_ears_open(llmq_dispatch_t *d, llmq_dispatch_left_fn_t *left,
                            apr_pool_t *p)
{
    const llmq_dispatch_ears_t *ears = d->conf->ears;

    return ears ? ears->open(ears->ctx, left, d, p) : APR_SUCCESS;
}

apr_status_t llmq_ears_listens(llmq_dispatch_t *d, const char *id)
{
    const llmq_dispatch_ears_t *ears = d->conf->ears;

    return ears ? ears->listens(ears->ctx, id) : APR_NOTFOUND;
}

apr_status_t llmq_ears_send(llmq_dispatch_t *d, const char *id, llmq_relay_type_e type,
                            const char *data, apr_size_t len)
{
    const llmq_dispatch_ears_t *ears = d->conf->ears;

    return ears ? ears->send(ears->ctx, id, type, data, len) : APR_NOTFOUND;
}

int llmq_ears_is_full(llmq_dispatch_t *d, const char *id)
{
    const llmq_dispatch_ears_t *ears = d->conf->ears;

    return ears && ears->is_full(ears->ctx, id);
}

void llmq_ears_leave(llmq_dispatch_t *d)
{
    const llmq_dispatch_ears_t *ears = d->conf->ears;

    if (ears) {
        ears->leave(ears->ctx);
    }
}

void llmq_ears_close(llmq_dispatch_t *d)
{
    const llmq_dispatch_ears_t *ears = d->conf->ears;

    if (ears) {
        ears->close(ears->ctx);
    }
}

/* ---- ends ---- */

static void say_end(llmq_dispatch_t *d, const char *id, const llmq_relay_end_t *end)
{
    const llmq_dispatch_ears_t *ears = d->conf->ears;

    if (ears) {
        ears->end(ears->ctx, id, end);
    }
}

static void set_error(llmq_relay_end_t *end, const llmq_completion_error_t *error,
                      apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, 512, p);
    llmq_completion_error_write(&t, error);
    end->body = t.data;
    end->body_len = t.len;
}

void llmq_ears_error(llmq_dispatch_t *d, const char *id, int status,
                     const llmq_completion_error_t *error, apr_pool_t *p)
{
    llmq_relay_end_t end = {
        .status = status, .headers = "", .prompt_tokens = -1, .completion_tokens = -1};

    set_error(&end, error, p);
    say_end(d, id, &end);
}

static int status_of(const llmq_failure_t *failure)
{
    switch (failure->kind) {
    case LLMQ_FAILURE_STATUS:
        return failure->http_status <= 599 ? failure->http_status : 502;
    case LLMQ_FAILURE_TIMEOUT: return 504;
    case LLMQ_FAILURE_REQUEST: return 500;
    case LLMQ_FAILURE_UNREACHABLE: return 503;
    case LLMQ_FAILURE_CONNECT:
    case LLMQ_FAILURE_PROTOCOL: break;
    }
    return 502;
}

static const char *retry_after(const llmq_failure_t *failure, apr_pool_t *p)
{
    return llmq_completion_retry(
        (failure->retry_after + APR_USEC_PER_SEC - 1) / APR_USEC_PER_SEC, p);
}

static void say_failure(const llmq_attempt_t *a)
{
    const llmq_call_t *call = &a->call;
    llmq_completion_error_t error = {call->error, "server_error", NULL, NULL};
    llmq_relay_end_t end = {.status = status_of(&call->failure),
                            .prompt_tokens = call->prompt_tokens,
                            .completion_tokens = call->completion_tokens};

    end.headers = retry_after(&call->failure, a->pool);
    end.headers_len = strlen(end.headers);
    end.body = call->raw->body;
    end.body_len = call->raw->body_len;
    if (!end.body) {
        error.type = end.status < 500 ? "invalid_request_error" : "server_error";
        set_error(&end, &error, a->pool);
    }
    say_end(a->d, a->entry.id, &end);
}

static void say_answer(const llmq_attempt_t *a)
{
    const llmq_raw_t *raw = a->call.raw;
    llmq_relay_end_t end = {.status = raw->http_status, .headers = "", .body = ""};

    end.prompt_tokens = a->call.prompt_tokens;
    end.completion_tokens = a->call.completion_tokens;
    if (raw->body) {
        end.body = raw->body;
        end.body_len = raw->body_len;
    }
    say_end(a->d, a->entry.id, &end);
}

void llmq_ears_end(const llmq_attempt_t *a)
{
    if (a->call.ok) {
        say_answer(a);
    }
    else {
        say_failure(a);
    }
}
