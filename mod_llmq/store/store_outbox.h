/**
 * @file store_outbox.h
 * The outbox: notices that are still to be delivered, each a job's end for one URL. Rows are
 * written by a trigger of the database in the transaction that makes a job final (migration
 * 0012); the courier (dispatch/courier) delivers them. A row belongs to nobody: whoever
 * claims it has it until the claim ends, so what a dead node has left is taken by another.
 */
#ifndef LLMQ_STORE_OUTBOX_H
#define LLMQ_STORE_OUTBOX_H

#include "core/job.h"
#include "store/store.h"

/** A notice; strings in the pool of the call that gave it. */
typedef struct llmq_outbox_t {
    apr_int64_t seq;
    const char *tenant;
    const char *job;  /* its id */
    const char *url;  /* as core/callback keeps it */
    const char *host; /* of the url, with its port */
    apr_time_t happened_at;
    llmq_kind_e kind;
    llmq_status_e status; /* what the job became */
    int tries;            /* those that failed */
} llmq_outbox_t;

/** Which notices are wanted. */
typedef struct llmq_outbox_filter_t {
    const char *const *not_hosts; /* those who are left alone for now */
    int n_not_hosts;
    int per_host; /* most of one host */
    int limit;    /* most in all */
} llmq_outbox_filter_t;

/**
 * Notices that are due, those longest due first.
 * @param prows  out: array
 * @param pn     out: their number
 * @param store  the store
 * @param filter which
 * @param now    the present
 * @param p      pool of the array
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads the courier
 */
apr_status_t llmq_store_outbox_due(llmq_outbox_t **prows, int *pn, llmq_store_t *store,
                                   const llmq_outbox_filter_t *filter, apr_time_t now,
                                   apr_pool_t *p);

/**
 * Claim notices: nobody else gets them before @a until.
 * @param rows  notices that were due; those that could be claimed are moved to the front
 * @param pn    in: their number; out: how many were claimed
 * @param store the store
 * @param until when the claim ends
 * @param now   the present
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads the courier
 */
apr_status_t llmq_store_outbox_claim(llmq_outbox_t *rows, int *pn, llmq_store_t *store,
                                     apr_time_t until, apr_time_t now, apr_pool_t *p);

/**
 * The jobs that notices tell of, in whatever state they are now.
 * @param pjobs out: array as @a rows, NULL where a job is gone
 * @param store the store
 * @param rows  the notices
 * @param n     their number
 * @param p     pool of the jobs
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads the courier
 */
apr_status_t llmq_store_outbox_jobs(llmq_job_t ***pjobs, llmq_store_t *store,
                                    const llmq_outbox_t *rows, int n, apr_pool_t *p);

/** What becomes of a notice after a try. */
typedef struct llmq_outbox_fate_t {
    apr_int64_t seq;
    int gone;          /* non-zero: it leaves, taken or given up */
    apr_time_t due_at; /* else: when it is tried again */
    int tries;         /* and how many have failed so far */
} llmq_outbox_fate_t;

/**
 * Write what became of notices. Doing it twice is as good as once.
 * @param store the store
 * @param fates what became of them
 * @param n     their number
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads the courier
 */
apr_status_t llmq_store_outbox_settle(llmq_store_t *store,
                                      const llmq_outbox_fate_t *fates, int n,
                                      apr_pool_t *p);

#endif /* LLMQ_STORE_OUTBOX_H */
