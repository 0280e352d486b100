#include "store/store_commit.h"

#include "base/thread.h"
#include "store/store_commit_batch.h"

#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>

#define THING_MAX     256
#define STATEMENT_MAX (4 * 1024 * 1024) /* bytes of one statement, a single row apart */
#define PENDING_MAX   (64 * 1024 * 1024) /* bytes that may wait for a database that hangs */

typedef enum {
    WAITER_WAITS = 0,
    WAITER_DONE,     /* the status is set; its thread takes the record back */
    WAITER_ABANDONED /* its thread is gone; the committer takes the record back */
} waiter_state_e;

/*
 * What a request thread sleeps on. Records are never freed, only used again, because the
 * committer may still be inside sem_post() when the thread that it woke has gone on.
 */
typedef struct waiter_t {
    struct waiter_t *next; /* free list; under lock */
    sem_t wake;
    int state; /* waiter_state_e; atomic */
    apr_status_t rv;
    union {
        char bytes[THING_MAX];
        apr_int64_t align;
    } thing;
} waiter_t;

typedef llmq_store_commit_row_t row_t;
typedef llmq_store_commit_batch_t batch_t;

struct llmq_commit_t {
    llmq_store_t *store;
    llmq_commit_conf_t conf;
    llmq_commit_done_fn_t *done;
    void *ctx;
    apr_pool_t *pool;    /* waiters; under lock */
    apr_pool_t *scratch; /* of the committer, cleared after each statement */
    apr_thread_t *thread;
    apr_thread_mutex_t *lock;
    waiter_t *free;            /* under lock */
    batch_t *filling;          /* under lock */
    batch_t *writing;          /* the committer's */
    sem_t work;                /* posted once by whoever clears asleep */
    int asleep;                /* under lock: the committer waits for... */
    int wanted;                /* under lock: ...this many rows */
    int company;               /* the last batch had more than one row; the thread's */
    int stopping;              /* under lock */
    llmq_commit_stats_t stats; /* under lock */
};

/* ------------------------------------------------------------------------------------ waiters */

static waiter_t *waiter_take_locked(llmq_commit_t *c)
{
    waiter_t *w = c->free;

    if (w) {
        c->free = w->next;
    }
    else {
        w = apr_pcalloc(c->pool, sizeof(*w));
        sem_init(&w->wake, 0, 0);
    }
    w->next = NULL;
    __atomic_store_n(&w->state, WAITER_WAITS, __ATOMIC_RELAXED);
    return w;
}

static void waiter_put(llmq_commit_t *c, waiter_t *w)
{
    apr_thread_mutex_lock(c->lock);
    w->next = c->free;
    c->free = w;
    apr_thread_mutex_unlock(c->lock);
}

static void waiter_wake(llmq_commit_t *c, waiter_t *w, apr_status_t rv)
{
    w->rv = rv;
    if (__atomic_exchange_n(&w->state, WAITER_DONE, __ATOMIC_ACQ_REL) == WAITER_ABANDONED)
        waiter_put(c, w);
    else
        sem_post(&w->wake);
}

static void wait_for(sem_t *sem)
{
    while (sem_wait(sem) && errno == EINTR)
        ;
}

/* @return non-zero if the semaphore was posted in time */
static int wait_for_until(sem_t *sem, const struct timespec *until)
{
    while (sem_clockwait(sem, CLOCK_MONOTONIC, until)) {
        if (errno != EINTR)
            return 0;
    }
    return 1;
}

static void deadline(struct timespec *until, apr_interval_time_t usec)
{
    clock_gettime(CLOCK_MONOTONIC, until);
    until->tv_sec += apr_time_sec(usec);
    until->tv_nsec += apr_time_usec(usec) * 1000;
    if (until->tv_nsec >= 1000000000) {
        until->tv_sec++;
        until->tv_nsec -= 1000000000;
    }
}

