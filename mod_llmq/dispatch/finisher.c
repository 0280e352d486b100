#include "dispatch/finisher.h"

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/deadline.h"
#include "dispatch/dispatch_inner.h"
#include "dispatch/longcall.h"
#include "queue/queue_job.h"
#include "store/store_job.h"

#include <apr_general.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>

#define MAX_BATCH     256
#define TICK          LLMQ_LONGCALL_AGE
#define STORE_PAUSE   apr_time_from_msec(500) /* between tries while the database is away */
#define SAY_INTERVAL  apr_time_from_sec(30)
#define FAREWELL_TIME apr_time_from_sec(2) /* patience with the database when ending */

static const char unstorable[] =
    "{\"type\":\"unstorable\",\"message\":\"the database refuses the answer\"}";

struct llmq_finisher_t {
    llmq_dispatch_t *d;
    llmq_store_t *store; /* finisher thread only, as is scratch */
    apr_pool_t *scratch;
    apr_thread_t *thread;
    apr_thread_mutex_t *lock; /* guards the list and stopping */
    apr_thread_cond_t *more;
    llmq_attempt_t *first;
    llmq_attempt_t **last;
    int backlog; /* on the list or being written */
    int stopping;
    apr_time_t patience_ends; /* when stopping */
};

/* ---- what becomes of an attempt ---- */

static void decide_failed(llmq_outcome_t *o, llmq_attempt_t *a)
{
    const llmq_call_t *call = &a->call;
    llmq_verdict_t verdict;
    unsigned char chance[2];

    apr_generate_random_bytes(chance, sizeof(chance));
    llmq_retry_decide(&verdict, &a->d->conf->retry, &call->failure, &a->job,
                      call->ended_at, (unsigned int)chance[0] << 8 | chance[1]);
    o->status = verdict.status;
    o->error = llmq_backend_error(call, a->pool);
    if (verdict.status == LLMQ_STATUS_PENDING) {
        o->next_attempt = a->job.attempt + 1;
        o->retry_count = a->job.retry_count + verdict.counts;
        o->run_at = verdict.run_at;
    }
    else {
        o->dead_letter = 1;
        o->finished_at = call->ended_at;
    }
    LLMQ_LOG(LLMQ_LOG_INFO, 0, LLMQ_NO(0704) "msg[%s] failed at ep[%s], attempt %d: %s%s",
             call->id, call->backend->name, a->job.attempt,
             call->error ? call->error : "no reason given",
             verdict.status == LLMQ_STATUS_PENDING ? "; will be tried again"
                                                   : "; given up");
}

static void decide(llmq_outcome_t *o, llmq_attempt_t *a)
{
    memset(o, 0, sizeof(*o));
    o->id = a->call.id;
    o->attempt = a->job.attempt;
    o->next_attempt = a->job.attempt;
    o->retry_count = a->job.retry_count;
    o->started_at = a->begun_at;
    if (a->expired) {
        llmq_deadline_decide(o, a);
    }
    else if (a->handed_back) {
        o->status = LLMQ_STATUS_PENDING;
        o->next_attempt = a->job.attempt + 1;
        o->run_at = a->call.ended_at;
    }
    else if (a->call.ok) {
        o->status = LLMQ_STATUS_COMPLETED;
        o->result = llmq_backend_result(&a->call, a->pool);
        o->finished_at = a->call.ended_at;
    }
    else {
        decide_failed(o, a);
    }
}

/* ---- writing ---- */

static int out_of_patience(llmq_finisher_t *f)
{
    int out;

    apr_thread_mutex_lock(f->lock);
    out = f->stopping && apr_time_now() > f->patience_ends;
    apr_thread_mutex_unlock(f->lock);
    return out;
}

static void make_storable(llmq_outcome_t *o)
{
    LLMQ_LOG(
        LLMQ_LOG_ERR, 0,
        LLMQ_NO(0705) "msg[%s]: the database refuses the answer, it counts as failed",
        o->id);
    o->status = LLMQ_STATUS_FAILED;
    o->next_attempt = o->attempt;
    o->dead_letter = 1;
    o->finished_at = llmq_clock_now();
    o->run_at = 0;
    o->result = NULL;
    o->error = unstorable;
}

/* A refused batch is split until the bad outcome stands alone; that one is replaced by a
 * failure that certainly can be written. */
