/**
 * @file stream_loop.h
 * The thread behind base/stream.h, and the records that it shares with those who own the
 * streams. Private to base/stream*.c.
 */
#ifndef LLMQ_STREAM_LOOP_H
#define LLMQ_STREAM_LOOP_H

#include "base/agenda.h"
#include "base/stream.h"

#include <apr_ring.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include <stdatomic.h>

/** Bytes that wait for their socket. */
typedef struct llmq_stream_piece_t {
    struct llmq_stream_piece_t *next;
    size_t len;
    size_t done; /* the thread's */
    char data[];
} llmq_stream_piece_t;

/** All streams. */
APR_RING_HEAD(llmq_stream_ring_t, llmq_stream_t);

struct llmq_stream_t {
    APR_RING_ENTRY(llmq_stream_t) link; /* under lock */
    llmq_streams_t *all;
    llmq_stream_conf_t conf;
    llmq_stream_t *next_told;   /* under lock */
    llmq_stream_piece_t *first; /* under lock; the thread alone removes */
    llmq_stream_piece_t **last; /* under lock */
    char told;                  /* under lock: in the list of those to look at */
    char ended;                 /* under lock: the owner is through with it */
    char over;                  /* under lock: so is the client */
    char broken;                /* under lock: a piece is missing */
    char full;                  /* the thread's: waits until the socket takes more */
    int fd;                     /* the thread's; -1 closed */
    llmq_date_t due;            /* the thread's: when it is cut */
};

struct llmq_streams_t {
    apr_thread_mutex_t *lock;
    apr_thread_t *thread;           /* under lock; NULL: not started */
    apr_pool_t *pool;               /* of the thread, with an allocator of its own */
    struct llmq_stream_ring_t ring; /* under lock: all of them */
    llmq_stream_t *told;            /* under lock */
    int stopping;                   /* under lock */
    apr_time_t stop_at;             /* under lock */
    int max;
    int epoll;
    int wake;             /* eventfd */
    llmq_agenda_t agenda; /* the thread's */
    _Atomic(int) count;
    _Atomic(size_t) bytes;
};

/**
 * The thread.
 * @param thread itself
 * @param data   the llmq_streams_t
 * @return NULL, when it was told to stop and all is closed
 * @threads single
 */
void *APR_THREAD_FUNC llmq_stream_loop_run(apr_thread_t *thread, void *data);

#endif /* LLMQ_STREAM_LOOP_H */
