/**
 * @file store_lease.h
 * Jobs in the hands of workers: changes under a lease (core/lease.h has the terms), on
 * condition of the token and of a lease that has not ended. Requests write through a group
 * commit (store_commit.h), the dispatcher directly. How a worker gets a job:
 * store_lease_claim.h.
 */
#ifndef LLMQ_STORE_LEASE_H
#define LLMQ_STORE_LEASE_H

#include "core/lease.h"
#include "store/store_commit.h"

/** A change to a job that a worker has, or should have had. */
typedef struct llmq_lease_change_t {
    const char *tenant;
    llmq_kind_e kind;
    const char *id;
    /* The condition. */
    llmq_status_e
        from; /* PROCESSING: under the token; PENDING: taken for a claim that never
                           came, at the attempt */
    const char *token; /* of PROCESSING, else "" */
    int attempt;       /* its fence, -1 whatever it is */
    apr_time_t after;  /* lease_until > after … */
    apr_time_t before; /* … and <= before */
    /* What it becomes. */
    llmq_status_e to;  /* PROCESSING, PENDING, COMPLETED, FAILED */
    int next;          /* its fence from now on, -1 as it is */
    apr_time_t until;  /* PROCESSING: end of the lease */
    int implicit;      /* non-zero: the time-out does not end the lease sooner */
    int progress;      /* percent, -1 as it is */
    int retry_count;   /* -1 as it is */
    int deliveries;    /* -1 as it is */
    int dead_letter;   /* of FAILED */
    apr_time_t run_at; /* of PENDING */
    apr_time_t now;
    const char *note;   /* NULL as it is */
    const char *result; /* JSON text, NULL as it is */
    const char *error;  /* JSON object text, NULL as it is */
    /* out, when it was accepted */
    int accepted;
    int stored_attempt;
    apr_time_t stored_until;
    apr_time_t stored_started;
    const char *stored_owner; /* "" of a row that is pending again; in the pool */
    const char *stored_chain; /* its conversation, "" if none; in the pool */
} llmq_lease_change_t;

/**
 * The condition of a worker that has a token; everything else stays as it is.
 * @param change out; tenant, kind, id and token are to be set
 * @param now    the present
 * @threads any
 */
void llmq_store_lease_init(llmq_lease_change_t *change, apr_time_t now);

/**
 * What becomes of a job whose delivery has ended.
 * @param change  its condition is set; out: the rest
 * @param job     as it is stored
 * @param verdict of llmq_lease_decide()
 * @param error   JSON object text or NULL
 * @threads any
 */
void llmq_store_lease_follow(llmq_lease_change_t *change, const llmq_job_t *job,
                             const llmq_lease_verdict_t *verdict, const char *error);

/**
 * @return what a committer of changes writes; static
 * @phase child
 */
const llmq_commit_writer_t *llmq_store_lease_changes(void);

/**
 * Make one change.
 * @param change in; out: accepted and stored_…
 * @param store  of the committer
 * @param c      a committer of changes
 * @param p      scratch
 * @return APR_SUCCESS, also when it was not accepted; LLMQ_ESTORE the outcome is unknown;
 *         LLMQ_EROW one of the texts is refused; APR_EOF the process is stopping
 * @threads any
 */
apr_status_t llmq_store_lease_change(llmq_lease_change_t *change, llmq_store_t *store,
                                     llmq_commit_t *c, apr_pool_t *p);

/**
 * Make many changes to different jobs: one statement, one transaction.
 * @param changes in; out: accepted and stored_…
 * @param n       their number (> 0)
 * @param store   the store
 * @param p       scratch
 * @return APR_SUCCESS; LLMQ_ESTORE; LLMQ_EROW
 * @threads any
 */
apr_status_t llmq_store_lease_change_all(llmq_lease_change_t *changes, int n,
                                         llmq_store_t *store, apr_pool_t *p);

/**
 * Look at jobs whoever has them, removed ones too.
 * @param pjobs    out: whole records in @a p, in the order of @a ids; NULL: no such job
 * @param premoved out: array beside it, non-zero if the job was removed; may be NULL
 * @param store    the store
 * @param ids      which
 * @param n        their number (> 0)
 * @param p        pool of the records
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_lease_look(llmq_job_t ***pjobs, int **premoved,
                                   llmq_store_t *store, const char *const *ids, int n,
                                   apr_pool_t *p);

#endif /* LLMQ_STORE_LEASE_H */
