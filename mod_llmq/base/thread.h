/**
 * @file thread.h
 * Threads that are no business of their process's signal handlers, and those of them that
 * begin when there is something to do: they have memory of their own, because whoever makes
 * them begin may be a request that ends before them.
 */
#ifndef LLMQ_THREAD_H
#define LLMQ_THREAD_H

#include <apr_pools.h>
#include <apr_thread_proc.h>

/**
 * Start a thread with all signals blocked.
 * @param pthread out: the thread; untouched unless APR_SUCCESS
 * @param fn      what it runs
 * @param data    for @a fn
 * @param p       pool of the thread record; the caller joins before it goes
 * @return APR_SUCCESS; else as from apr_thread_create()
 * @threads any
 */
apr_status_t llmq_thread_start(apr_thread_t **pthread, apr_thread_start_t fn, void *data,
                               apr_pool_t *p);

/** All zero: has not begun. */
typedef struct {
    apr_thread_t *thread; /* NULL: has not begun */
    apr_pool_t *pool;     /* its own, with an allocator of its own */
    apr_pool_t *scratch;  /* within pool: it clears this as it likes */
} llmq_thread_t;

/**
 * Have this thread; nothing to do when it has begun. Its pools are there before it runs.
 * @param t        zeroed at first; untouched but for its pools unless APR_SUCCESS
 * @param fn       what it runs
 * @param data     for @a fn
 * @param max_free bytes that its allocator keeps when pools are cleared; 0: all
 * @return APR_SUCCESS; APR_ENOMEM; else as from apr_thread_create()
 * @threads one at a time
 */
apr_status_t llmq_thread_begin(llmq_thread_t *t, apr_thread_start_t fn, void *data,
                               apr_size_t max_free);

/**
 * Wait for the thread's end, if it has begun at all; its memory goes with it.
 * @param t has not begun afterwards
 * @threads one at a time; not the thread itself
 */
void llmq_thread_end(llmq_thread_t *t);

#endif /* LLMQ_THREAD_H */
