/**
 * @file store_session_reap.h
 * Removing sessions that nobody has touched for long. A walk over all sessions, in the order
 * of their ids, marks them: from then on nobody sees them any more. Then their messages are
 * removed, and last the sessions without messages. It goes in bounded steps, as each is a
 * transaction and others wait for it; whoever finds marked sessions can go on.
 */
#ifndef LLMQ_STORE_SESSION_REAP_H
#define LLMQ_STORE_SESSION_REAP_H

#include "store/store.h"

/** How far the walk has come. */
typedef struct llmq_session_walk_t {
    char after[LLMQ_ID_MAX + 1]; /* the last session that was looked at; "": none yet */
    int marked;                  /* out: by the last step */
    int ended;                   /* out: no session is left that may be old enough */
} llmq_session_walk_t;

/**
 * Look at the next sessions, and mark those without any change since @a bound, messages
 * included.
 * @param walk  in/out
 * @param store the store
 * @param bound microseconds since 1970
 * @param now   the present
 * @param limit how many to look at
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_session_reap_mark(llmq_session_walk_t *walk, llmq_store_t *store,
                                          apr_time_t bound, apr_time_t now, int limit,
                                          apr_pool_t *p);

/**
 * Remove messages of marked sessions.
 * @param pn       out: how many were removed; less than @a limit means that none of these
 *                 sessions has any left
 * @param store    the store
 * @param sessions of so many, the first ones
 * @param limit    how many at most
 * @param p        scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_session_reap_messages(int *pn, llmq_store_t *store, int sessions,
                                              int limit, apr_pool_t *p);

/**
 * Remove marked sessions that have no messages left.
 * @param pn       out: how many were removed
 * @param store    the store
 * @param sessions among so many, the first ones
 * @param p        scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_session_reap_empty(int *pn, llmq_store_t *store, int sessions,
                                           apr_pool_t *p);

#endif /* LLMQ_STORE_SESSION_REAP_H */
