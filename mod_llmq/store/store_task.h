/**
 * @file store_task.h
 * Tasks in the store, where they differ from other jobs: S3's list with its filters, and
 * the two changes of state that only tasks know. A task is inserted and found as any job
 * (store_job.h), what workers do to it is store_lease.h's.
 * @threads any
 */
#ifndef LLMQ_STORE_TASK_H
#define LLMQ_STORE_TASK_H

#include "store/store_job.h"

typedef enum {
    LLMQ_TASK_SORT_CREATED = 0,
    LLMQ_TASK_SORT_UPDATED,
    LLMQ_TASK_SORT_LEVEL, /* ascending = most urgent first */
    LLMQ_TASK_SORT_STATUS,
    LLMQ_TASK_SORT_PROGRESS,
    LLMQ_TASK_SORT_COUNT
} llmq_task_sort_e;

/** A question to the list of tasks. NULL and 0 filters do not filter. */
typedef struct llmq_task_query_t {
    const char *tenant;
    const char *kb;
    const char *type;
    const char *state; /* S3's word */
    llmq_level_e level;
    apr_time_t created_after;
    apr_time_t now; /* tells what is in back-off */
    llmq_task_sort_e sort;
    int descending;
    int page;      /* >= 1 */
    int page_size; /* >= 1 */
} llmq_task_query_t;

/**
 * @param pjobs  out: array of the page's tasks, whole records
 * @param pn     out: their number
 * @param ptotal out: how many match in all
 * @param store  the store
 * @param query  what is asked
 * @param p      pool of the records
 * @return APR_SUCCESS; LLMQ_ESTORE
 */
apr_status_t llmq_store_task_list(llmq_job_t **pjobs, int *pn, apr_int64_t *ptotal,
                                  llmq_store_t *store, const llmq_task_query_t *query,
                                  apr_pool_t *p);

/** A task and the moment of a change. */
typedef struct llmq_task_ref_t {
    const char *tenant;
    const char *id;
    apr_time_t now;
} llmq_task_ref_t;

/**
 * Cancel a task that waits or runs: final at once, the fence is raised, a lease is void.
 * @param pjob  out: the task as it is now
 * @param store the store
 * @param ref   which
 * @param p     pool of the task
 * @return APR_SUCCESS; LLMQ_ESTATE there is none, or it has ended; LLMQ_ESTORE
 */
apr_status_t llmq_store_task_cancel(llmq_job_t **pjob, llmq_store_t *store,
                                    const llmq_task_ref_t *ref, apr_pool_t *p);

/**
 * Send a failed task back: retry_count + 1, and max_retries is raised where that would be
 * beyond it. It belongs to this node from now on.
 * @param pjob  out: the task as it is now
 * @param store the store
 * @param ref   which
 * @param p     pool of the task
 * @return APR_SUCCESS; LLMQ_ESTATE there is none, or it has not failed; LLMQ_ESTORE
 */
apr_status_t llmq_store_task_retry(llmq_job_t **pjob, llmq_store_t *store,
                                   const llmq_task_ref_t *ref, apr_pool_t *p);

#endif /* LLMQ_STORE_TASK_H */
