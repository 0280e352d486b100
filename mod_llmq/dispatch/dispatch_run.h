/**
 * @file dispatch_run.h
 * The drain thread: the story of a job in the dispatcher.
 */
#ifndef LLMQ_DISPATCH_RUN_H
#define LLMQ_DISPATCH_RUN_H

#include "dispatch/dispatch.h"

#include <apr_thread_proc.h>

/**
 * The drain thread: take, load, choose, start, until asked to end.
 * @param thread itself
 * @param data   the llmq_dispatch_t
 * @return NULL
 * @threads the drain thread
 */
void *APR_THREAD_FUNC llmq_dispatch_run_drain(apr_thread_t *thread, void *data);

#endif /* LLMQ_DISPATCH_RUN_H */
