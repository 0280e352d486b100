/**
 * @file thread.h
 * Threads that are no business of their process's signal handlers.
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

#endif /* LLMQ_THREAD_H */
