#include "dispatch/attempt.h"

#include "base/clock.h"
#include "dispatch/dispatch_inner.h"

#include <apr_strings.h>

llmq_attempt_t *llmq_attempt_create(llmq_dispatch_t *d, const llmq_entry_t *entry,
                                    const llmq_job_t *job, const llmq_chat_past_t *past)
{
    apr_pool_t *p;
    llmq_attempt_t *a;

    if (apr_pool_create_unmanaged_ex(&p, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    a = apr_pcalloc(p, sizeof(*a));
    a->d = d;
    a->queue = llmq_dispatch_inner_queue(d, job->kind);
    a->pool = p;
    a->entry = *entry;
    a->begun_at = llmq_clock_now();
    a->job.id = a->entry.id;
    a->job.tenant = apr_pstrdup(p, job->tenant);
    a->job.attempt = job->attempt;
    a->job.retry_count = job->retry_count;
    a->job.max_retries = job->max_retries;
    a->job.kind = job->kind;
    a->job.level = job->level;
    a->call.id = a->entry.id;
    if (job->kind != LLMQ_KIND_TASK) {
        a->call.messages = llmq_chat_format(job, past, p);
    }
    a->call.timeout = job->timeout;
    a->call.ctx = a;
    a->call.pool = p;
    return a;
}

void llmq_attempt_launch(llmq_attempt_t *a)
{
    apr_thread_mutex_lock(a->d->lock);
    APR_RING_INSERT_TAIL(&a->d->in_flight, a, llmq_attempt_t, in_flight);
    a->d->in_flight_count++;
    apr_thread_mutex_unlock(a->d->lock);
}

void llmq_attempt_land(llmq_attempt_t *a)
{
    apr_thread_mutex_lock(a->d->lock);
    APR_RING_REMOVE(a, in_flight);
    a->d->in_flight_count--;
    apr_thread_mutex_unlock(a->d->lock);
}

int llmq_attempt_count(llmq_dispatch_t *d)
{
    int n;

    apr_thread_mutex_lock(d->lock);
    n = d->in_flight_count;
    apr_thread_mutex_unlock(d->lock);
    return n;
}
