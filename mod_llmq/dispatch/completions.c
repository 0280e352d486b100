#include "dispatch/completions.h"

#include "base/clock.h"
#include "dispatch/completions_end.h"
#include "dispatch/dispatch_inner.h"
#include "dispatch/ears.h"
#include "dispatch/replays.h"
#include "queue/queue_claim.h"

#include <apr_strings.h>

#include <string.h>

#define SOON apr_time_from_msec(100) /* until a child may have told who listens */

/* Bytes: a request may have thousands of inputs, and each vector thousands of numbers. */
#define VECTORS_MAX (48 * 1024 * 1024)

static const char unknown[] =
    "{\"type\":\"request\",\"message\":\"there is no such model any more\"}";

/* ---- who listens ---- */

apr_status_t llmq_completions_open(llmq_dispatch_t *d, apr_pool_t *p)
{
    return llmq_ears_open(d, llmq_completions_left, p);
}

static apr_status_t on_chunk(llmq_call_t *call, const char *data, apr_size_t len)
{
    llmq_attempt_t *a = call->ctx;
    apr_status_t rv = APR_NOTFOUND;

    if (!call->unwanted) {
        rv = llmq_ears_send(a->d, a->entry.id, LLMQ_RELAY_PIECE, data, len);
    }
    if (rv != APR_SUCCESS) {
        call->unwanted = 1;
    }
    else {
        llmq_replays_hear(a, data, len);
    }
    return rv;
}

static int is_full(llmq_call_t *call)
{
    return llmq_ears_is_full(((llmq_attempt_t *)call->ctx)->d, call->id);
}

/* ---- ends without a call ---- */

/* An attempt that only has its end to be written; why it is canceled needs no word. */
static void end_at_once(llmq_dispatch_t *d, const llmq_entry_t *entry,
                        const llmq_job_t *job, llmq_status_e status, const char *error)
{
    llmq_attempt_t *a = llmq_attempt_create(d, entry, job, NULL);

    if (!a) {
        llmq_queue_requeue(d->queue, entry->id, entry->attempt, entry->attempt, 0);
        return;
    }
    a->completing = apr_pcalloc(a->pool, sizeof(*a->completing));
    a->completing->verdict.status = status;
    a->completing->error = error;
    a->begun_at = 0;
    a->start_written = 1; /* there is none */
    a->call.ended_at = llmq_clock_now();
    llmq_attempt_launch(a);
    llmq_finisher_put(d->finisher, a);
}

/* Only a change of the configuration lets a model vanish that was there when the request
 * was accepted. */
static void end_unknown(llmq_dispatch_t *d, const llmq_entry_t *entry,
                        const llmq_job_t *job)
{
    llmq_completion_error_t error = {"The model does not exist", "invalid_request_error",
                                     "model", "model_not_found"};
    apr_pool_t *p = NULL;

    if (apr_pool_create_unmanaged_ex(&p, NULL, NULL) == APR_SUCCESS) {
        llmq_ears_error(d, entry->id, 404, &error, p);
        apr_pool_destroy(p);
    }
    end_at_once(d, entry, job, LLMQ_STATUS_FAILED, unknown);
}

int llmq_completions_admit(llmq_dispatch_t *d, const llmq_entry_t *entry,
                           llmq_loaded_t *what)
{
    apr_status_t rv = llmq_ears_listens(d, entry->id);
    const llmq_job_t *job = what->job;
    const llmq_model_t *model;

    if (APR_STATUS_IS_EAGAIN(rv)) {
        llmq_queue_requeue(d->queue, entry->id, entry->attempt, entry->attempt,
                           llmq_clock_now() + SOON);
        return 0;
    }
    if (rv != APR_SUCCESS) {
        end_at_once(d, entry, job, LLMQ_STATUS_CANCELED, NULL);
        return 0;
    }
    model = d->conf->models ? llmq_model_find(d->conf->models, job->type) : NULL;
    if (!model || !model->backends) {
        end_unknown(d, entry, job);
        return 0;
    }
    what->model = model;
    return 1;
}

/* ---- the call ---- */

/* Where the metadata tell nothing, the row is none of the gateway's making: the backend may
 * say what it thinks of the body. */
apr_status_t llmq_completions_request(llmq_attempt_t *a, const llmq_loaded_t *what)
{
    const llmq_job_t *job = what->job;
    const llmq_model_t *model = what->model;
    llmq_completing_t *c = apr_pcalloc(a->pool, sizeof(*c));
    const char *upstream = model->upstream[a->place.index];
    llmq_completion_t asked = {0};

    llmq_completion_read(&asked, job->metadata, a->pool);
    a->job.type = apr_pstrdup(a->pool, job->type);
    c->raw.path = llmq_completion_path(asked.what);
    c->raw.model = upstream ? upstream : model->name;
    c->raw.stream = asked.stream;
    c->raw.room = a->d->conf->ears ? a->d->conf->ears->room : 0;
    c->raw.most = asked.what == LLMQ_COMPLETION_EMBEDDINGS ? VECTORS_MAX : 0;
    c->raw.chunk = on_chunk;
    c->raw.is_full = is_full;
    a->completing = c;
    a->call.raw = &c->raw;
    a->call.body = apr_pstrmemdup(a->pool, job->payload, job->payload_len);
    return APR_SUCCESS;
}

int llmq_completions_begin(llmq_attempt_t *a)
{
    const char *number = apr_itoa(a->pool, a->job.attempt);

    if (llmq_ears_send(a->d, a->entry.id, LLMQ_RELAY_BEGUN, number, strlen(number))
        == APR_SUCCESS) {
        return 1;
    }
    llmq_endpoint_back(a->endpoints, &a->place);
    a->call.unwanted = 1;
    a->completing->verdict.status = LLMQ_STATUS_CANCELED;
    a->call.ended_at = llmq_clock_now();
    llmq_finisher_put(a->d->finisher, a);
    return 0;
}

/* ---- who goes away ---- */

/* Returns non-zero if the job is in flight: then its call is aborted. */
static int abort_call(llmq_dispatch_t *d, const char *id)
{
    llmq_attempt_t *a;
    int found = 0;

    apr_thread_mutex_lock(d->lock);
    APR_RING_FOREACH(a, &d->in_flight, llmq_attempt_t, in_flight)
    {
        if (a->job.kind == LLMQ_KIND_COMPLETION && strcmp(a->entry.id, id) == 0) {
            a->call.unwanted = 1; /* it may not be started yet */
            llmq_backend_abort(d->engine, &a->call);
            found = 1;
        }
    }
    apr_thread_mutex_unlock(d->lock);
    return found;
}

void llmq_completions_left(void *dispatch, const char *id)
{
    llmq_dispatch_t *d = dispatch;
    llmq_job_t job = {.id = id, .tenant = "", .kind = LLMQ_KIND_COMPLETION};
    llmq_entry_t entry;

    if (abort_call(d, id)
        || llmq_queue_take_id(&entry, d->queue, id, d->owner, 0) != APR_SUCCESS) {
        return; /* what comes into the queue later finds nobody who listens */
    }
    if (entry.kind != LLMQ_KIND_COMPLETION) {
        llmq_queue_requeue(d->queue, id, entry.attempt, entry.attempt, 0);
        return;
    }
    job.attempt = (int)entry.attempt;
    job.level = (llmq_level_e)entry.level;
    end_at_once(d, &entry, &job, LLMQ_STATUS_CANCELED, NULL);
}
