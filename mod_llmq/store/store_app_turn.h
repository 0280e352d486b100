/**
 * @file store_app_turn.h
 * Debug turns of apps as S2 lists them, and what goes with one when it is sent.
 */
#ifndef LLMQ_STORE_APP_TURN_H
#define LLMQ_STORE_APP_TURN_H

#include "core/app_turn.h"
#include "store/store_app.h"
#include "store/store_turn.h"

/**
 * Begin a turn: the app has a debug conversation from now on.
 * @param pconversation in: its id if there is none yet; out: its id
 * @param store         the store
 * @param ref           of the app
 * @param due           the present, for a turn that is to be remembered; else 0
 * @param p             pool
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_turn_begin(const char **pconversation, llmq_store_t *store,
                                       const llmq_app_ref_t *ref, apr_time_t due,
                                       apr_pool_t *p);

/** Which turns. */
typedef struct llmq_app_turns_t {
    const char *tenant;
    const char *chain; /* llmq_app_turn_chain() */
    int page;          /* from 1 */
    int page_size;     /* > 0 */
} llmq_app_turns_t;

/**
 * Turns that were answered, the newest first.
 * @param pjobs  out: array in @a p, whole records
 * @param pn     out: their number
 * @param ptotal out: how many there are on all pages
 * @param store  the store
 * @param query  which
 * @param p      pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_turn_list(llmq_job_t **pjobs, int *pn, apr_int64_t *ptotal,
                                      llmq_store_t *store, const llmq_app_turns_t *query,
                                      apr_pool_t *p);

/** Which turn. */
typedef struct llmq_app_turn_ref_t {
    const char *tenant;
    const char *chain; /* of its app's debug conversation */
    const char *id;
} llmq_app_turn_ref_t;

/**
 * Remove softly, whatever its state.
 * @param pjob  out: as it is now
 * @param store the store
 * @param ref   which
 * @param now   the present
 * @param p     pool
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_turn_remove(llmq_job_t **pjob, llmq_store_t *store,
                                        const llmq_app_turn_ref_t *ref, apr_time_t now,
                                        apr_pool_t *p);

/**
 * End turns that nobody waits for any more: CANCELED, and the fence is raised. Those that have
 * ended stay as they are.
 * @param pjobs out: array in @a p, those that were ended, as they are now; untouched unless
 *              APR_SUCCESS
 * @param pn    out: their number
 * @param store the store
 * @param ids   which
 * @param n     their number, > 0
 * @param now   the present
 * @param p     pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_turn_cancel(llmq_job_t **pjobs, int *pn, llmq_store_t *store,
                                        const char *const *ids, int n, apr_time_t now,
                                        apr_pool_t *p);

/**
 * What turns are sent with: the memory and the turns before each, the newest first, each as
 * a llmq_turn_t whose context is the memory; NULL where none is wanted.
 * @param pturns out: in @a p, those of a job together
 * @param pn     out: their number
 * @param store  the store
 * @param jobs   turns; NULL and other kinds are passed over
 * @param n      their number
 * @param p      pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_turn_past(llmq_turn_t **pturns, int *pn, llmq_store_t *store,
                                      llmq_job_t *const *jobs, int n, apr_pool_t *p);

#endif /* LLMQ_STORE_APP_TURN_H */
