/**
 * @file wait.h
 * `?wait=N`: a request that answers when its message or task has ended.
 *
 * Where httpd lets go of the connection it costs no thread: it is parked
 * (http/waiters.h). Else it holds its thread. So that such waits cannot eat up all workers, the
 * server has so many *places* for them (LLMQMaxHeld) in memory that all children share. A
 * request that finds neither is refused before anything is stored. A place holds the pid
 * of its child, so those of a child that was killed are found and given out again.
 *
 * An answer that is kept for its Idempotency-Key must be known while the request lives: such
 * requests are held.
 * @threads request
 */
#ifndef LLMQ_WAIT_H
#define LLMQ_WAIT_H

#include "base/result.h"
#include "core/job.h"
#include "http/waiters.h"

/** How the end of a job is told. */
typedef struct llmq_wait_how_t {
    /** Answer with a job, in whatever state; as llmq_reply_json(). Headers and status are
     *  those of the answer after a wait, too, but for ends that way.other tells apart. */
    int (*reply)(request_rec *r, const llmq_service_t *service, const llmq_job_t *job);
    llmq_waiter_way_t way;
    llmq_problem_e failed; /* the problem of LLMQ_WAITED_FAILED; NONE: it never is */
} llmq_wait_how_t;

/** The wait of one request. */
typedef struct llmq_wait_t {
    apr_interval_time_t limit; /* 0: this request does not wait */
    apr_uint32_t *place;       /* held; NULL: none */
    const llmq_wait_how_t *how;
    const llmq_service_t *service;
    int admitted; /* it has a place to be parked in */
} llmq_wait_t;

/**
 * Read `?wait=` and take a place. Before anything is stored.
 * @param wait    out; after APR_SUCCESS llmq_wait_end() must follow
 * @param how     how it is answered; borrowed
 * @param r       the request
 * @param service the service of this process
 * @param why     out: REQUEST, not a number or negative; QUEUE, no place is free; problems of
 *                the body
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 */
apr_status_t llmq_wait_begin(llmq_wait_t *wait, const llmq_wait_how_t *how,
                             request_rec *r, const llmq_service_t *service,
                             llmq_result_t *why);

/**
 * As llmq_wait_begin(), for a call that waits whatever its address says.
 * @param wait    out; after APR_SUCCESS llmq_wait_end() must follow
 * @param limit   how long, > 0
 * @param how     how it is answered; borrowed
 * @param r       the request
 * @param service the service of this process
 * @param why     out: QUEUE, no place is free; problems of the body
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 */
apr_status_t llmq_wait_begin_for(llmq_wait_t *wait, apr_interval_time_t limit,
                                 const llmq_wait_how_t *how, request_rec *r,
                                 const llmq_service_t *service, llmq_result_t *why);

/**
 * Wait until a job has ended. Returns at once if the request does not wait. Ends early when
 * the client is gone or this child is to end.
 * @param pjob    in: the job as accepted; out: as it ended; untouched unless APR_SUCCESS
 * @param wait    the wait
 * @param r       the request
 * @param service the service of this process
 * @param why     out: WAIT, the time is over; SCHEDULER, the dispatcher stays dead;
 *                NO_MESSAGE or NO_TASK, it was deleted meanwhile
 * @return APR_SUCCESS; APR_EINPROGRESS it is parked: return OK from the handler; LLMQ_EBODY see
 *         @a why, the job goes on
 */
apr_status_t llmq_wait_for(llmq_job_t **pjob, llmq_wait_t *wait, request_rec *r,
                           const llmq_service_t *service, llmq_result_t *why);

/**
 * Give the place back.
 * @param wait the wait
 */
void llmq_wait_end(llmq_wait_t *wait);

#endif /* LLMQ_WAIT_H */
