/**
 * @file relay_loop.h
 * The thread behind bus/relay.h, and the record that it shares with those who send. Private
 * to bus/relay*.c.
 */
#ifndef LLMQ_RELAY_LOOP_H
#define LLMQ_RELAY_LOOP_H

#include "base/thread.h"
#include "bus/relay_table.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

struct llmq_relay_t {
    llmq_relay_conf_t conf;
    apr_pool_t *p; /* of llmq_relay_create() */
    apr_time_t created_at;
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *read; /* with the lock: `seen` has changed */
    llmq_thread_t thread;
    llmq_relay_table_t table; /* under lock */
    apr_uint64_t asked;       /* under lock: how often all was to be read */
    apr_uint64_t seen;        /* under lock: up to which of these it was */
    apr_time_t stop_at;       /* under lock */
    int stopping;             /* under lock */
    int leaving;              /* under lock */
    int asleep;               /* under lock: the thread has to be woken */
    int dozes;                /* under lock: it wakes up by itself in a moment */
    int deaf;                 /* the thread's: it accepts no more */
    int lively;               /* the thread's: its last sleep was ended by something */
    int epoll;
    int wake; /* eventfd */
};

/**
 * The thread.
 * @param thread itself
 * @param data   the llmq_relay_t
 * @return NULL, when it was told to stop
 * @threads single
 */
void *APR_THREAD_FUNC llmq_relay_loop_run(apr_thread_t *thread, void *data);

#endif /* LLMQ_RELAY_LOOP_H */
