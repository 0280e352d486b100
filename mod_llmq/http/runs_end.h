/**
 * @file runs_end.h
 * Runs that end at the hands of a caller, and not of the dispatcher: canceled, or never fit
 * to be begun.
 * @threads request
 */
#ifndef LLMQ_RUNS_END_H
#define LLMQ_RUNS_END_H

#include "core/run.h"
#include "http/service.h"

/**
 * Cancel a run. A call of its agent under way is broken off. One whose end nobody has told
 * yet is told as it ended.
 * @param run         in: which; out: as it is now
 * @param rolled_back non-zero: its trigger is no context any more
 * @param service     the service of this process
 * @param p           pool
 * @return APR_SUCCESS, also if it had ended before; LLMQ_ESTORE
 */
apr_status_t llmq_runs_end_cancel(llmq_run_t *run, int rolled_back,
                                  const llmq_service_t *service, apr_pool_t *p);

/**
 * A message was appended: is it a run.cancel? One of no run, or of one that has ended, is
 * as any other.
 * @param m       the message
 * @param tenant  of its session
 * @param service the service of this process
 * @param p       pool
 */
void llmq_runs_end_hear(const llmq_session_message_t *m, const char *tenant,
                        const llmq_service_t *service, apr_pool_t *p);

/**
 * A run that was inserted and has no job fails at once.
 * @param run     in/out
 * @param why     a sentence; not copied
 * @param service the service of this process
 * @param p       pool
 * @return APR_SUCCESS; LLMQ_ESTORE, the dispatcher will see to it
 */
apr_status_t llmq_runs_end_refuse(llmq_run_t *run, const char *why,
                                  const llmq_service_t *service, apr_pool_t *p);

#endif /* LLMQ_RUNS_END_H */
