/**
 * @file agents_end.h
 * The ends of runs: what is stored of a job is told in the log of its session, and whoever
 * waits in the session for its end begins. What a process that died has left undone is
 * found by a look at the store now and then.
 */
#ifndef LLMQ_AGENTS_END_H
#define LLMQ_AGENTS_END_H

#include "dispatch/way.h"
#include "store/store_agent_settle.h"

/**
 * Tell all who listen of what was appended to logs.
 * @param d       the dispatcher
 * @param appends after llmq_store_append()
 * @param n       their number
 * @threads any of the dispatcher
 */
void llmq_agents_end_tell(llmq_dispatch_t *d, const llmq_append_t *appends, int n);

/**
 * Settle runs whose jobs have ended. What fails is left to llmq_agents_end_sweep().
 * @param d        the dispatcher
 * @param store    of the thread
 * @param verdicts in and out
 * @param n        their number
 * @param p        scratch
 * @threads any of the dispatcher
 */
void llmq_agents_end_settle(llmq_dispatch_t *d, llmq_store_t *store,
                            llmq_run_verdict_t *verdicts, int n, apr_pool_t *p);

/**
 * The same for those runs among attempts whose outcomes were written.
 * @param batch of attempts of any kind
 * @threads finisher
 */
void llmq_agents_end_attempts(const llmq_batch_t *batch);

/**
 * Look for what was left undone, every few seconds.
 * @param d     the dispatcher
 * @param store of the thread
 * @param now   the present
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads the first thread
 */
apr_status_t llmq_agents_end_sweep(llmq_dispatch_t *d, llmq_store_t *store,
                                   apr_time_t now, apr_pool_t *p);

#endif /* LLMQ_AGENTS_END_H */
