/**
 * @file waiters_room.h
 * The room of those who wait: who is in it, for what, and until when. Private to
 * http/waiters*.c.
 */
#ifndef LLMQ_WAITERS_ROOM_H
#define LLMQ_WAITERS_ROOM_H

#include "base/agenda.h"
#include "base/thread.h"
#include "http/lifesign.h"
#include "http/waiters_way.h"

#include <apr_ring.h>
#include <apr_thread_mutex.h>

#include <semaphore.h>

#define LLMQ_WAITERS_BUCKETS 1024

/* All but the texts under the lock. */
struct llmq_waiter_t {
    APR_RING_ENTRY(llmq_waiter_t) link; /* in its bucket */
    APR_RING_ENTRY(llmq_waiter_t) next; /* in the list of those to be looked at */
    llmq_date_t due;                    /* listed: it is in the room */
    llmq_waiters_t *home;
    apr_uint64_t topic;
    int holders;           /* who needs the record yet */
    int marked;            /* it is in that list */
    int left;              /* its client has left */
    sem_t woken;           /* of one that is held */
    llmq_stream_t *stream; /* of one that is parked, else NULL */
    apr_time_t since;
    llmq_kind_e kind;
    char id[LLMQ_ID_MAX + 1];
    const llmq_waiter_way_t *way;
    apr_size_t head_len;
    apr_size_t other_len[LLMQ_WAITED_COUNT];
    char bytes[]; /* the head, then the others */
};

APR_RING_HEAD(llmq_waiter_ring_t, llmq_waiter_t);

struct llmq_waiters_t {
    const llmq_service_t *service;
    apr_thread_mutex_t *lock;
    struct llmq_waiter_ring_t bucket[LLMQ_WAITERS_BUCKETS]; /* under lock, as are... */
    struct llmq_waiter_ring_t marked;
    llmq_agenda_t agenda;
    int n;
    int stopping;
    int asleep;
    int again;                 /* ...until here: somebody came meanwhile */
    llmq_thread_t thread;      /* under lock until it has begun */
    llmq_bus_reader_t *reader; /* the thread's, as is what follows; NULL: none is left */
    int listening;
    apr_time_t swept_at;
    llmq_lifesign_t sign;
    int wake; /* eventfd */
};

/* ---- http/waiters_look.c ---- */

/**
 * The thread: it ends when `stopping` is set.
 * @param thread its own
 * @param data   the waiters
 * @return NULL
 * @threads its own
 */
void *APR_THREAD_FUNC llmq_waiters_look_run(apr_thread_t *thread, void *data);

/* ---- http/waiters_room.c: what ends in _locked is for whom has locked it ---- */

/**
 * @param all the waiters
 * @threads any
 */
void llmq_waiters_room_lock(llmq_waiters_t *all);

/**
 * @param all the waiters
 * @threads the one that has locked it
 */
void llmq_waiters_room_unlock(llmq_waiters_t *all);

/**
 * @param all   the waiters
 * @param job   which is waited for
 * @param way   how; borrowed
 * @param bytes room for texts
 * @return a record without holders; NULL: no memory
 * @threads any
 */
llmq_waiter_t *llmq_waiters_room_make(llmq_waiters_t *all, const llmq_job_t *job,
                                      const llmq_waiter_way_t *way, apr_size_t bytes);

/**
 * Free one whom nobody else has seen.
 * @param w a record
 * @threads any
 */
void llmq_waiters_room_unmake(llmq_waiter_t *w);

/**
 * It is listed, and looked at soon. The room holds it, too, until it leaves.
 * @param all   the waiters
 * @param w     held by the caller
 * @param until when its time is over
 * @return APR_SUCCESS; APR_EOF the child ends; other: not now
 * @threads locked
 */
apr_status_t llmq_waiters_room_enter_locked(llmq_waiters_t *all, llmq_waiter_t *w,
                                            apr_time_t until);

/**
 * The room needs it no more.
 * @param w in the room
 * @threads locked
 */
void llmq_waiters_room_leave_locked(llmq_waiter_t *w);

/**
 * @param w a waiter
 * @return non-zero if it still waits for an answer
 * @threads locked
 */
int llmq_waiters_room_is_in(const llmq_waiter_t *w);

/**
 * Look at all who wait for what this topic is about.
 * @param all   the waiters
 * @param topic of an event
 * @threads locked
 */
void llmq_waiters_room_mark_locked(llmq_waiters_t *all, apr_uint64_t topic);

/**
 * Look at all.
 * @param all the waiters
 * @threads locked
 */
void llmq_waiters_room_mark_all_locked(llmq_waiters_t *all);

/**
 * Take from the list of those to be looked at.
 * @param ws  out: held once more, until llmq_waiters_room_drop_locked()
 * @param max most of them
 * @param all the waiters
 * @return their number
 * @threads locked
 */
int llmq_waiters_room_next_locked(llmq_waiter_t **ws, int max, llmq_waiters_t *all);

/**
 * One holder less. The last one frees it.
 * @param w a waiter
 * @threads locked
 */
void llmq_waiters_room_drop_locked(llmq_waiter_t *w);

/**
 * Its wait is over: it leaves the room.
 * @param w     held
 * @param frame the answer; NULL: it is cut, or of one that is held, which looks by itself
 * @param how   for the log
 * @threads locked
 */
void llmq_waiters_room_tell_locked(llmq_waiter_t *w, llmq_frame_t *frame,
                                   const char *how);

/**
 * llmq_waiters_room_tell_locked() with one of the answers that were made when it came.
 * @param w     held
 * @param which of them
 * @param how   for the log
 * @threads locked
 */
void llmq_waiters_room_answer_locked(llmq_waiter_t *w, llmq_waited_e which,
                                     const char *how);

/**
 * Answer those whose time is over, but for those that must be looked at once more.
 * @param ws  out: these; held once more, and due again in a while
 * @param max most of them
 * @param all the waiters
 * @param now the present
 * @return their number
 * @threads locked
 */
int llmq_waiters_room_expire_locked(llmq_waiter_t **ws, int max, llmq_waiters_t *all,
                                    apr_time_t now);

/**
 * Nobody works on messages any more: all who wait for one hear it.
 * @param all the waiters
 * @threads locked
 */
void llmq_waiters_room_despair_locked(llmq_waiters_t *all);

#endif /* LLMQ_WAITERS_ROOM_H */
