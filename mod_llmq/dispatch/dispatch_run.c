/* The story of a job in the dispatcher. Read run_batch() from top to bottom. */
#include "dispatch/dispatch_run.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/message.h"
#include "dispatch/finisher.h"
#include "store/store_job.h"

#include <apr_atomic.h>
#include <apr_strings.h>

#include <stdlib.h>

#define STORE_PAUSE    apr_time_from_sec(1)    /* between tries to reach the database */
#define MAX_UNFINISHED 512                     /* outcomes that wait for the database */
#define LONGEST_WAIT   apr_time_from_msec(500) /* safety net under the wake-ups */

static apr_status_t destroy_pool(void *data)
{
    apr_pool_destroy(data);
    return APR_SUCCESS;
}

apr_pool_t *llmq_dispatch_run_pool(apr_pool_t *p)
{
    apr_pool_t *own;

    if (apr_pool_create_unmanaged_ex(&own, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    apr_pool_cleanup_register(p, own, destroy_pool, apr_pool_cleanup_null);
    return own;
}

llmq_store_t *llmq_dispatch_run_store(llmq_dispatch_t *d, apr_pool_t *p)
{
    apr_pool_t *own = llmq_dispatch_run_pool(p);
    llmq_store_conf_t conf = d->conf->store;
    llmq_store_source_t source;
    llmq_store_t *store = NULL;

    conf.plan_afresh = 1;
    if (own) {
        llmq_store_source_direct(&source, d->conf->db_driver, d->conf->db_params,
                                 STORE_PAUSE, own);
        llmq_store_create(&store, &source, &conf, own);
    }
    return store;
}

void llmq_dispatch_run_pause(llmq_dispatch_t *d, apr_interval_time_t limit)
{
    apr_time_t until = apr_time_now() + limit;

    while (d->asked == LLMQ_ASKED_NOTHING && apr_time_now() < until) {
        apr_sleep(apr_time_from_msec(20));
    }
}

int llmq_dispatch_run_count(llmq_dispatch_t *d)
{
    int n;

    apr_thread_mutex_lock(d->lock);
    n = d->in_flight_count;
    apr_thread_mutex_unlock(d->lock);
    return n;
}

static void remember(llmq_attempt_t *a)
{
    apr_thread_mutex_lock(a->d->lock);
    APR_RING_INSERT_TAIL(&a->d->in_flight, a, llmq_attempt_t, in_flight);
    a->d->in_flight_count++;
    apr_thread_mutex_unlock(a->d->lock);
}

void llmq_dispatch_run_land(llmq_attempt_t *a)
{
    apr_thread_mutex_lock(a->d->lock);
    APR_RING_REMOVE(a, in_flight);
    a->d->in_flight_count--;
    apr_thread_mutex_unlock(a->d->lock);
}

/* Runs on the engine's thread, or inside llmq_backend_start() for kinds that answer at
 * once: from here on the attempt is the finisher's. */
static void on_done(llmq_call_t *call)
{
    llmq_attempt_t *a = call->ctx;
    llmq_dispatch_t *d = a->d;

    llmq_endpoint_done(d->endpoints, call->backend, call->ok ? NULL : &call->failure);
    if (!call->ok && apr_atomic_read32(&d->winding_up)) {
        a->handed_back = 1;
    }
    llmq_queue_answered(d->queue, a->entry.id, a->entry.attempt);
    llmq_finisher_put(d->finisher, a);
    llmq_queue_wake(d->queue);
}

static llmq_attempt_t *create_attempt(llmq_dispatch_t *d, const llmq_entry_t *entry,
                                      const llmq_job_t *job)
{
    apr_pool_t *p;
    llmq_attempt_t *a;

    if (apr_pool_create_unmanaged_ex(&p, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    a = apr_pcalloc(p, sizeof(*a));
    a->d = d;
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
    a->call.messages = llmq_message_to_chat(job, p);
    a->call.timeout = job->timeout;
    a->call.done = on_done;
    a->call.ctx = a;
    a->call.pool = p;
    return a;
}

/* Not to be done: withdrawn or taken by somebody (no job), or done by a dispatcher that
 * died before it could tell the queue, which then counts it now. */
static void drop(llmq_dispatch_t *d, const llmq_entry_t *entry, const llmq_job_t *job)
{
    llmq_queue_ack_t ack = {entry->id, entry->attempt, LLMQ_ACK_GONE};

    if (job) {
        ack.how =
            job->status == LLMQ_STATUS_COMPLETED ? LLMQ_ACK_COMPLETED : LLMQ_ACK_FAILED;
    }
    LLMQ_LOG(LLMQ_LOG_DEBUG, 0, LLMQ_NO(0701) "msg[%s] is not to be done any more",
             entry->id);
    llmq_queue_ack(d->queue, &ack, 1);
}

static void give_back(llmq_dispatch_t *d, const llmq_entry_t *entry)
{
    llmq_queue_requeue(d->queue, entry->id, entry->attempt, entry->attempt, 0);
}

static void start(llmq_dispatch_t *d, const llmq_entry_t *entry, const llmq_job_t *job)
{
    const llmq_backend_conf_t *backend = llmq_endpoint_pick(d->endpoints);
    llmq_attempt_t *a = backend ? create_attempt(d, entry, job) : NULL;

    if (!a) {
        if (backend) {
            llmq_endpoint_done(d->endpoints, backend, NULL);
        }
        give_back(d, entry);
        return;
    }
    a->call.backend = backend;
    remember(a);
    LLMQ_LOG(LLMQ_LOG_DEBUG, 0, LLMQ_NO(0702) "msg[%s] goes to ep[%s], attempt %d",
             a->call.id, backend->name, a->job.attempt);
    llmq_backend_start(d->engine, &a->call);
}

static apr_status_t load(llmq_job_t ***pjobs, llmq_dispatch_t *d,
                         const llmq_entry_t *taken, int n, apr_pool_t *p)
{
    const char **ids = apr_palloc(p, sizeof(*ids) * (apr_size_t)n);
    int i;

    for (i = 0; i < n; i++) {
        ids[i] = taken[i].id;
    }
    return llmq_store_job_load(pjobs, d->drain_store, ids, n, p);
}

/* How many may be begun: as the backends have places, as a batch may be large, and so that
 * outcomes which the database does not take yet cannot pile up without bound. */
static int room(llmq_dispatch_t *d)
{
    int free = llmq_endpoint_free(d->endpoints);
    int unfinished = MAX_UNFINISHED - llmq_finisher_backlog(d->finisher);
    int n = free < d->conf->batch ? free : d->conf->batch;

    return n < unfinished ? n : unfinished > 0 ? unfinished : 0;
}

/* Returns how many were taken; 0 asks for a wait, -1 for a longer one: no database. */
static int run_batch(llmq_dispatch_t *d, llmq_entry_t *taken, apr_pool_t *p)
{
    llmq_job_t **jobs = NULL;
    int n = 0;
    int i;

    /* 1. No more than the backends have places for: what waits keeps its turn in the
     *    queue, not here. */
    int places = room(d);

    /* 2. The most urgent ones, by the fairness rule. */
    if (places <= 0
        || llmq_queue_take(taken, &n, d->queue, places, d->owner) != APR_SUCCESS
        || n == 0) {
        return 0;
    }
    /* 3. Their contents. Without the database nothing can be done, so all wait. */
    if (load(&jobs, d, taken, n, p) != APR_SUCCESS) {
        for (i = 0; i < n; i++) {
            give_back(d, &taken[i]);
        }
        return -1;
    }
    /* 4. Each to a backend; on_done() hears of the end. */
    for (i = 0; i < n; i++) {
        if (jobs[i] && !llmq_job_is_final(jobs[i]->status)) {
            start(d, &taken[i], jobs[i]);
        }
        else {
            drop(d, &taken[i], jobs[i]);
        }
    }
    return n;
}

void *APR_THREAD_FUNC llmq_dispatch_run_drain(apr_thread_t *thread, void *data)
{
    llmq_dispatch_t *d = data;
    llmq_entry_t *taken = calloc((apr_size_t)d->conf->batch, sizeof(*taken));
    apr_pool_t *p = NULL;

    if (!taken || apr_pool_create_unmanaged_ex(&p, NULL, NULL) != APR_SUCCESS) {
        LLMQ_LOG(LLMQ_LOG_CRIT, APR_ENOMEM,
                 LLMQ_NO(0703) "the drain thread cannot start");
        free(taken);
        llmq_dispatch_stop(d); /* the parent starts another process */
        return NULL;
    }
    while (d->asked == LLMQ_ASKED_NOTHING) {
        int n;

        apr_pool_clear(p);
        /* What is taken and not yet in flight is known to nobody else: a reset of the queue
         * waits until it is. */
        apr_thread_mutex_lock(d->taking);
        n = run_batch(d, taken, p);
        apr_thread_mutex_unlock(d->taking);
        if (n == 0) {
            llmq_queue_wait(d->queue, LONGEST_WAIT);
        }
        else if (n < 0) {
            llmq_dispatch_run_pause(d, STORE_PAUSE);
        }
    }
    apr_pool_destroy(p);
    free(taken);
    (void)thread;
    return NULL;
}
