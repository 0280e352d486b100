#include "dispatch/outcome.h"

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/dispatch_inner.h"
#include "dispatch/spent.h"
#include "dispatch/way.h"

#include <apr_general.h>

#include <string.h>

static const char unstorable[] =
    "{\"type\":\"unstorable\",\"message\":\"the database refuses the answer\"}";

static const char late[] =
    "{\"type\":\"deadline\",\"message\":\"the deadline passed before the message was "
    "begun\"}";

void llmq_outcome_judge(llmq_verdict_t *verdict, const llmq_attempt_t *a)
{
    const llmq_retry_conf_t *conf = a->way->retry ? a->way->retry(a) : &a->d->conf->retry;
    unsigned char chance[2];

    apr_generate_random_bytes(chance, sizeof(chance));
    llmq_retry_decide(verdict, conf, &a->call.failure, &a->job, a->call.ended_at,
                      (unsigned int)chance[0] << 8 | chance[1]);
}

void llmq_outcome_apply(llmq_outcome_t *o, const llmq_attempt_t *a,
                        const llmq_verdict_t *verdict)
{
    o->status = verdict->status;
    if (verdict->status == LLMQ_STATUS_PENDING) {
        o->next_attempt = a->job.attempt + 1;
        o->retry_count = a->job.retry_count + verdict->counts;
        o->run_at = verdict->run_at;
    }
    else {
        o->finished_at = a->call.ended_at;
    }
}

static void prepare(llmq_outcome_t *o, llmq_attempt_t *a)
{
    memset(o, 0, sizeof(*o));
    o->id = a->call.id;
    o->attempt = a->job.attempt;
    o->next_attempt = a->job.attempt;
    o->retry_count = a->job.retry_count;
    o->started_at = a->refused ? 0 : a->begun_at;
    o->settles = a->job.charges != NULL;
    llmq_spent_read(&o->used, a);
}

static void decide_failed(llmq_outcome_t *o, const llmq_attempt_t *a)
{
    const llmq_call_t *call = &a->call;
    llmq_verdict_t verdict;

    llmq_outcome_judge(&verdict, a);
    llmq_outcome_apply(o, a, &verdict);
    o->error =
        a->way->error ? a->way->error(call, a->pool) : llmq_backend_error(call, a->pool);
    o->dead_letter = verdict.status != LLMQ_STATUS_PENDING && a->way->is_letter;
    LLMQ_LOG(LLMQ_LOG_INFO, 0, LLMQ_NO(0704) "msg[%s] failed at ep[%s], attempt %d: %s%s",
             call->id, call->backend->name, a->job.attempt,
             call->error ? call->error : "no reason given",
             verdict.status == LLMQ_STATUS_PENDING ? "; will be tried again"
                                                   : "; given up");
}

/* Without a call (deadline.h). */
static void decide_expired(llmq_outcome_t *o, const llmq_attempt_t *a)
{
    const llmq_verdict_t verdict = {.status = LLMQ_STATUS_TIMEOUT};

    llmq_outcome_apply(o, a, &verdict);
    o->error = late;
    o->started_at = 0; /* keeps what an earlier attempt has written */
    o->dead_letter = a->way->is_letter;
}

static void decide_handed_back(llmq_outcome_t *o, const llmq_attempt_t *a)
{
    const llmq_verdict_t verdict = {.status = LLMQ_STATUS_PENDING,
                                    .run_at = a->call.ended_at};

    llmq_outcome_apply(o, a, &verdict);
}

static void decide_answered(llmq_outcome_t *o, const llmq_attempt_t *a)
{
    const llmq_verdict_t verdict = {.status = LLMQ_STATUS_COMPLETED};

    llmq_outcome_apply(o, a, &verdict);
    o->result = llmq_backend_result(&a->call, a->pool);
}

void llmq_outcome_decide(llmq_outcome_t *o, llmq_attempt_t *a)
{
    prepare(o, a);
    if (a->way->decide) {
        a->way->decide(o, a);
    }
    else if (a->expired) {
        decide_expired(o, a);
    }
    else if (a->handed_back) {
        decide_handed_back(o, a);
    }
    else if (a->call.ok) {
        decide_answered(o, a);
    }
    else {
        decide_failed(o, a);
    }
}

void llmq_outcome_refuse(llmq_outcome_t *o, const llmq_attempt_t *a)
{
    LLMQ_LOG(
        LLMQ_LOG_ERR, 0,
        LLMQ_NO(0705) "msg[%s]: the database refuses the answer, it counts as failed",
        o->id);
    if (a->way->refuse) {
        a->way->refuse(a, o);
    }
    o->status = LLMQ_STATUS_FAILED;
    o->next_attempt = o->attempt;
    o->retry_count = a->job.retry_count;
    o->dead_letter = a->way->is_letter;
    o->finished_at = llmq_clock_now();
    o->run_at = 0;
    o->result = NULL;
    o->error = unstorable;
    o->used.model = o->used.model ? "other" : NULL; /* or is it the name? */
}
