#include "http/once.h"

#include "http/idempotency.h"
#include "http/reply.h"

#include <string.h>

/* No JSON begins like an event of a stream. */
static int is_stream(const llmq_idem_answer_t *answer)
{
    return answer->body && strncmp(answer->body, "data: ", 6) == 0;
}

static int replay(request_rec *r, const llmq_idem_answer_t *answer)
{
    apr_table_setn(r->headers_out, "Idempotent-Replayed", "true");
    if (answer->location) {
        apr_table_setn(r->headers_out, "Location", answer->location);
    }
    if (is_stream(answer)) {
        r->status = answer->status;
        apr_table_setn(r->headers_out, "Cache-Control", "no-store");
        return llmq_reply_text(r, LLMQ_REPLY_STREAM, answer->body, strlen(answer->body));
    }
    return llmq_reply_json(r, answer->status, answer->body ? answer->body : "",
                           answer->body ? strlen(answer->body) : 0);
}

static int refuse(request_rec *r, apr_status_t rv)
{
    llmq_result_t why = {0};

    if (rv == LLMQ_EBUSY) {
        apr_table_setn(r->headers_out, "Retry-After", "1");
        llmq_result_set(&why, LLMQ_PROBLEM_KEY_BUSY, "Idempotency-Key",
                        "a request with this key is being answered");
        return llmq_reply_problem(r, &why);
    }
    if (rv == LLMQ_ESTATE) {
        llmq_result_set(&why, LLMQ_PROBLEM_KEY_REUSED, "Idempotency-Key",
                        "this key came with another body before");
        return llmq_reply_problem(r, &why);
    }
    return llmq_reply_status(r, rv);
}

static int call_claimed(llmq_api_fn_t *fn, request_rec *r, const llmq_service_t *service,
                        const char *id)
{
    int rv = fn(r, service, id);

    llmq_idempotency_settle(r, HTTP_INTERNAL_SERVER_ERROR,
                            NULL); /* nobody has answered */
    return rv;
}

int llmq_once_call(llmq_api_fn_t *fn, request_rec *r, const llmq_service_t *service,
                   const char *id)
{
    const char *key = r->method_number == M_POST
                          ? apr_table_get(r->headers_in, "Idempotency-Key")
                          : NULL;
    llmq_idem_answer_t answer = {0};
    llmq_result_t why = {0};
    apr_status_t rv;

    if (!key) {
        return fn(r, service, id);
    }
    rv = llmq_idempotency_claim(&answer, r, service, key, &why);
    if (rv == LLMQ_EBODY) {
        return llmq_reply_problem(r, &why);
    }
    if (rv == APR_EEXIST) {
        return replay(r, &answer);
    }
    return rv == APR_SUCCESS ? call_claimed(fn, r, service, id) : refuse(r, rv);
}