static apr_status_t write_outcomes(llmq_finisher_t *f, llmq_outcome_t *o, int n,
                                   apr_pool_t *p)
{
    apr_status_t rv = llmq_store_job_finish(f->store, o, n, p);

    if (rv == LLMQ_EROW && n > 1) {
        rv = write_outcomes(f, o, n / 2, p);
        return rv == APR_SUCCESS ? write_outcomes(f, o + n / 2, n - n / 2, p) : rv;
    }
    if (rv == LLMQ_EROW) {
        make_storable(o);
        rv = llmq_store_job_finish(f->store, o, 1, p);
    }
    if (rv == LLMQ_EROW) {
        LLMQ_LOG(LLMQ_LOG_ERR, 0,
                 LLMQ_NO(0715) "msg[%s]: the database refuses any change of this message",
                 o->id);
        o->accepted = 0;
        rv = APR_SUCCESS;
    }
    return rv;
}

/* What exists as a result is not thrown away because the database is: keep trying. */
static apr_status_t write_patiently(llmq_finisher_t *f, llmq_outcome_t *o, int n,
                                    apr_pool_t *p)
{
    static apr_uint64_t last_said;
    apr_status_t rv;
    apr_pool_t *try;

    apr_pool_create(&try, p); /* each try builds the batch's text anew */
    while ((rv = write_outcomes(f, o, n, try)) != APR_SUCCESS && !out_of_patience(f)) {
        apr_pool_clear(try);
        if (llmq_log_once_per(&last_said, SAY_INTERVAL)) {
            LLMQ_LOG(LLMQ_LOG_WARNING, rv,
                     LLMQ_NO(0706) "%d outcomes wait for the database", n);
        }
        apr_sleep(STORE_PAUSE);
    }
    return rv;
}

/* ---- telling the queue ---- */

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
    return !o->accepted                         ? LLMQ_ACK_GONE
           : o->status == LLMQ_STATUS_COMPLETED ? LLMQ_ACK_COMPLETED
           : o->status == LLMQ_STATUS_TIMEOUT   ? LLMQ_ACK_TIMEOUT
                                                : LLMQ_ACK_FAILED;
}

/* Of the batch, what came from this queue. */
static void tell_queue(llmq_queue_t *q, llmq_attempt_t **as, llmq_outcome_t *o, int n)
{
    llmq_queue_ack_t acks[MAX_BATCH] = {{NULL, 0, LLMQ_ACK_GONE}};
    int n_acks = 0;
    int lost = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (as[i]->queue != q) {
            continue;
        }
        if (o[i].accepted && o[i].status == LLMQ_STATUS_PENDING) {
            requeue(as[i], o[i].run_at);
            continue;
        }
        lost |= !o[i].accepted && !as[i]->canceled;
        acks[n_acks].id = as[i]->entry.id;
        acks[n_acks].attempt = as[i]->entry.attempt;
        acks[n_acks++].how = ack_of(&o[i]);
    }
    if (n_acks > 0) {
        llmq_queue_ack(q, acks, n_acks);
    }
    if (lost) {
        llmq_queue_suspect(q); /* it may be pending under a raised fence, and ours */
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

static void forget(llmq_finisher_t *f, llmq_attempt_t **as, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        apr_pool_destroy(as[i]->pool);
    }
    apr_thread_mutex_lock(f->lock);
    f->backlog -= n;
    apr_thread_mutex_unlock(f->lock);
    llmq_dispatch_inner_wake(f->d); /* the takers may wait for the backlog to shrink */
}

/* Of two attempts of one job, the first is written first: the store tells what it
 * accepted by id. Moves those that must wait to the end; returns how many may go. */
static int set_doubles_aside(llmq_attempt_t **as, int n, apr_pool_t *p)
{
    llmq_attempt_t **later = apr_palloc(p, sizeof(*later) * (apr_size_t)n);
    apr_hash_t *seen = apr_hash_make(p);
    int n_now = 0;
    int n_later = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (apr_hash_get(seen, as[i]->entry.id, APR_HASH_KEY_STRING)) {
            later[n_later++] = as[i];
        }
        else {
            apr_hash_set(seen, as[i]->entry.id, APR_HASH_KEY_STRING, as[i]);
            as[n_now++] = as[i];
        }
    }
    memcpy(as + n_now, later, sizeof(*later) * (apr_size_t)n_later);
    return n_now;
}

/* What was withdrawn or overtaken has nothing to write; it goes to the end of the batch. */
static int set_canceled_aside(llmq_attempt_t **as, int n)
{
    int n_write = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (!as[i]->canceled) {
            llmq_attempt_t *a = as[i];

            as[i] = as[n_write];
            as[n_write++] = a;
        }
    }
    return n_write;
}

