#include "dispatch/remember.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "dispatch/dispatch_inner.h"
#include "queue/queue_job.h"

#include <apr_strings.h>

#include <string.h>

#define RETRIES        3
#define MAX_MEMORY     65536 /* bytes; what LLMQMaxContext is by default */
#define SWEEP_INTERVAL apr_time_from_sec(3)
#define SWEEP_AGE      apr_time_from_sec(5) /* what is younger may be under way */
#define SWEEP_MAX      100

/* ---- what it is made of ---- */

/* The oldest turns that fit; the next job takes the rest, as far as this one has got. A
 * turn that is too long by itself is cut off by the model, not by us. */
static void bound(llmq_app_recall_t *recall, const llmq_chat_conf_t *conf)
{
    apr_size_t bytes = 0;
    int i;

    for (i = 0; i < recall->n; i++) {
        bytes += strlen(recall->turns[i].prompt) + strlen(recall->turns[i].answer);
        if (i > 0 && bytes > conf->max_bytes) {
            break;
        }
        recall->upto = recall->ends[i];
    }
    recall->n = i;
}

apr_status_t llmq_remember_recall(llmq_app_recall_t **precalls, llmq_store_t *store,
                                  llmq_job_t *const *jobs, int n,
                                  const llmq_chat_conf_t *conf, apr_pool_t *p)
{
    apr_status_t rv = llmq_store_app_memory_recall(precalls, store, jobs, n, p);
    int i;

    for (i = 0; rv == APR_SUCCESS && i < n; i++) {
        bound(&(*precalls)[i], conf);
    }
    return rv;
}

int llmq_remember_is_done(const llmq_app_recall_t *recall)
{
    return !recall->job || recall->n == 0 || recall->mode != LLMQ_APP_MEMORY_LONG_TERM;
}

apr_status_t llmq_remember_request(llmq_attempt_t *a, const llmq_loaded_t *what)
{
    const llmq_app_recall_t *recall = what->recall;
    llmq_app_lesson_t *lesson = apr_pcalloc(a->pool, sizeof(*lesson));
    llmq_app_mark_t mark;

    llmq_app_turn_mark(&mark, what->job, a->pool);
    lesson->app = mark.app;
    lesson->tenant = a->job.tenant;
    lesson->chain = a->job.chain;
    lesson->version = recall->version;
    lesson->upto = recall->upto;
    a->lesson = lesson;
    a->call.messages =
        llmq_app_turn_ask_memory(recall->summary, recall->turns, recall->n, a->pool);
    return APR_SUCCESS;
}

static void skip(llmq_dispatch_t *d, const llmq_entry_t *entry, const llmq_job_t *job)
{
    llmq_attempt_t *a = llmq_attempt_create(d, entry, job, NULL);

    if (!a) {
        llmq_queue_requeue(d->queue, entry->id, entry->attempt, entry->attempt, 0);
        return;
    }
    a->skipped = 1;
    a->start_written = 1; /* there is none */
    a->call.ok = 1;
    a->call.answer = "{\"content\":\"\",\"skipped\":true}";
    a->call.ended_at = llmq_clock_now();
    llmq_attempt_launch(a);
    llmq_finisher_put(d->finisher, a);
}

int llmq_remember_admit(llmq_dispatch_t *d, const llmq_entry_t *entry,
                        llmq_loaded_t *what)
{
    if (llmq_remember_is_done(what->recall)) {
        skip(d, entry, what->job);
        return 0;
    }
    return 1;
}

/* ---- what comes of it ---- */

/* An answer without words would only lose what is remembered, and one without bounds would go with
 * each turn from then on: the old one stays, and the next job tries again. */
static int brings_memory(const llmq_attempt_t *a, const llmq_outcome_t *o)
{
    return a->lesson && o->status == LLMQ_STATUS_COMPLETED && a->call.content
           && !llmq_utf8_is_blank(a->call.content)
           && strlen(a->call.content) <= MAX_MEMORY;
}

