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

#include "http/service.h"
#include "http/waiters_way.h"

#include <httpd.h>

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