static apr_status_t waiter_wait(llmq_commit_t *c, waiter_t *w)
{
    struct timespec until;
    apr_status_t rv;

    deadline(&until, llmq_store_conf(c->store)->timeout);
    if (!wait_for_until(&w->wake, &until)) {
        if (__atomic_exchange_n(&w->state, WAITER_ABANDONED, __ATOMIC_ACQ_REL)
            != WAITER_DONE)
            return LLMQ_ESTORE;
        wait_for(
            &w->wake); /* the answer came at the last moment; its post is on the way */
    }
    /* Pairs with the exchange of waiter_wake(): the status is set, the thing was read. The
     * semaphore would do, if sanitizers knew sem_clockwait(). */
    __atomic_load_n(&w->state, __ATOMIC_ACQUIRE);
    rv = w->rv;
    waiter_put(c, w);
    return rv;
}

/* ---------------------------------------------------------------------------------- committer */

static void settle_success(llmq_commit_t *c, const row_t *rows, int n)
{
    void **things;
    int i;

    apr_thread_mutex_lock(c->lock);
    c->stats.rows += n;
    c->stats.commits++;
    apr_thread_mutex_unlock(c->lock);
    if (!c->done)
        return;
    things = apr_palloc(c->scratch, sizeof(*things) * n);
    for (i = 0; i < n; i++)
        things[i] = ((waiter_t *)rows[i].waiter)->thing.bytes;
    c->done(c->ctx, things, n);
}

static void settle(llmq_commit_t *c, int from, int to, apr_status_t rv)
{
    const row_t *rows = (const row_t *)c->writing->rows->elts;
    int i;

    if (rv == APR_SUCCESS) {
        settle_success(c, rows + from, to - from);
    }
    else if (rv == LLMQ_EROW) {
        apr_thread_mutex_lock(c->lock);
        c->stats.refused += to - from;
        apr_thread_mutex_unlock(c->lock);
    }
    for (i = from; i < to; i++)
        waiter_wake(c, rows[i].waiter, rv);
}

static void commit_range(llmq_commit_t *c, int from, int to)
{
    const char *json = llmq_store_commit_batch_json(c->writing, from, to, c->scratch);
    apr_status_t rv = llmq_store_job_insert(c->store, json, c->scratch);
    int middle = from + (to - from) / 2;

    if (rv == LLMQ_EROW && to - from > 1) {
        apr_pool_clear(c->scratch);
        commit_range(c, from, middle);
        commit_range(c, middle, to);
        return;
    }
    settle(c, from, to, rv);
    apr_pool_clear(c->scratch);
}

/* Rows whose callers have been told "outcome unknown" are better not stored any more. */
static void drop_abandoned(llmq_commit_t *c)
{
    batch_t *b = c->writing;
    row_t *rows = (row_t *)b->rows->elts;
    int i, kept = 0;

    for (i = 0; i < b->rows->nelts; i++) {
        waiter_t *w = rows[i].waiter;

        if (__atomic_load_n(&w->state, __ATOMIC_ACQUIRE) == WAITER_ABANDONED)
            waiter_put(c, w);
        else
            rows[kept++] = rows[i];
    }
    b->sparse = kept < b->rows->nelts;
    b->rows->nelts = kept;
}

static void commit_writing(llmq_commit_t *c)
{
    batch_t *b = c->writing;
    int from, to;

    llmq_store_commit_batch_end(b);
    drop_abandoned(c);
    for (from = 0; from < b->rows->nelts; from = to) {
        to = llmq_store_commit_batch_part(b, from, c->conf.max_rows, STATEMENT_MAX);
        commit_range(c, from, to);
    }
    llmq_store_commit_batch_clear(b);
}

static void swap_locked(llmq_commit_t *c)
{
    batch_t *b = c->filling;

    c->filling = c->writing;
    c->writing = b;
}

/*
 * Sleep until @a rows wait; @a delay 0 is for ever. Called and left with the lock held.
 * Whoever clears asleep posts exactly once, after it let go of the lock.
 */
static void sleep_locked(llmq_commit_t *c, int rows, apr_interval_time_t delay)
{
    struct timespec until;
    int posted = 1;

    c->asleep = 1;
    c->wanted = rows;
    apr_thread_mutex_unlock(c->lock);
    if (delay) {
        deadline(&until, delay);
        posted = wait_for_until(&c->work, &until);
    }
    else {
        wait_for(&c->work);
    }
    apr_thread_mutex_lock(c->lock);
    if (!posted && !c->asleep)
        wait_for(&c->work);
    c->asleep = 0;
}

