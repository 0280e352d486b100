/**
 * @file claim.h
 * Work for workers outside. A claim says for whom, of which kinds and types, and how many;
 * trying it takes what is ready from the queues, makes it the worker's in the store, and
 * writes the answer.
 *
 * Who has a job while this happens: the queue marks what was taken as running, under a
 * lease of a few seconds that no store knows. When the store has written the claim, the
 * queue is told the lease that holds. Should this process die in between, or the store not
 * answer, the dispatcher's lease keeper finds the entry when those seconds are over, looks
 * what the store says, and makes it ready again or leaves it to the worker that has it.
 *
 * @threads any; waits for a commit
 */
#ifndef LLMQ_CLAIM_H
#define LLMQ_CLAIM_H

#include "http/service.h"
#include "queue/queue_claim.h"

/** Bit of a kind. */
#define LLMQ_CLAIM_KIND(kind) (1U << (kind))

/** What a worker asks for. */
typedef struct llmq_claim_t {
    const char *tenant;
    const char *worker;
    unsigned kinds;            /* LLMQ_CLAIM_KIND() bits, not 0 */
    apr_uint64_t of_tenant;    /* the tenant in the queue of messages */
    const apr_uint64_t *lanes; /* its types in the queue of tasks */
    int n_lanes;               /* up to LLMQ_QUEUE_FILTER_MAX */
    int limit;                 /* most jobs, > 0 */
    apr_interval_time_t lease; /* how long it has them without a word, > 0 */
    apr_interval_time_t wait;  /* how long it waits for the first, 0 = not at all */
} llmq_claim_t;

/** What it is answered. */
typedef struct llmq_claim_answer_t {
    const char *body;              /* JSON text {"tasks":[…]}, in the pool of the try */
    apr_size_t len;                /* its bytes */
    int n;                         /* jobs in it */
    const llmq_job_t *const *jobs; /* these */
} llmq_claim_answer_t;

/**
 * What the queue of a kind may give to a claim.
 * @param filter out; borrows from @a claim
 * @param claim  the claim
 * @param kind   which queue
 * @return non-zero if the claim asks for this kind
 */
int llmq_claim_filter(llmq_queue_filter_t *filter, const llmq_claim_t *claim,
                      llmq_kind_e kind);

/**
 * Could a try give something to this claim now? A hint, without a lock.
 * @param claim   the claim
 * @param service the service of this process
 * @return non-zero if so
 */
int llmq_claim_has_ready(const llmq_claim_t *claim, const llmq_service_t *service);

/**
 * Try claims, one after another from what is ready, with one statement for all.
 * @param answers out: array beside @a claims; those that get nothing have n 0 and an empty
 *                list
 * @param claims  the claims, in the order in which they are served
 * @param n       their number (> 0)
 * @param service the service of this process
 * @param p       pool of the answers
 * @return APR_SUCCESS; APR_EINCOMPLETE the queue is being rebuilt; LLMQ_ESTORE, LLMQ_EDISK
 *         …: nobody got anything, what was taken comes back by itself; APR_EOF the process
 *         is stopping
 */
apr_status_t llmq_claim_try(llmq_claim_answer_t *answers, const llmq_claim_t *claims,
                            int n, const llmq_service_t *service, apr_pool_t *p);

/**
 * Give back what the store has made a worker's whose request had been given up by then: as
 * if the worker had released it.
 * @param ctx  the llmq_service_t
 * @param jobs as they are stored now; NULL among them
 * @param n    their number
 * @param p    scratch
 * @threads the committer of claims
 */
void llmq_claim_return(void *ctx, llmq_job_t *const *jobs, int n, apr_pool_t *p);

#endif /* LLMQ_CLAIM_H */
