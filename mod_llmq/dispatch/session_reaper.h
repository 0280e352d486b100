/**
 * @file session_reaper.h
 * Removal of sessions that nobody has touched for long, a bounded piece at each tick of the
 * janitor, as with conversations (reaper.h).
 */
#ifndef LLMQ_SESSION_REAPER_H
#define LLMQ_SESSION_REAPER_H

#include "store/store.h"

typedef struct llmq_session_reaper_t llmq_session_reaper_t;

/**
 * @param store    the store
 * @param ttl      from the last change of a session to its end, microseconds; 0: never
 * @param interval between two clean-ups, microseconds; 0: none
 * @param p        pool, as long as the reaper
 * @return a reaper whose first clean-up is due now
 * @phase dispatcher; @threads the janitor
 */
llmq_session_reaper_t *llmq_session_reaper_create(llmq_store_t *store,
                                                  apr_interval_time_t ttl,
                                                  apr_interval_time_t interval,
                                                  apr_pool_t *p);

/**
 * Do a piece, if there is something to do. What was begun is brought to its end even where
 * sessions have no end any more.
 * @param r   the reaper
 * @param now the present
 * @param p   scratch
 * @return APR_SUCCESS; LLMQ_ESTORE: it goes on at the next clean-up
 * @threads the janitor
 */
apr_status_t llmq_session_reaper_tick(llmq_session_reaper_t *r, apr_time_t now,
                                      apr_pool_t *p);

#endif /* LLMQ_SESSION_REAPER_H */
