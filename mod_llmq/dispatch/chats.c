#include "dispatch/chats.h"

#include "dispatch/dispatch_inner.h"

#define LEAST_TIME apr_time_from_msec(1)

static void ask(llmq_attempt_t *a, const llmq_job_t *job, const llmq_chat_past_t *past)
{
    a->call.messages = llmq_chat_format(job, past, a->pool);
    if (a->d->bus) {
        llmq_delta_name(&a->delta, "message_id", a->job.id, a->job.attempt);
        a->call.piece = llmq_attempt_on_piece;
    }
}

void llmq_chats_message(llmq_attempt_t *a, const llmq_job_t *job,
                        const llmq_chat_past_t *past)
{
    const char *tenant = a->job.tenant;

    ask(a, job, past);
    if (!a->d->bus) {
        return;
    }
    llmq_delta_topic(&a->delta, LLMQ_TOPIC_MESSAGE, tenant, a->job.id);
    if (a->job.chain) {
        llmq_delta_topic(&a->delta, LLMQ_TOPIC_CONVERSATION, tenant, a->job.chain);
    }
}

static apr_interval_time_t time_left(const llmq_job_t *job, apr_time_t now)
{
    apr_interval_time_t left = job->deadline - now;

    if (left >= job->timeout) {
        return job->timeout;
    }
    return left > LEAST_TIME ? left : LEAST_TIME;
}

void llmq_chats_turn(llmq_attempt_t *a, const llmq_job_t *job,
                     const llmq_chat_past_t *past)
{
    llmq_app_mark_t mark;

    ask(a, job, past);
    if (a->d->bus) {
        llmq_delta_topic(&a->delta, LLMQ_TOPIC_DEBUG, a->job.tenant, a->job.id);
    }
    a->call.timeout = time_left(job, a->begun_at);
    llmq_app_turn_mark(&mark, job, a->pool);
    a->app = mark.memory ? mark.app : NULL;
}
