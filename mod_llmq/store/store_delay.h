/**
 * @file store_delay.h
 * Delayed jobs: those that wait for a moment, scheduled ones and ones between two attempts.
 * @threads any
 */
#ifndef LLMQ_STORE_DELAY_H
#define LLMQ_STORE_DELAY_H

#include "core/job.h"
#include "store/store.h"

/** Which delayed jobs. 0 does not filter. */
typedef struct llmq_delay_query_t {
    const char *tenant;
    llmq_kind_e kind; /* NONE: messages and tasks */
    llmq_level_e level;
    apr_time_t before; /* due before this moment */
    apr_time_t now;    /* the present */
    int page;          /* >= 1 */
    int page_size;     /* >= 1 */
    const char *type;  /* of tasks; NULL does not filter */
} llmq_delay_query_t;

/**
 * @param pjobs  out: array of the page's jobs, whole records, the next one first
 * @param pn     out: their number
 * @param ptotal out: how many match in all
 * @param store  the store
 * @param query  which
 * @param p      pool of the records
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_delay_list(llmq_job_t **pjobs, int *pn, apr_int64_t *ptotal,
                                   llmq_store_t *store, const llmq_delay_query_t *query,
                                   apr_pool_t *p);

/**
 * Let a delayed job run now, as work of this node; the fence is raised.
 * @param pjob   out: the job as stored now, without payload, metadata, result and error
 * @param store  the store
 * @param tenant whose
 * @param kind   what it must be
 * @param id     which
 * @param now    the present
 * @param p      pool of the job
 * @return APR_SUCCESS; LLMQ_ESTATE it is not delayed, or not there; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_delay_hasten(llmq_job_t **pjob, llmq_store_t *store,
                                     const char *tenant, llmq_kind_e kind, const char *id,
                                     apr_time_t now, apr_pool_t *p);

/**
 * Remove a delayed job softly, as llmq_store_job_remove() does.
 * @param store  the store
 * @param tenant whose
 * @param kind   what it must be
 * @param id     which
 * @param now    the present
 * @param p      scratch
 * @return APR_SUCCESS; LLMQ_ESTATE it is not delayed, or not there; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_delay_remove(llmq_store_t *store, const char *tenant,
                                     llmq_kind_e kind, const char *id, apr_time_t now,
                                     apr_pool_t *p);

#endif /* LLMQ_STORE_DELAY_H */
