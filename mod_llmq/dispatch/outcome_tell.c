#include "dispatch/outcome_tell.h"

#include "base/log.h"
#include "bus/bus_tell.h"
#include "dispatch/dispatch_inner.h"
#include "queue/queue_job.h"

static void requeue(llmq_attempt_t *a, apr_time_t run_at)
{
    llmq_queue_t *q = a->queue;

    if (llmq_queue_requeue(q, a->entry.id, a->entry.attempt, a->entry.attempt + 1, run_at)
        == APR_NOTFOUND) {
        /* Cancelled, or the segment was rebuilt meanwhile: the store decides. */
        llmq_queue_suspect(q);
    }
}

static llmq_ack_e ack_of(const llmq_outcome_t *o)
{
    return !o->accepted || o->status == LLMQ_STATUS_CANCELED ? LLMQ_ACK_GONE
           : o->status == LLMQ_STATUS_COMPLETED              ? LLMQ_ACK_COMPLETED
           : o->status == LLMQ_STATUS_TIMEOUT                ? LLMQ_ACK_TIMEOUT
                                                             : LLMQ_ACK_FAILED;
}

/* Of the batch, what came from this queue. */
static void tell_queue(llmq_queue_t *q, const llmq_batch_t *batch)
{
    llmq_queue_ack_t *acks =
        apr_palloc(batch->p, sizeof(*acks) * ((apr_size_t)batch->n_all + 1));
    int n_acks = 0;
    int lost = 0;
    int i;

    for (i = 0; i < batch->n_all; i++) {
        llmq_attempt_t *a = batch->as[i];
        const llmq_outcome_t *o = &batch->o[i];

        if (a->queue != q) {
            continue;
        }
        if (o->accepted && o->status == LLMQ_STATUS_PENDING) {
            requeue(a, o->run_at);
            continue;
        }
        lost |= !o->accepted && !a->canceled;
        if (o->accepted && o->status == LLMQ_STATUS_CANCELED) {
            llmq_queue_figures_tell(q, &a->entry, LLMQ_FIGURE_REMOVED);
        }
        acks[n_acks].id = a->entry.id;
        acks[n_acks].attempt = a->entry.attempt;
        acks[n_acks++].how = ack_of(o);
    }
    if (n_acks > 0) {
        llmq_queue_ack(q, acks, n_acks);
    }
    if (lost) {
        llmq_queue_suspect(q); /* it may be pending under a raised fence, and ours */
    }
}

static void tell_bus(const llmq_batch_t *batch)
{
    int i;

    for (i = 0; i < batch->n; i++) {
        const llmq_job_t *job = &batch->as[i]->job;

        if (batch->o[i].accepted) {
            llmq_bus_tell_job(batch->d->bus, job->kind, job->tenant, job->id, job->chain);
        }
    }
}

static void log_lost(const llmq_outcome_t *o)
{
    if (!o->accepted) {
        LLMQ_LOG(LLMQ_LOG_INFO, 0,
                 LLMQ_NO(0707) "msg[%s]: the outcome of attempt %d came too late and"
                               " changes nothing",
                 o->id, o->attempt);
    }
}

void llmq_outcome_tell(const llmq_batch_t *batch)
{
    int i;

    tell_queue(batch->d->queue, batch);
    if (batch->d->tasks) {
        tell_queue(batch->d->tasks, batch);
    }
    tell_bus(batch);
    for (i = 0; i < batch->n; i++) {
        log_lost(&batch->o[i]);
    }
}
