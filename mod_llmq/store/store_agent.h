/**
 * @file store_agent.h
 * Runs of agents in the store: their rows beside those of their jobs (core/run.h). A run is
 * accepted with two statements, its row and its job, and ends with three: the job's end,
 * the log's words, the row. Each may be done again, and whoever dies in between leaves it
 * to llmq_store_agent_sweep().
 */
#ifndef LLMQ_STORE_AGENT_H
#define LLMQ_STORE_AGENT_H

#include "core/run.h"
#include "store/store.h"

/** Which run. */
typedef struct llmq_run_ref_t {
    const char *tenant;
    const char *session;
    const char *id; /* of the run; of its trigger for llmq_store_agent_of_trigger() */
} llmq_run_ref_t;

/**
 * @param prun  out: in @a p
 * @param store the store
 * @param ref   which
 * @param p     pool
 * @return APR_SUCCESS; APR_NOTFOUND not in this session; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_agent_find(llmq_run_t **prun, llmq_store_t *store,
                                   const llmq_run_ref_t *ref, apr_pool_t *p);

/**
 * The run of a trigger.
 * @param prun  out: in @a p
 * @param store the store
 * @param ref   its session, and the trigger's id
 * @param p     pool
 * @return APR_SUCCESS; APR_NOTFOUND it has none; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_agent_of_trigger(llmq_run_t **prun, llmq_store_t *store,
                                         const llmq_run_ref_t *ref, apr_pool_t *p);

/**
 * Many at once, wherever they are.
 * @param pruns out: array in @a p, in any order, those that are there
 * @param pn    out: their number
 * @param store the store
 * @param ids   which
 * @param n     their number, > 0
 * @param p     pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_agent_look(llmq_run_t **pruns, int *pn, llmq_store_t *store,
                                   const char *const *ids, int n, apr_pool_t *p);

/**
 * Those of a session that have not ended: the RUNNING one, then those that wait, in order.
 * @param pruns out: array in @a p
 * @param pn    out: their number
 * @param store the store
 * @param ref   the session; id is not looked at
 * @param p     pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_agent_open(llmq_run_t **pruns, int *pn, llmq_store_t *store,
                                   const llmq_run_ref_t *ref, apr_pool_t *p);

/**
 * Insert a run; its job comes next, unless it waits.
 * @param store the store
 * @param run   id, tenant, session, trigger, agent, user, status and created_at are read
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTATE its trigger has a run, or it is to be RUNNING and another
 *         one of the session is open; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_agent_insert(llmq_store_t *store, const llmq_run_t *run,
                                     apr_pool_t *p);

/**
 * Let the next run of each session begin that has none RUNNING; its job comes next.
 * @param pruns    out: those that begin, array in @a p
 * @param pn       out: their number
 * @param store    the store
 * @param sessions ids, doubles allowed
 * @param n        their number
 * @param p        pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_agent_promote(llmq_run_t **pruns, int *pn, llmq_store_t *store,
                                      const char *const *sessions, int n, apr_pool_t *p);

/**
 * End a run that waits as CANCELED.
 * @param store the store
 * @param run   which
 * @param now   the present
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTATE it does not wait; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_agent_dismiss(llmq_store_t *store, const llmq_run_t *run,
                                      apr_time_t now, apr_pool_t *p);

/** How a job is ended from outside. */
typedef struct llmq_run_stop_t {
    llmq_status_e status; /* CANCELED or FAILED */
    const char *error;    /* as the job stores it; NULL: none */
    apr_time_t now;
} llmq_run_stop_t;

/**
 * End the job of a run, whoever does it at present.
 * @param pjob  out: as it is now, in @a p
 * @param store the store
 * @param run   which
 * @param stop  how
 * @param p     pool
 * @return APR_SUCCESS; LLMQ_ESTATE it has ended, or is not there; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_agent_stop(llmq_job_t **pjob, llmq_store_t *store,
                                   const llmq_run_t *run, const llmq_run_stop_t *stop,
                                   apr_pool_t *p);

/**
 * Triggers of a session that are no context any more.
 * @param pids  out: array in @a p
 * @param pn    out: their number
 * @param store the store
 * @param ref   the session; id is not looked at
 * @param p     pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_agent_undone(const char ***pids, int *pn, llmq_store_t *store,
                                     const llmq_run_ref_t *ref, apr_pool_t *p);

/** A run that somebody has left undone. */
typedef struct llmq_run_left_t {
    llmq_run_t run;
    llmq_job_t job; /* status, result, error, retry_count, started_at, finished_at */
    int has_job;
} llmq_run_left_t;

/**
 * Runs that nobody seems to look after: ended and not told, without a job, or waiting for
 * nobody.
 * @param pleft  out: array in @a p
 * @param pn     out: their number
 * @param store  the store
 * @param before only what has not changed since
 * @param limit  most, > 0
 * @param p      pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_agent_sweep(llmq_run_left_t **pleft, int *pn, llmq_store_t *store,
                                    apr_time_t before, int limit, apr_pool_t *p);

#endif /* LLMQ_STORE_AGENT_H */