apr_status_t llmq_remember_learn(const llmq_batch_t *batch)
{
    llmq_app_lesson_t *lessons =
        apr_palloc(batch->p, sizeof(*lessons) * ((apr_size_t)batch->n + 1));
    apr_status_t rv = APR_SUCCESS;
    int found = 0;
    int i;

    for (i = 0; i < batch->n; i++) {
        const llmq_attempt_t *a = batch->as[i];

        if (brings_memory(a, &batch->o[i])) {
            lessons[found] = *a->lesson;
            lessons[found++].summary = a->call.content;
        }
    }
    for (i = 0; rv == APR_SUCCESS && i < found; i++) {
        rv = llmq_store_app_memory_learn(batch->store, &lessons[i], 1, batch->p);
        if (rv == LLMQ_EROW) {
            rv = APR_SUCCESS; /* it cannot be stored, whoever tries: the old one stays */
        }
        else if (rv == APR_SUCCESS) {
            rv = llmq_store_app_memory_tidy(batch->store, &lessons[i], batch->p);
        }
    }
    return rv;
}

/* ---- jobs ---- */

static apr_status_t insert(llmq_job_t *jobs, int n, llmq_store_t *store, apr_pool_t *p)
{
    llmq_text_t rows;
    int i;

    llmq_text_init(&rows, 512 * (apr_size_t)n, p);
    LLMQ_TEXT_LIT(&rows, "[");
    for (i = 0; i < n; i++) {
        if (i) {
            LLMQ_TEXT_LIT(&rows, ",");
        }
        llmq_store_job_row(&rows, &jobs[i]);
    }
    LLMQ_TEXT_LIT(&rows, "]");
    return llmq_store_job_insert(store, rows.data, p);
}

void llmq_remember_turns(const llmq_batch_t *batch)
{
    apr_size_t most = (apr_size_t)batch->n + 1;
    llmq_job_t *jobs = apr_palloc(batch->p, sizeof(*jobs) * most);
    llmq_entry_t *entries = apr_palloc(batch->p, sizeof(*entries) * most);
    int found = 0;
    int i;

    for (i = 0; i < batch->n; i++) {
        const llmq_attempt_t *a = batch->as[i];
        const llmq_outcome_t *o = &batch->o[i];

        if (a->app && o->accepted && o->status == LLMQ_STATUS_COMPLETED) {
            llmq_job_t turn = a->job;

            turn.finished_at = o->finished_at;
            llmq_app_turn_memory_job(&jobs[found++], &turn, a->app, RETRIES, batch->p);
        }
    }
    if (found == 0 || insert(jobs, found, batch->store, batch->p) != APR_SUCCESS) {
        return; /* the sweep finds them */
    }
    for (i = 0; i < found; i++) {
        llmq_queue_job_entry(&entries[i], &jobs[i]);
    }
    llmq_queue_put(batch->d->queue, entries, found, 0);
}

static void begin_late(llmq_dispatch_t *d, llmq_store_t *store,
                       const llmq_app_forgotten_t *found, int n, apr_pool_t *p)
{
    llmq_job_t *jobs = apr_palloc(p, sizeof(*jobs) * ((apr_size_t)n + 1));
    int i;

    LLMQ_LOG(LLMQ_LOG_INFO, 0, LLMQ_NO(0770) "%d turns of apps were not remembered yet",
             n);
    for (i = 0; i < n; i++) {
        llmq_app_turn_memory_job(&jobs[i], &found[i].turn, found[i].app, RETRIES, p);
    }
    /* Another node may do the same at this moment: whose row it is, the walk tells. */
    if (insert(jobs, n, store, p) == APR_SUCCESS) {
        llmq_queue_suspect(d->queue);
    }
}

apr_status_t llmq_remember_sweep(llmq_dispatch_t *d, llmq_store_t *store, apr_time_t now,
                                 apr_pool_t *p)
{
    static apr_time_t next; /* first thread only */
    llmq_app_forgotten_t *found = NULL;
    apr_status_t rv;
    int n = 0;

    if (now < next) {
        return APR_SUCCESS;
    }
    rv =
        llmq_store_app_memory_forgotten(&found, &n, store, now - SWEEP_AGE, SWEEP_MAX, p);
    if (rv == APR_SUCCESS && n > 0) {
        begin_late(d, store, found, n, p);
    }
    if (rv == APR_SUCCESS) {
        next = n == SWEEP_MAX ? now : now + SWEEP_INTERVAL;
    }
    return rv;
}
