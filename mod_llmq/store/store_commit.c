#include "store/store_commit.h"

#include "base/thread.h"
#include "store/store_commit_batch.h"
#include "store/store_commit_waiter.h"

#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include <string.h>

#define STATEMENT_MAX (4 * 1024 * 1024) /* bytes of one statement, a single row apart */
#define PENDING_MAX   (64 * 1024 * 1024) /* bytes that may wait for a database that hangs */

typedef llmq_store_commit_waiter_t waiter_t;
typedef llmq_store_commit_row_t row_t;
typedef llmq_store_commit_batch_t batch_t;

struct llmq_commit_t {
    llmq_store_t *store;
    llmq_commit_conf_t conf;
    llmq_commit_writer_t writer;
    apr_pool_t *pool;    /* waiters; under lock */
    apr_pool_t *scratch; /* of the committer, cleared after each statement */
    apr_thread_t *thread;
    apr_thread_mutex_t *lock;
    apr_thread_mutex_t *turn;  /* without a thread: who writes now; before lock */
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
        w = apr_palloc(c->pool, sizeof(*w));
        llmq_store_commit_waiter_init(w);
    }
    return w;
}

static void waiter_put(llmq_commit_t *c, waiter_t *w)
{
    apr_thread_mutex_lock(c->lock);
    w->next = c->free;
    c->free = w;
    apr_thread_mutex_unlock(c->lock);
}

static void drop(llmq_commit_t *c, void *thing)
{
    if (c->writer.drop)
        c->writer.drop(c->writer.ctx, thing);
}

static void waiter_drop(llmq_commit_t *c, waiter_t *w)
{
    drop(c, w->thing.bytes);
    waiter_put(c, w);
}

/* ---------------------------------------------------------------------------------- committer */

static void **things_of(llmq_commit_t *c, int from, int to)
{
    const row_t *rows = (const row_t *)c->writing->rows->elts;
    void **things = apr_palloc(c->scratch, sizeof(*things) * (apr_size_t)(to - from));
    int i;

    for (i = from; i < to; i++)
        things[i - from] = ((waiter_t *)rows[i].waiter)->thing.bytes;
    return things;
}

static void count(llmq_commit_t *c, int n, apr_status_t rv)
{
    apr_thread_mutex_lock(c->lock);
    if (rv == APR_SUCCESS) {
        c->stats.rows += n;
        c->stats.commits++;
    }
    else if (rv == LLMQ_EROW) {
        c->stats.refused += n;
    }
    apr_thread_mutex_unlock(c->lock);
}

static void settle(llmq_commit_t *c, void *const *things, int from, int to,
                   apr_status_t rv)
{
    const row_t *rows = (const row_t *)c->writing->rows->elts;
    int i;

    count(c, to - from, rv);
    if (rv == APR_SUCCESS && c->writer.done)
        c->writer.done(c->writer.ctx, things, to - from);
    for (i = from; i < to; i++) {
        if (!llmq_store_commit_waiter_wake(rows[i].waiter, rv))
            waiter_drop(c, rows[i].waiter);
    }
}

static void commit_range(llmq_commit_t *c, int from, int to)
{
    const char *json = llmq_store_commit_batch_json(c->writing, from, to, c->scratch);
    void **things = things_of(c, from, to);
    apr_status_t rv = c->writer.write(c->store, json, things, to - from, c->scratch);
    int middle = from + (to - from) / 2;

    if (rv == LLMQ_EROW && to - from > 1) {
        apr_pool_clear(c->scratch);
        commit_range(c, from, middle);
        commit_range(c, middle, to);
        return;
    }
    settle(c, things, from, to, rv);
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

        if (llmq_store_commit_waiter_is_alone(w))
            waiter_drop(c, w);
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
    int posted;

    c->asleep = 1;
    c->wanted = rows;
    apr_thread_mutex_unlock(c->lock);
    posted = llmq_store_commit_waiter_sleep(&c->work, delay);
    apr_thread_mutex_lock(c->lock);
    if (!posted && !c->asleep)
        llmq_store_commit_waiter_sleep(&c->work, 0);
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

    (void)thread;
    while (next_batch(c))
        commit_writing(c);
    return NULL;
}

