/**
 * @file runs.h
 * Runs of agents as callers begin them and wait for them; how callers end them is
 * http/runs_end.h, how a run goes on the dispatcher's (dispatch/agents.h).
 * @threads request
 */
#ifndef LLMQ_RUNS_H
#define LLMQ_RUNS_H

#include "core/run.h"
#include "http/service.h"
#include "http/wait.h"

#include <httpd.h>

/** What a run is asked for. */
typedef struct llmq_runs_wish_t {
    const llmq_session_t *session;
    const llmq_session_message_t *trigger; /* of that session */
    const char *id;                        /* of the run, if a new one is made */
} llmq_runs_wish_t;

/**
 * Begin a run, or find the one that answers the wish: its trigger's, or by LLMQRunConflict
 * the one that is RUNNING.
 * @param prun    out: in r->pool
 * @param wish    what is asked for
 * @param r       the request
 * @param service the service of this process
 * @param why     out: RUN_CONFLICT
 * @return APR_SUCCESS; LLMQ_EBODY see @a why; LLMQ_EFULL the queue takes no more; others are
 *         for llmq_reply_status()
 */
apr_status_t llmq_runs_begin(llmq_run_t **prun, const llmq_runs_wish_t *wish,
                             request_rec *r, const llmq_service_t *service,
                             llmq_result_t *why);

/**
 * A job that stands for a run where somebody waits for it (http/wait.h): it has ended when the
 * log tells the run's end.
 * @param job out: its payload is the run as S4 shows it
 * @param run the run; its strings are borrowed
 * @param p   pool of the payload
 * @threads any
 */
void llmq_runs_as_job(llmq_job_t *job, const llmq_run_t *run, apr_pool_t *p);

/**
 * What stands for runs; a llmq_waiter_look_fn_t.
 * @param pjobs    out: as llmq_runs_as_job() makes them; NULL for a run that is not there
 * @param premoved out: zeros
 * @param store    the store
 * @param ids      of runs, doubles allowed
 * @param n        their number, > 0
 * @param p        pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_runs_look(llmq_job_t ***pjobs, int **premoved, llmq_store_t *store,
                            const char *const *ids, int n, apr_pool_t *p);

#endif /* LLMQ_RUNS_H */