/* @return non-zero if the writing batch has rows; 0 to end */
static int next_batch(llmq_commit_t *c)
{
    int n;

    apr_thread_mutex_lock(c->lock);
    while (!c->filling->rows->nelts && !c->stopping)
        sleep_locked(c, 1, 0);
    n = c->filling->rows->nelts;
    /* A row that came alone is followed by one that comes alone: it need not wait. */
    if (n && n < c->conf.min_rows && c->conf.delay > 0 && c->company && !c->stopping)
        sleep_locked(c, c->conf.min_rows, c->conf.delay);
    if (n) {
        c->company = c->filling->rows->nelts > 1;
        swap_locked(c);
    }
    apr_thread_mutex_unlock(c->lock);
    return n;
}

static void *APR_THREAD_FUNC committer(apr_thread_t *thread, void *data)
{
    llmq_commit_t *c = data;

    while (next_batch(c))
        commit_writing(c);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

/* ----------------------------------------------------------------------------------- exported */

apr_status_t llmq_store_commit_create(llmq_commit_t **pc, llmq_store_t *store,
                                      const llmq_commit_conf_t *conf, int threaded,
                                      llmq_commit_done_fn_t *done, void *ctx,
                                      apr_pool_t *p)
{
    llmq_commit_t *c = apr_pcalloc(p, sizeof(*c));
    apr_status_t rv;

    c->store = store;
    c->conf = *conf;
    c->done = done;
    c->ctx = ctx;
    c->pool = llmq_store_commit_batch_pool(p, 0, "llmq_commit");
    c->scratch = llmq_store_commit_batch_pool(p, STATEMENT_MAX, "llmq_commit_scratch");
    c->filling = llmq_store_commit_batch_create(p);
    c->writing = llmq_store_commit_batch_create(p);
    sem_init(&c->work, 0, 0);
    rv = apr_thread_mutex_create(&c->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (rv == APR_SUCCESS && threaded)
        rv = llmq_thread_start(&c->thread, committer, c, c->pool);
    if (rv == APR_SUCCESS)
        *pc = c;
    return rv;
}

/* Put the row into the filling batch. @return its waiter; NULL with a status */
static waiter_t *enqueue(llmq_commit_t *c, const char *row, apr_size_t len,
                         const void *thing, apr_size_t thing_size, apr_status_t *prv)
{
    waiter_t *w = NULL;
    int wake = 0;

    apr_thread_mutex_lock(c->lock);
    if (c->stopping) {
        *prv = APR_EOF;
    }
    else if (c->filling->text.len + len > PENDING_MAX && c->filling->rows->nelts) {
        *prv = LLMQ_ESTORE;
    }
    else {
        w = waiter_take_locked(c);
        if (thing_size)
            memcpy(w->thing.bytes, thing, thing_size);
        llmq_store_commit_batch_add(c->filling, w, row, len);
        wake = c->asleep && c->filling->rows->nelts >= c->wanted;
        if (wake)
            c->asleep = 0;
    }
    apr_thread_mutex_unlock(c->lock);
    if (wake)
        sem_post(&c->work);
    return w;
}

apr_status_t llmq_store_commit_insert(llmq_commit_t *c, const char *row, apr_size_t len,
                                      const void *thing, apr_size_t thing_size)
{
    apr_status_t rv = APR_SUCCESS;
    waiter_t *w;

    if (thing_size > THING_MAX)
        return APR_EINVAL;
    w = enqueue(c, row, len, thing, thing_size, &rv);
    if (!w)
        return rv;
    if (!c->thread) {
        swap_locked(c); /* prefork: nobody else is here */
        commit_writing(c);
    }
    return waiter_wait(c, w);
}

void llmq_store_commit_stats(llmq_commit_stats_t *stats, llmq_commit_t *c)
{
    apr_thread_mutex_lock(c->lock);
    *stats = c->stats;
    apr_thread_mutex_unlock(c->lock);
}

void llmq_store_commit_stop(llmq_commit_t *c)
{
    apr_status_t rv;
    int wake;

    apr_thread_mutex_lock(c->lock);
    c->stopping = 1;
    wake = c->asleep;
    c->asleep = 0;
    apr_thread_mutex_unlock(c->lock);
    if (wake)
        sem_post(&c->work);
    if (c->thread)
        apr_thread_join(&rv, c->thread);
    c->thread = NULL;
}
