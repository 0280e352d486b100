#include "dispatch/completions_end.h"

#include "base/log.h"
#include "dispatch/dispatch_inner.h"
#include "dispatch/ears.h"
#include "dispatch/outcome.h"

static const char nobody[] =
    "{\"type\":\"canceled\",\"message\":\"nobody waited for the answer any more\"}";
static const char late[] =
    "{\"type\":\"deadline\",\"message\":\"the deadline passed before"
    " the request was begun\"}";

/* ---- of a call ---- */

/* Where the open rows of a caller are counted, its next request may come with the answer:
 * then the row has to be closed before it. One with a key may come again at once, and finds
 * the answer then. */
static void say_or_keep(llmq_attempt_t *a)
{
    a->completing->unsaid = a->job.gauge != 0 || a->replay;
    if (!a->completing->unsaid) {
        llmq_ears_end(a);
    }
}

int llmq_completions_end_is_urgent(const llmq_attempt_t *a)
{
    return a->job.gauge || a->job.charges || a->replay;
}

void llmq_completions_end_say(llmq_attempt_t *a)
{
    if (a->completing && a->completing->unsaid) {
        a->completing->unsaid = 0;
        llmq_ears_end(a);
    }
}

static void decide_failed(llmq_attempt_t *a)
{
    llmq_verdict_t *verdict = &a->completing->verdict;

    llmq_outcome_judge(verdict, a);
    if (a->completing->raw.chunks > 0 && verdict->status == LLMQ_STATUS_PENDING) {
        verdict->status = LLMQ_STATUS_FAILED;
    }
}

/* When the dispatcher ends, what nobody has seen anything of goes on elsewhere. */
static void decide_handed_back(llmq_attempt_t *a)
{
    llmq_verdict_t *verdict = &a->completing->verdict;

    *verdict =
        (llmq_verdict_t){.status = LLMQ_STATUS_PENDING, .run_at = a->call.ended_at};
    if (a->completing->raw.chunks > 0) {
        verdict->status = LLMQ_STATUS_FAILED;
    }
}

void llmq_completions_end_judge(llmq_call_t *call)
{
    llmq_attempt_t *a = call->ctx;
    llmq_verdict_t *verdict = &a->completing->verdict;

    if (call->ok) {
        verdict->status = LLMQ_STATUS_COMPLETED;
        say_or_keep(a);
        return;
    }
    if (call->unwanted) {
        verdict->status = LLMQ_STATUS_CANCELED;
        return;
    }
    if (a->handed_back) {
        decide_handed_back(a);
    }
    else {
        decide_failed(a);
    }
    if (verdict->status != LLMQ_STATUS_PENDING) {
        say_or_keep(a);
    }
    else if (llmq_ears_listens(a->d, a->entry.id) == APR_NOTFOUND) {
        verdict->status = LLMQ_STATUS_CANCELED;
    }
    else { /* its patience counts again */
        llmq_ears_send(a->d, a->entry.id, LLMQ_RELAY_LISTEN, "", 0);
    }
}

static void end_expired(llmq_attempt_t *a)
{
    llmq_completion_error_t error = {"The request waited too long", "server_error", NULL,
                                     "timeout"};

    a->completing = apr_pcalloc(a->pool, sizeof(*a->completing));
    a->completing->verdict.status = LLMQ_STATUS_TIMEOUT;
    a->completing->error = late;
    a->begun_at = 0;
    llmq_ears_error(a->d, a->entry.id, 503, &error, a->pool);
}

static void log_failed(const llmq_attempt_t *a, int is_final)
{
    const llmq_backend_conf_t *backend = a->call.backend; /* NULL: none was chosen */

    LLMQ_LOG(LLMQ_LOG_INFO, 0, LLMQ_NO(0761) "msg[%s] failed at ep[%s], attempt %d: %s%s",
             a->entry.id, backend ? backend->name : "-", a->job.attempt,
             a->call.error ? a->call.error : "no reason given",
             is_final ? "; given up" : "; will be tried again");
}

void llmq_completions_end_decide(llmq_outcome_t *o, llmq_attempt_t *a)
{
    const llmq_verdict_t *verdict;

    if (a->expired) {
        end_expired(a);
    }
    verdict = &a->completing->verdict;
    llmq_outcome_apply(o, a, verdict);
    o->started_at = a->begun_at;
    if (verdict->status == LLMQ_STATUS_COMPLETED) {
        o->result = llmq_backend_result(&a->call, a->pool);
        return;
    }
    o->error = verdict->status == LLMQ_STATUS_CANCELED ? nobody : a->completing->error;
    if (!o->error) {
        o->error = llmq_backend_error(&a->call, a->pool);
        log_failed(a, verdict->status != LLMQ_STATUS_PENDING);
    }
}

/* Whoever waits for the next attempt would wait in vain. */
void llmq_completions_end_refuse(const llmq_attempt_t *a, const llmq_outcome_t *o)
{
    if (o->status == LLMQ_STATUS_PENDING) {
        llmq_ears_end(a);
    }
}
