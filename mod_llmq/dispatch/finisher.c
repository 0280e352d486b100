#include "dispatch/finisher.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "dispatch/dispatch_inner.h"
#include "dispatch/longcall.h"
#include "dispatch/outcome.h"
#include "dispatch/outcome_tell.h"
#include "dispatch/outcome_write.h"
#include "dispatch/spent.h"
#include "dispatch/way.h"

#include <apr_hash.h>
#include <apr_thread_cond.h>

#include <string.h>

#define MAX_BATCH     256
#define TICK          LLMQ_LONGCALL_AGE
#define LINGER        apr_time_from_msec(10) /* for company, where nobody waits */
#define CROWD         64                     /* are company enough */
#define STORE_PAUSE   apr_time_from_msec(500) /* between tries while the database is away */
#define SAY_INTERVAL  apr_time_from_sec(30)
#define FAREWELL_TIME apr_time_from_sec(2) /* patience with the database when ending */

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
    int listed;
    int hurry; /* of one that is listed somebody waits for the end to be stored */
    int stopping;
    apr_interval_time_t patience_ends; /* when stopping; of llmq_clock_steady() */
};

/* ---- a batch ---- */

static int out_of_patience(llmq_finisher_t *f)
{
    int out;

    apr_thread_mutex_lock(f->lock);
    out = f->stopping && llmq_clock_steady() > f->patience_ends;
    apr_thread_mutex_unlock(f->lock);
    return out;
}

/* What exists as a result is not thrown away because the database is: keep trying. */
static apr_status_t write_patiently(llmq_finisher_t *f, const llmq_batch_t *batch)
{
    static apr_uint64_t last_said;
    llmq_batch_t try = *batch;
    apr_status_t rv;

    apr_pool_create(&try.p, batch->p); /* each try builds the batch's text anew */
    while ((rv = llmq_outcome_write(&try)) != APR_SUCCESS && !out_of_patience(f)) {
        apr_pool_clear(try.p);
        if (llmq_log_once_per(&last_said, SAY_INTERVAL)) {
            LLMQ_LOG(LLMQ_LOG_WARNING, rv,
                     LLMQ_NO(0706) "%d outcomes wait for the database", batch->n);
        }
        apr_sleep(STORE_PAUSE);
    }
    return rv;
}

/* Those who take may wait for the backlog to shrink, if it kept them from a whole batch. */
static void forget(llmq_finisher_t *f, llmq_attempt_t **as, int n)
{
    int was_long;
    int i;

    for (i = 0; i < n; i++) {
        llmq_attempt_destroy(as[i]);
    }
    apr_thread_mutex_lock(f->lock);
    was_long = f->backlog + f->d->conf->batch > LLMQ_FINISHER_BACKLOG;
    f->backlog -= n;
    apr_thread_mutex_unlock(f->lock);
    if (was_long) {
        llmq_dispatch_inner_wake(f->d);
    }
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

/* Before the queue hears of it: who is told by it finds all of it done. */
static void follow(const llmq_batch_t *batch)
{
    const llmq_dispatch_conf_t *conf = batch->d->conf;
    const llmq_spent_by_t by = {conf->ledger, conf->usage_meter, batch->store, batch->p};
    int kind;

    llmq_spent_count(&by, batch->as, batch->o, batch->n);
    llmq_spent_settle(&by, batch->as, batch->o, batch->n);
    for (kind = 0; kind < LLMQ_KIND_COUNT; kind++) {
        if (batch->d->ways[kind].follow) {
            batch->d->ways[kind].follow(batch);
        }
    }
}

static void say(llmq_attempt_t *a)
{
    if (a->way->say) {
        a->way->say(a);
    }
}

static void finish_batch(llmq_finisher_t *f, llmq_attempt_t **as, int n, apr_pool_t *p)
{
    llmq_batch_t batch = {.d = f->d, .store = f->store, .as = as, .p = p};
    int written;
    int i;

    batch.o = apr_pcalloc(p, sizeof(*batch.o) * (apr_size_t)n);
    batch.n_all = set_doubles_aside(as, n, p);
    batch.n = set_canceled_aside(as, batch.n_all);
    for (i = 0; i < batch.n; i++) {
        llmq_outcome_decide(&batch.o[i], as[i]);
    }
    written = batch.n == 0 || write_patiently(f, &batch) == APR_SUCCESS;
    for (i = 0; i < batch.n_all; i++) {
        llmq_attempt_land(as[i]);
    }
    if (written) {
        follow(&batch);
        llmq_outcome_tell(&batch);
    }
    for (i = 0; i < batch.n_all; i++) {
        say(as[i]);
    }
    forget(f, as, batch.n_all);
    if (batch.n_all < n) {
        finish_batch(f, as + batch.n_all, n - batch.n_all, p);
    }
}

/* ---- the thread ---- */

/* One transaction for many ends that come within a moment costs the database, and those who
 * wait for it, far less than one for each. */
static void await_company_locked(llmq_finisher_t *f)
{
    apr_interval_time_t until = llmq_clock_steady() + LINGER;
    apr_interval_time_t left = LINGER;

    while (f->first && !f->hurry && f->listed < CROWD && !f->stopping && left > 0) {
        apr_thread_cond_timedwait(f->more, f->lock, left);
        left = until - llmq_clock_steady();
    }
}

static int next_batch(llmq_finisher_t *f, llmq_attempt_t **as, int *pstopping)
{
    int n = 0;

    apr_thread_mutex_lock(f->lock);
    if (!f->first && !f->stopping) {
        apr_thread_cond_timedwait(f->more, f->lock, TICK);
    }
    await_company_locked(f);
    while (f->first && n < MAX_BATCH) {
        as[n++] = f->first;
        f->first = f->first->next;
    }
    f->listed -= n;
    if (!f->first) {
        f->last = &f->first;
        f->hurry = 0;
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
    return llmq_thread_start(&f->thread, finisher_main, f, p);
}

void llmq_finisher_put(llmq_finisher_t *f, llmq_attempt_t *a)
{
    int urgent = !a->way->is_urgent || a->way->is_urgent(a);
    int wake;

    a->next = NULL;
    apr_thread_mutex_lock(f->lock);
    f->backlog++;
    wake = f->first == NULL || (urgent && !f->hurry) || f->listed + 1 == CROWD;
    f->hurry |= urgent;
    f->listed++;
    *f->last = a;
    f->last = &a->next;
    apr_thread_mutex_unlock(f->lock);
    if (wake) {
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
    f->patience_ends = llmq_clock_steady() + FAREWELL_TIME;
    apr_thread_mutex_unlock(f->lock);
    apr_thread_cond_signal(f->more);
    apr_thread_join(&rv, f->thread);
}
