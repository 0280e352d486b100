/**
 * @file store_reap.h
 * Removing for good what has expired: conversations past their end in which nothing waits or
 * runs, and their messages. It goes in bounded steps, as each is a transaction and others
 * wait for it.
 */
#ifndef LLMQ_STORE_REAP_H
#define LLMQ_STORE_REAP_H

#include "store/store.h"

/** Conversations to be removed. */
typedef struct llmq_reap_t {
    const char *names; /* as the statements take them; NULL: there are none */
    int n;
} llmq_reap_t;

/**
 * Find some.
 * @param reap  out
 * @param store the store
 * @param now   the present
 * @param limit how many at most
 * @param p     pool of the names
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_reap_find(llmq_reap_t *reap, llmq_store_t *store, apr_time_t now,
                                  int limit, apr_pool_t *p);

/**
 * Remove some of their messages.
 * @param pn    out: how many were removed; less than @a limit means that none is left
 * @param store the store
 * @param reap  the conversations
 * @param now   as they were found with
 * @param limit how many at most
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_reap_jobs(int *pn, llmq_store_t *store, const llmq_reap_t *reap,
                                  apr_time_t now, int limit, apr_pool_t *p);

/**
 * Remove those of them that have no messages left.
 * @param pn    out: how many were removed
 * @param store the store
 * @param reap  the conversations
 * @param now   as they were found with
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_reap_empty(int *pn, llmq_store_t *store, const llmq_reap_t *reap,
                                   apr_time_t now, apr_pool_t *p);

/**
 * Remove some completions that have ended before a moment.
 * @param pn     out: how many were removed; less than @a limit means that none is left
 * @param store  the store
 * @param before the moment
 * @param limit  how many at most
 * @param p      scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_reap_completions(int *pn, llmq_store_t *store, apr_time_t before,
                                         int limit, apr_pool_t *p);

#endif /* LLMQ_STORE_REAP_H */
