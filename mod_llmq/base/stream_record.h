/**
 * @file stream_record.h
 * The records of base/stream.h: each stream's, and that of all. Private to base/stream*.c.
 */
#ifndef LLMQ_STREAM_RECORD_H
#define LLMQ_STREAM_RECORD_H

#include "base/agenda.h"
#include "base/frame_queue.h"
#include "base/stream_conf.h"
#include "base/thread.h"
#include "base/wire.h"

#include <apr_ring.h>
#include <apr_thread_mutex.h>

#include <stdatomic.h>

/** What stands in the kernel's set; first member of whatever that is. */
typedef struct llmq_stream_source_t {
    void (*see)(struct llmq_stream_source_t *source, apr_uint32_t events);
} llmq_stream_source_t;

/** All streams. */
APR_RING_HEAD(llmq_stream_ring_t, llmq_stream_t);

struct llmq_stream_t {
    llmq_stream_source_t source;
    APR_RING_ENTRY(llmq_stream_t) link; /* under lock */
    llmq_streams_t *all;
    llmq_stream_conf_t conf;
    llmq_stream_t *next_told; /* under lock */
    llmq_frame_queue_t queue; /* under lock; the thread alone removes */
    llmq_date_t due;          /* the thread's: when it is cut */
    llmq_wire_t *wire;        /* under lock until it begins, the thread's then */
    int fd;                   /* the thread's; -1 closed */
    apr_byte_t full;          /* the thread's: waits until the socket takes more */
    apr_byte_t listens;       /* the thread's: for what the client sends by the wire */
    apr_byte_t later;         /* under lock: it does not begin yet */
    apr_byte_t told;          /* under lock: in the list of those to look at */
    apr_byte_t ended;         /* under lock: the owner is through with it */
    apr_byte_t over;          /* under lock: so is the client */
    apr_byte_t closing;       /* under lock: the stop ends it */
    apr_byte_t broken;        /* under lock: it cannot be whole any more */
};

/** A descriptor of somebody else's. */
typedef struct llmq_stream_watch_t {
    llmq_stream_source_t source;
    llmq_stream_turn_fn_t *fn;
    void *ctx;
} llmq_stream_watch_t;

/** Something that is done now and then. */
typedef struct llmq_stream_timer_t {
    struct llmq_stream_timer_t *next;
    apr_interval_time_t interval;
    apr_time_t due; /* the thread's; 0: not begun */
    llmq_stream_turn_fn_t *fn;
    void *ctx;
} llmq_stream_timer_t;

struct llmq_streams_t {
    llmq_stream_source_t source; /* the wake-up */
    apr_thread_mutex_t *lock;
    llmq_thread_t thread;           /* under lock until it has begun */
    apr_pool_t *p;                  /* of llmq_stream_create() */
    struct llmq_stream_ring_t ring; /* under lock: all of them */
    llmq_stream_t *told;            /* under lock */
    int sockets;                    /* under lock: that are open */
    int stopping;                   /* under lock */
    apr_time_t stop_at;             /* under lock */
    int dead;                       /* under lock: the thread is no more */
    llmq_stream_timer_t *timers;
    int max[LLMQ_STREAM_COUNT];
    int epoll;
    int wake;             /* eventfd */
    llmq_agenda_t agenda; /* the thread's */
    _Atomic(int) count[LLMQ_STREAM_COUNT];
    _Atomic(apr_size_t) bytes;
};

#endif /* LLMQ_STREAM_RECORD_H */
