/**
 * @file remember.h
 * How apps remember. When a debug turn with long-term memory has been answered, a job of
 * kind MEMORY follows it (core/app_turn.h). That job asks a backend for a new memory made
 * of the present one and all turns since it was written; what comes is stored before the
 * job ends, and only if nobody has written another memory meanwhile. So a job that runs a
 * second time finds nothing left to do, several that wait become one call, and a memory
 * that was written by hand stays.
 *
 * Nothing of this is in a turn's way: the jobs lie at low, on a chain of their own. What a
 * process that died did not begin is found by a look at the store now and then.
 */
#ifndef LLMQ_REMEMBER_H
#define LLMQ_REMEMBER_H

#include "dispatch/way.h"

/**
 * What the jobs of kind MEMORY of a batch are about.
 * @param precalls out: in the order of @a jobs
 * @param store    of the thread
 * @param jobs     the batch; NULL for one that is not to be done
 * @param n        their number
 * @param conf     how much is sent
 * @param p        pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads drain
 */
apr_status_t llmq_remember_recall(llmq_app_recall_t **precalls, llmq_store_t *store,
                                  llmq_job_t *const *jobs, int n,
                                  const llmq_chat_conf_t *conf, apr_pool_t *p);

/**
 * @param recall what a job is about
 * @return non-zero if nothing is left to do: it needs no call
 * @threads any
 */
int llmq_remember_is_done(const llmq_app_recall_t *recall);

/**
 * Is anything left to do for a job? If not, it ends without a call.
 * @param d     the dispatcher
 * @param entry as taken
 * @param what  as loaded, a job of kind MEMORY
 * @return non-zero if it is to be begun
 * @threads drain
 */
int llmq_remember_admit(llmq_dispatch_t *d, const llmq_entry_t *entry,
                        llmq_loaded_t *what);

/**
 * Make an attempt's call ask for the memory.
 * @param a    of a job of kind MEMORY
 * @param what as it was admitted; copied
 * @return APR_SUCCESS
 * @threads drain
 */
apr_status_t llmq_remember_request(llmq_attempt_t *a, const llmq_loaded_t *what);

/**
 * Store the memories that attempts have brought. Comes before their outcomes are written,
 * and may be done again.
 * @param batch of attempts of any kind
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads finisher
 */
apr_status_t llmq_remember_learn(const llmq_batch_t *batch);

/**
 * Begin to remember the turns among attempts whose outcomes were written.
 * @param batch of attempts of any kind
 * @threads finisher
 */
void llmq_remember_turns(const llmq_batch_t *batch);

/**
 * Look for turns that nobody has begun to remember, every few seconds.
 * @param d     the dispatcher
 * @param store of the thread
 * @param now   the present
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads the first thread
 */
apr_status_t llmq_remember_sweep(llmq_dispatch_t *d, llmq_store_t *store, apr_time_t now,
                                 apr_pool_t *p);

#endif /* LLMQ_REMEMBER_H */
