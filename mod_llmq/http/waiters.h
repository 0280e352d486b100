/**
 * @file waiters.h
 * Requests that wait for the end of a job (`?wait=`). Where httpd lets go of the connection
 * they are *parked*: their answers, for each way in which the wait can end, were made when they
 * came (http/capture.h), and whatever comes true is written by the child's stream thread. Else
 * their threads are *held* (http/held.h). A child has one more thread, the *waiters'
 * thread*, which looks at the store when the bus says that a job has changed.
 *
 * How nothing is missed: it listens to the bus before it looks at the job of a new waiter for
 * the first time. What the bus has lost is found by a look at all of them every few
 * seconds; every second where other nodes work on the same database and nobody tells.
 *
 * A record is freed by the last of those that need it: the room, the thread while it looks,
 * the request that is held, the stream until its end.
 *
 * Lock: one (`lock`), not held while the store is asked. Under it the streams' lock may be
 * taken (base/stream.h), never the other way.
 */
#ifndef LLMQ_WAITERS_H
#define LLMQ_WAITERS_H

#include "base/text.h"
#include "core/job.h"
#include "http/service.h"

#include <httpd.h>

typedef struct llmq_waiters_t llmq_waiters_t; /* of one child */
typedef struct llmq_waiter_t llmq_waiter_t;   /* one of them */

/** How a wait can end without the end of the job. */
typedef enum {
    LLMQ_WAITED_TIME = 0, /* the time is over, or the child ends */
    LLMQ_WAITED_GONE,     /* it was deleted meanwhile */
    LLMQ_WAITED_DEAD,     /* the dispatcher stays dead; the work is kept */
    LLMQ_WAITED_FAILED,   /* it has failed; only where that is no answer like others */
    LLMQ_WAITED_COUNT     /* none of these: the usual answer */
} llmq_waited_e;

/**
 * Look at what is waited for, as llmq_store_lease_look() does. Where that is no job, a job
 * stands for it whose status and payload tell what llmq_waiter_text_fn_t needs.
 * @threads any
 */
typedef apr_status_t llmq_waiter_look_fn_t(llmq_job_t ***pjobs, int **premoved,
                                           llmq_store_t *store, const char *const *ids,
                                           int n, apr_pool_t *p);

/**
 * The body of the answer about a job that has ended.
 * @param t   where to
 * @param job as it has ended
 * @threads any
 */
typedef void llmq_waiter_text_fn_t(llmq_text_t *t, const llmq_job_t *job);

/**
 * @param job as it has ended
 * @return the answer that tells it; LLMQ_WAITED_COUNT: the usual one with its text
 * @threads any
 */
typedef llmq_waited_e llmq_waiter_other_fn_t(const llmq_job_t *job);

/**
 * Nobody waits for these jobs any longer: what shall not go on is ended. They are looked at
 * once more afterwards.
 * @param service the service of this process
 * @param ids     of the jobs
 * @param n       their number, > 0
 * @param p       scratch
 * @threads any
 */
typedef void llmq_waiter_late_fn_t(const llmq_service_t *service, const char *const *ids,
                                   int n, apr_pool_t *p);

/** How it goes on with a kind of waiting; static. */
typedef struct llmq_waiter_way_t {
    llmq_waiter_text_fn_t *text;
    llmq_waiter_look_fn_t *look;   /* NULL: llmq_store_lease_look() */
    llmq_waiter_other_fn_t *other; /* NULL: all ends are told in the usual way */
    llmq_waiter_late_fn_t *late;   /* NULL: what is waited for goes on */
} llmq_waiter_way_t;

/**
 * Look at what is waited for in one way.
 * @param pjobs    out: as llmq_store_lease_look(), as the others
 * @param premoved out
 * @param way      how it is waited
 * @param store    the store
 * @param ids      of what is looked at
 * @param n        their number, > 0
 * @param p        pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_waiters_see(llmq_job_t ***pjobs, int **premoved,
                              const llmq_waiter_way_t *way, llmq_store_t *store,
                              const char *const *ids, int n, apr_pool_t *p);

/**
 * Tasks are done by workers, and runs go on by themselves, whoever else lives.
 * @param kind of what is waited for
 * @return non-zero if it stands still while there is no dispatcher
 * @threads any
 */
int llmq_waiters_depend(llmq_kind_e kind);

/** What is parked. Texts are copied. */
typedef struct llmq_waiter_conf_t {
    const llmq_job_t *job; /* which is waited for */
    apr_time_t until;
    const llmq_waiter_way_t *way;          /* borrowed */
    llmq_text_t head;                      /* llmq_capture_cut() of the usual answer */
    llmq_text_t others[LLMQ_WAITED_COUNT]; /* whole answers */
} llmq_waiter_conf_t;

/**
 * The thread is started by the first who waits.
 * @param pall    out
 * @param service the service of this process, whose streams are set
 * @param p       pool of the child
 * @return APR_SUCCESS; other: no descriptors left
 * @phase child_init
 */
apr_status_t llmq_waiters_create(llmq_waiters_t **pall, const llmq_service_t *service,
                                 apr_pool_t *p);

/**
 * Tell all that wait that their time is over, and end the thread. Before the streams end.
 * Requests have ended, or never go on.
 * @param all the waiters
 * @threads single
 */
void llmq_waiters_stop(llmq_waiters_t *all);

/**
 * Park a request. It has a place among the streams (LLMQ_STREAM_ANSWER), which the answer
 * gives back.
 * @param all  the waiters
 * @param r    the request, not answered
 * @param conf what is waited for
 * @return APR_SUCCESS: return OK from the handler; other: nothing was done, the place is
 *         still the caller's
 * @threads request
 */
apr_status_t llmq_waiters_park(llmq_waiters_t *all, request_rec *r,
                               const llmq_waiter_conf_t *conf);

/**
 * Wait with the request's own thread.
 * @param pw    out: to be given back with llmq_waiters_leave()
 * @param all   the waiters
 * @param job   which is waited for
 * @param way   how; borrowed
 * @param until when its time is over
 * @return APR_SUCCESS; APR_EOF the child ends; other: not now
 * @threads request
 */
apr_status_t llmq_waiters_enter(llmq_waiter_t **pw, llmq_waiters_t *all,
                                const llmq_job_t *job, const llmq_waiter_way_t *way,
                                apr_time_t until);

/**
 * Sleep until the job has ended, is gone or nobody works on it, but no longer than a step.
 * @param w    a waiter that entered
 * @param step microseconds
 * @return non-zero if there is a reason to look
 * @threads request
 */
int llmq_waiters_sleep(llmq_waiter_t *w, apr_interval_time_t step);

/**
 * @param w a waiter that entered; not to be used any more
 * @threads request
 */
void llmq_waiters_leave(llmq_waiter_t *w);

#endif /* LLMQ_WAITERS_H */
