/**
 * @file settle.h
 * Settling what jobs were charged with when they were accepted (core/charge.h): tokens were
 * estimated, and what they cost was not known. Whoever writes the end of a job settles it at
 * once (dispatch/spent.h). Ends come by many other ways too, from outside workers, by deletion,
 * cancellation, expired leases and clients that leave before their turn; those are looked for
 * in the store.
 */
#ifndef LLMQ_SETTLE_H
#define LLMQ_SETTLE_H

#include "core/ledger.h"
#include "store/store.h"

/** What a job has really used. */
typedef struct llmq_settle_t {
    apr_int64_t tokens; /* -1: nobody knows, the estimate stands */
    apr_int64_t cost;   /* millionths */
} llmq_settle_t;

/**
 * Settle one job. An account that this node does not know is read from the store first: it may be
 * another node's job.
 * @param text   its charges; NULL: there are none
 * @param used   what it has used
 * @param ledger the table
 * @param store  of the thread
 * @param p      scratch
 * @threads any
 */
void llmq_settle_job(const char *text, const llmq_settle_t *used, llmq_ledger_t *ledger,
                     llmq_store_t *store, apr_pool_t *p);

/**
 * Settle what is over and was not settled yet, of whatever node. Of what was completed the
 * `usage` of the stored result counts, all else has used nothing.
 * @param ledger the table
 * @param store  of the thread
 * @param p      scratch, is cleared
 * @return APR_SUCCESS; LLMQ_ESTORE: it is tried again the next time
 * @threads the first thread
 */
apr_status_t llmq_settle_sweep(llmq_ledger_t *ledger, llmq_store_t *store, apr_pool_t *p);

#endif /* LLMQ_SETTLE_H */
