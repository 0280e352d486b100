#include "dispatch/attempt.h"

#include "base/clock.h"
#include "dispatch/dispatch_inner.h"
#include "dispatch/way.h"

#include <apr_strings.h>

apr_interval_time_t llmq_attempt_on_piece(llmq_call_t *call, const char *text,
                                          apr_size_t len)
{
    llmq_attempt_t *a = call->ctx;

    return llmq_delta_take(&a->delta, text, len);
}

llmq_attempt_t *llmq_attempt_create(llmq_dispatch_t *d, const llmq_entry_t *entry,
                                    const llmq_job_t *job, const llmq_chat_past_t *past)
{
    apr_pool_t *p = llmq_stash_take(d->attempts);
    llmq_attempt_t *a;

    if (!p) {
        return NULL;
    }
    a = apr_pcalloc(p, sizeof(*a));
    a->d = d;
    a->way = llmq_dispatch_inner_way(d, job->kind);
    a->queue = llmq_dispatch_inner_queue(d, job->kind);
    a->pool = p;
    a->entry = *entry;
    a->begun_at = llmq_clock_now();
    a->job.id = a->entry.id;
    a->job.tenant = apr_pstrdup(p, job->tenant);
    a->job.chain = apr_pstrdup(p, job->chain);
    a->job.user = apr_pstrdup(p, job->user);
    a->job.attempt = job->attempt;
    a->job.retry_count = job->retry_count;
    a->job.max_retries = job->max_retries;
    a->job.kind = job->kind;
    a->job.level = job->level;
    a->job.charges = apr_pstrdup(p, job->charges);
    a->job.gauge = job->gauge;
    a->call.id = a->entry.id;
    a->call.timeout = job->timeout;
    a->call.ctx = a;
    a->call.pool = p;
    llmq_delta_init(&a->delta, d->bus, d->conf->delta_interval, p);
    if (a->way->prepare) {
        a->way->prepare(a, job, past);
    }
    return a;
}

void llmq_attempt_destroy(llmq_attempt_t *a)
{
    llmq_stash_give(a->d->attempts, a->pool);
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
