/**
 * @file store_limit.h
 * Accounts (core/ledger.h) as nodes exchange them: a row for each node that has booked
 * something, which only that node writes.
 * @threads any
 */
#ifndef LLMQ_STORE_LIMIT_H
#define LLMQ_STORE_LIMIT_H

#include "core/ledger.h"
#include "store/store.h"

/**
 * An account that is not in the ledger.
 * @param state   in: account; out: all else; window 0 if nobody has ever used it
 * @param store   the store
 * @param p       scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 */
apr_status_t llmq_store_limit_load(llmq_ledger_state_t *state, llmq_store_t *store,
                                   apr_pool_t *p);

/**
 * Write what this node has used.
 * @param store  the store
 * @param states accounts, each once
 * @param n      their number (> 0)
 * @param now    the present
 * @param p      scratch
 * @return APR_SUCCESS; LLMQ_ESTORE unknown whether it is written
 */
apr_status_t llmq_store_limit_save(llmq_store_t *store, const llmq_ledger_state_t *states,
                                   int n, apr_time_t now, apr_pool_t *p);

/**
 * What other nodes have used.
 * @param states in: accounts; out: others
 * @param n      their number (> 0)
 * @param store  the store
 * @param p      scratch
 * @return APR_SUCCESS; LLMQ_ESTORE nothing was changed
 */
apr_status_t llmq_store_limit_others(llmq_ledger_state_t *states, int n,
                                     llmq_store_t *store, apr_pool_t *p);

/**
 * How many jobs count on a gauge that have not ended, wherever they are?
 * @param pn    out
 * @param store the store
 * @param gauge of the jobs
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 */
apr_status_t llmq_store_limit_count(apr_int64_t *pn, llmq_store_t *store,
                                    apr_uint64_t gauge, apr_pool_t *p);

/** A job that is over and was not settled by who ended it. */
typedef struct llmq_unsettled_t {
    const char *charges; /* with its mark; see core/charge.h */
    const char *result;  /* JSON text of one that was completed; NULL: it was not */
} llmq_unsettled_t;

/**
 * Take jobs that are to be settled: whoever gets them settles them, nobody else will.
 * @param plist out: in @a p
 * @param pn    out: their number, 0: there are none
 * @param store the store
 * @param max   most of them
 * @param p     pool of the list
 * @return APR_SUCCESS; LLMQ_ESTORE: some may never be settled
 * @threads any
 */
apr_status_t llmq_store_limit_unsettled(llmq_unsettled_t **plist, int *pn,
                                        llmq_store_t *store, int max, apr_pool_t *p);

/**
 * Remove what nobody has written for long.
 * @param store  the store
 * @param before remove what was written before this moment
 * @param p      scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 */
apr_status_t llmq_store_limit_prune(llmq_store_t *store, apr_time_t before,
                                    apr_pool_t *p);

#endif /* LLMQ_STORE_LIMIT_H */
