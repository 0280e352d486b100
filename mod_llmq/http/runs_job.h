/**
 * @file runs_job.h
 * The jobs of runs as the processes that serve requests make them: into the store, and into
 * the queue of tasks. The dispatcher has its own (dispatch/agents_end.h).
 * @threads request
 */
#ifndef LLMQ_RUNS_JOB_H
#define LLMQ_RUNS_JOB_H

#include "core/run.h"
#include "http/service.h"

/**
 * Store the job of a run that is RUNNING.
 * @param job     out: strings of @a run and of @a p
 * @param run     the run
 * @param service the service of this process
 * @param p       pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 */
apr_status_t llmq_runs_job_insert(llmq_job_t *job, const llmq_run_t *run,
                                  const llmq_service_t *service, apr_pool_t *p);

/**
 * Put a stored job into the queue.
 * @param job     what llmq_runs_job_insert() has stored
 * @param how     LLMQ_PUT_ADMITTED, or 0
 * @param service the service of this process
 */
void llmq_runs_job_put(const llmq_job_t *job, int how, const llmq_service_t *service);

/**
 * Let the next run that waits in a session begin, if none is RUNNING. What fails here, the
 * dispatcher finds.
 * @param session id of the session
 * @param service the service of this process
 * @param p       scratch
 */
void llmq_runs_job_next(const char *session, const llmq_service_t *service,
                        apr_pool_t *p);

#endif /* LLMQ_RUNS_JOB_H */
