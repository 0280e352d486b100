/**
 * @file store_agent_settle.h
 * The last steps of runs whose jobs have ended: the words in the logs of their sessions,
 * then the last word and the runs' own rows in one transaction. All of it may be done again,
 * and by several at once.
 */
#ifndef LLMQ_STORE_AGENT_SETTLE_H
#define LLMQ_STORE_AGENT_SETTLE_H

#include "core/run.h"
#include "store/store_append.h"

/** A run and how it ended. */
typedef struct llmq_run_verdict_t {
    llmq_run_t run;     /* in: id, tenant, session, trigger, agent; out: as it is now */
    llmq_run_end_t end; /* a session that was closed meanwhile makes it FAILED */
    int unbegun;        /* it has never been RUNNING */
} llmq_run_verdict_t;

/**
 * Settle runs.
 * @param pappends out: what was appended, in the order of the logs; those of other outcome
 *                 than LLMQ_APPEND_STORED changed nothing. In @a p
 * @param pn       out: their number
 * @param store    the store
 * @param verdicts in and out
 * @param n        their number
 * @param now      the present
 * @param p        pool
 * @return APR_SUCCESS; LLMQ_ESTORE: to be done again
 * @threads the store's
 */
apr_status_t llmq_store_agent_settle(llmq_append_t **pappends, int *pn,
                                     llmq_store_t *store, llmq_run_verdict_t *verdicts,
                                     int n, apr_time_t now, apr_pool_t *p);

#endif /* LLMQ_STORE_AGENT_SETTLE_H */
