/**
 * @file wait.h
 * `?wait=N`: a request that answers when its message or task has ended.
 *
 * For now such a request holds its thread. So that waits cannot eat up all workers, the
 * server has so many *places* for them (LLMQMaxHeld) in memory that all children share; a
 * request that finds none is refused before anything is stored. A place holds the pid of
 * its child, so those of a child that was killed are found and given out again.
 *
 * A waiter looks at a word in shared memory that changes when its message leaves the queue
 * (llmq_queue_ended()), and reads the store when it has, or once a second.
 * @threads request
 */
#ifndef LLMQ_WAIT_H
#define LLMQ_WAIT_H

#include "base/result.h"
#include "core/job.h"
#include "http/service.h"

#include <httpd.h>

/** The wait of one request. */
typedef struct llmq_wait_t {
    apr_interval_time_t limit; /* 0: this request does not wait */
    apr_uint32_t *place;       /* held; NULL: none */
} llmq_wait_t;

/**
 * Read `?wait=` and take a place. Before anything is stored.
 * @param wait    out; after APR_SUCCESS llmq_wait_end() must follow
 * @param r       the request
 * @param service the service of this process
 * @param why     out: REQUEST, not a number or negative; QUEUE, no place is free
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 */
apr_status_t llmq_wait_begin(llmq_wait_t *wait, request_rec *r,
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
 * @return APR_SUCCESS; LLMQ_EBODY see @a why, the job goes on
 */
apr_status_t llmq_wait_for(llmq_job_t **pjob, const llmq_wait_t *wait, request_rec *r,
                           const llmq_service_t *service, llmq_result_t *why);

/**
 * Give the place back.
 * @param wait the wait
 */
void llmq_wait_end(llmq_wait_t *wait);

#endif /* LLMQ_WAIT_H */
