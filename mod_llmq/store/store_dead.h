/**
 * @file store_dead.h
 * Dead letters: jobs that were given up on (no retries left, an error that no retry helps,
 * too many deliveries). They stay in the table of jobs, final, until somebody sends them
 * back or removes them.
 * @threads any
 */
#ifndef LLMQ_STORE_DEAD_H
#define LLMQ_STORE_DEAD_H

#include "core/job.h"
#include "store/store.h"

/** Which dead letters. NULL and 0 do not filter. */
typedef struct llmq_dead_query_t {
    const char *tenant;
    llmq_kind_e kind; /* NONE: messages and tasks */
    llmq_level_e level;
    const char *type;   /* of tasks */
    apr_time_t since;   /* given up on at or after this moment */
    const char *user;   /* user id, of a task its kb_id */
    const char *chain;  /* conversation id */
    const char *needle; /* part of the error, in whatever case */
    int descending;     /* newest first */
    int page;           /* >= 1; the list only */
    int page_size;      /* >= 1; the list only */
} llmq_dead_query_t;

/**
 * @param pjobs  out: array of the page's jobs, whole records, by finished_at
 * @param pn     out: their number
 * @param ptotal out: how many match in all
 * @param store  the store
 * @param query  which
 * @param p      pool of the records
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_dead_list(llmq_job_t **pjobs, int *pn, apr_int64_t *ptotal,
                                  llmq_store_t *store, const llmq_dead_query_t *query,
                                  apr_pool_t *p);

/**
 * How many match?
 * @param ptotal out
 * @param store  the store
 * @param query  which
 * @param p      scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_dead_count(apr_int64_t *ptotal, llmq_store_t *store,
                                   const llmq_dead_query_t *query, apr_pool_t *p);

/**
 * Walk over those that match, oldest first, a page at a time. What is requeued or removed
 * between two pages does not disturb the walk.
 * @param pjobs out: array of jobs without payload, metadata, result and error
 * @param pn    out: their number; less than @a limit means the end
 * @param store the store
 * @param query which
 * @param after the last job of the page before, NULL at first
 * @param limit jobs a page
 * @param p     pool of the jobs
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_dead_page(llmq_job_t **pjobs, int *pn, llmq_store_t *store,
                                  const llmq_dead_query_t *query, const llmq_job_t *after,
                                  int limit, apr_pool_t *p);

/** Who is to come back, and when. */
typedef struct llmq_dead_return_t {
    const char *id;
    apr_time_t run_at; /* not before this, > 0 */
} llmq_dead_return_t;

/**
 * Send dead letters back to their levels, as work of this node: pending, with a raised
 * fence, no retry used up and no delivery counted, without error and deadline. One statement, one transaction.
 * @param pjobs   out: those that came back, without payload, metadata, result and error, as
 *                they are stored now; put them into the queue
 * @param pn      out: their number; who is missing was not dead any more
 * @param store   the store
 * @param tenant  whose; another tenant's ids are passed over
 * @param returns who
 * @param n       their number (> 0)
 * @param now     the present
 * @param p       pool of the jobs
 * @return APR_SUCCESS; LLMQ_ESTORE the outcome is unknown
 * @threads any
 */
apr_status_t llmq_store_dead_requeue(llmq_job_t **pjobs, int *pn, llmq_store_t *store,
                                     const char *tenant,
                                     const llmq_dead_return_t *returns, int n,
                                     apr_time_t now, apr_pool_t *p);

/**
 * Remove dead letters softly, as llmq_store_job_remove() does.
 * @param pn     out: how many were removed; others were not dead any more
 * @param store  the store
 * @param tenant whose; another tenant's ids are passed over
 * @param ids    which
 * @param n      their number (> 0)
 * @param now    the present
 * @param p      scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_dead_remove(int *pn, llmq_store_t *store, const char *tenant,
                                    const char *const *ids, int n, apr_time_t now,
                                    apr_pool_t *p);

#endif /* LLMQ_STORE_DEAD_H */
