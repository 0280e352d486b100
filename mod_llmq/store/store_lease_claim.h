/**
 * @file store_lease_claim.h
 * Jobs that come into the hands of workers. A claim is conditional on the state in which the
 * job was taken from the queue; requests write through a group commit (store_commit.h).
 */
#ifndef LLMQ_STORE_LEASE_CLAIM_H
#define LLMQ_STORE_LEASE_CLAIM_H

#include "core/job.h"
#include "store/store_commit.h"

#include <apr_hash.h>

/** A job that shall be a worker's. */
typedef struct llmq_lease_claim_t {
    const char *id;
    const char *tenant;
    int attempt;       /* its fence, as it was taken from the queue; stays */
    const char *owner; /* the worker */
    const char *token; /* llmq_lease_token() */
    apr_time_t until;  /* end of the lease; a task's time-out may end it sooner */
    apr_time_t now;
} llmq_lease_claim_t;

/** Who hears of jobs that were given to a caller that had gone by then. */
typedef struct llmq_lease_orphans_t {
    /**
     * @param ctx  as below
     * @param jobs as they are stored now; NULL among them
     * @param n    their number
     * @param p    scratch
     * @threads the committer
     */
    void (*fn)(void *ctx, llmq_job_t *const *jobs, int n, apr_pool_t *p);
    void *ctx;
} llmq_lease_orphans_t;

/**
 * What a committer of claims writes.
 * @param writer  out
 * @param orphans borrowed as long as the committer; NULL: nobody
 * @phase child
 */
void llmq_store_lease_claim_writer(llmq_commit_writer_t *writer,
                                   llmq_lease_orphans_t *orphans);

/**
 * Give jobs to workers: PROCESSING, with owner, token and lease, one delivery more.
 * @param pjobs  out: the jobs as they are stored now, whole records in @a p, in the order of
 *               @a from; NULL where the job is not as it was taken any more
 * @param c      a committer of claims
 * @param from   which and for whom; ids of at most LLMQ_ID_MAX bytes
 * @param n      their number (> 0)
 * @param p      pool of the records
 * @return APR_SUCCESS; LLMQ_ESTORE the outcome is unknown; LLMQ_EROW one of the texts is
 *         refused; APR_EOF the process is stopping
 * @threads any
 */
apr_status_t llmq_store_lease_claim(llmq_job_t ***pjobs, llmq_commit_t *c,
                                    const llmq_lease_claim_t *from, int n, apr_pool_t *p);

/**
 * Note where the outcome of a row belongs. Two rows of one job in one statement would leave
 * one of them unwritten, and its caller would hear what became of the other: such a batch
 * is refused, so that it is halved until they are apart.
 * @param places by id
 * @param id     of a row
 * @param place  where its outcome belongs
 * @return non-zero if there was none of this id yet
 * @threads the committer
 */
int llmq_store_lease_claim_note(apr_hash_t *places, const char *id, const void *place);

#endif /* LLMQ_STORE_LEASE_CLAIM_H */