/* ----------------------------------------------------------------------------------- exported */

apr_status_t llmq_store_commit_insert(llmq_store_t *store, const char *rows,
                                      void *const *things, int n, apr_pool_t *p)
{
    (void)things;
    (void)n;
    return llmq_store_job_insert(store, rows, p);
}

apr_status_t llmq_store_commit_create(llmq_commit_t **pc, llmq_store_t *store,
                                      const llmq_commit_conf_t *conf,
                                      const llmq_commit_writer_t *writer, int threaded,
                                      apr_pool_t *p)
{
    llmq_commit_t *c = apr_pcalloc(p, sizeof(*c));
    apr_status_t rv;

    c->store = store;
    c->conf = *conf;
    c->writer = *writer;
    c->pool = llmq_store_commit_batch_pool(p, 0, "llmq_commit");
    c->scratch = llmq_store_commit_batch_pool(p, STATEMENT_MAX, "llmq_commit_scratch");
    c->filling = llmq_store_commit_batch_create(p);
    c->writing = llmq_store_commit_batch_create(p);
    sem_init(&c->work, 0, 0);
    rv = apr_thread_mutex_create(&c->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (rv == APR_SUCCESS)
        rv = apr_thread_mutex_create(&c->turn, APR_THREAD_MUTEX_DEFAULT, p);
    if (rv == APR_SUCCESS && threaded)
        rv = llmq_thread_start(&c->thread, committer, c, c->pool);
    if (rv == APR_SUCCESS)
        *pc = c;
    return rv;
}

/* Put the rows into the filling batch. @return their waiter; NULL with a status */
static waiter_t *enqueue(llmq_commit_t *c, const char *rows, apr_size_t len,
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
        llmq_store_commit_waiter_begin(w, thing, thing_size);
        llmq_store_commit_batch_add(c->filling, w, rows, len);
        wake = c->asleep && c->filling->rows->nelts >= c->wanted;
        if (wake)
            c->asleep = 0;
    }
    apr_thread_mutex_unlock(c->lock);
    if (wake)
        sem_post(&c->work);
    return w;
}

/* Prefork: the caller writes by itself. */
static waiter_t *write_alone(llmq_commit_t *c, const char *rows, apr_size_t len,
                             const void *thing, apr_size_t thing_size, apr_status_t *prv)
{
    waiter_t *w;

    apr_thread_mutex_lock(c->turn);
    w = enqueue(c, rows, len, thing, thing_size, prv);
    if (w) {
        swap_locked(c);
        commit_writing(c);
    }
    apr_thread_mutex_unlock(c->turn);
    return w;
}

/* @return what became of the rows */
static apr_status_t outcome(llmq_commit_t *c, waiter_t *w, void *thing)
{
    apr_status_t rv;

    if (!llmq_store_commit_waiter_wait(w, llmq_store_conf(c->store)->timeout))
        return LLMQ_ESTORE;
    rv = w->rv;
    if (rv != APR_SUCCESS)
        drop(c, w->thing.bytes);
    else if (w->size)
        memcpy(thing, w->thing.bytes, w->size);
    waiter_put(c, w);
    return rv;
}

apr_status_t llmq_store_commit_write(llmq_commit_t *c, const char *rows, apr_size_t len,
                                     void *thing, apr_size_t thing_size)
{
    apr_status_t rv = APR_EINVAL;
    waiter_t *w = NULL;

    if (thing_size <= LLMQ_STORE_COMMIT_THING_MAX)
        w = c->thread ? enqueue(c, rows, len, thing, thing_size, &rv)
                      : write_alone(c, rows, len, thing, thing_size, &rv);
    if (w)
        return outcome(c, w, thing);
    drop(c, thing);
    return rv;
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