static void finish_batch(llmq_finisher_t *f, llmq_attempt_t **as, int n, apr_pool_t *p)
{
    llmq_outcome_t *o = apr_pcalloc(p, sizeof(*o) * (apr_size_t)n);
    int n_now = set_doubles_aside(as, n, p);
    int n_write = set_canceled_aside(as, n_now);
    int written;
    int i;

    for (i = 0; i < n_write; i++) {
        decide(&o[i], as[i]);
    }
    written = n_write == 0 || write_patiently(f, o, n_write, p) == APR_SUCCESS;
    for (i = 0; i < n_now; i++) {
        llmq_attempt_land(as[i]);
    }
    if (written) {
        tell_queue(f->d->queue, as, o, n_now);
        if (f->d->tasks) {
            tell_queue(f->d->tasks, as, o, n_now);
        }
    }
    for (i = 0; written && i < n_write; i++) {
        log_lost(&o[i]);
    }
    forget(f, as, n_now);
    if (n_now < n) {
        finish_batch(f, as + n_now, n - n_now, p);
    }
}

/* ---- the thread ---- */

static int next_batch(llmq_finisher_t *f, llmq_attempt_t **as, int *pstopping)
{
    int n = 0;

    apr_thread_mutex_lock(f->lock);
    if (!f->first && !f->stopping) {
        apr_thread_cond_timedwait(f->more, f->lock, TICK);
    }
    while (f->first && n < MAX_BATCH) {
        as[n++] = f->first;
        f->first = f->first->next;
    }
    if (!f->first) {
        f->last = &f->first;
    }
    *pstopping = f->stopping;
    apr_thread_mutex_unlock(f->lock);
    return n;
}

static void *APR_THREAD_FUNC finisher_main(apr_thread_t *thread, void *data)
{
    llmq_finisher_t *f = data;
    llmq_attempt_t *as[MAX_BATCH];
    apr_time_t next_tick = 0;
    int stopping = 0;
    int n;

    while ((n = next_batch(f, as, &stopping)) > 0 || !stopping) {
        if (n > 0) {
            finish_batch(f, as, n, f->scratch);
        }
        if (llmq_clock_now() >= next_tick) {
            llmq_longcall_look_after(f->d, f->store, f->scratch);
            next_tick = llmq_clock_now() + TICK;
        }
        apr_pool_clear(f->scratch);
    }
    (void)thread;
    return NULL;
}

apr_status_t llmq_finisher_create(llmq_finisher_t **pf, llmq_dispatch_t *d, apr_pool_t *p)
{
    llmq_finisher_t *f = apr_pcalloc(p, sizeof(*f));
    apr_status_t rv;

    f->d = d;
    f->last = &f->first;
    f->store = llmq_dispatch_inner_store(d, p);
    f->scratch = llmq_dispatch_inner_pool(p);
    if (!f->store || !f->scratch) {
        return APR_ENOMEM;
    }
    if ((rv = apr_thread_mutex_create(&f->lock, APR_THREAD_MUTEX_DEFAULT, p))
            != APR_SUCCESS
        || (rv = apr_thread_cond_create(&f->more, p)) != APR_SUCCESS) {
        return rv;
    }
    *pf = f;
    return apr_thread_create(&f->thread, NULL, finisher_main, f, p);
}

void llmq_finisher_put(llmq_finisher_t *f, llmq_attempt_t *a)
{
    int was_empty;

    a->next = NULL;
    apr_thread_mutex_lock(f->lock);
    f->backlog++;
    was_empty = f->first == NULL;
    *f->last = a;
    f->last = &a->next;
    apr_thread_mutex_unlock(f->lock);
    if (was_empty) {
        apr_thread_cond_signal(f->more);
    }
}

int llmq_finisher_backlog(llmq_finisher_t *f)
{
    int n;

    apr_thread_mutex_lock(f->lock);
    n = f->backlog;
    apr_thread_mutex_unlock(f->lock);
    return n;
}

void llmq_finisher_stop(llmq_finisher_t *f)
{
    apr_status_t rv;

    apr_thread_mutex_lock(f->lock);
    f->stopping = 1;
    f->patience_ends = apr_time_now() + FAREWELL_TIME;
    apr_thread_mutex_unlock(f->lock);
    apr_thread_cond_signal(f->more);
    apr_thread_join(&rv, f->thread);
}
