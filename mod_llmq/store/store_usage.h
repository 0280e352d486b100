/**
 * @file store_usage.h
 * What was used: requests and tokens by day, caller, API key and model of a tenant. It is written
 * with the outcomes of jobs (llmq_store_job_finish()), in one transaction and under the
 * same fence, on PostgreSQL by the very statement: an attempt that ends is counted once, whoever asks twice. Only its node
 * writes a row, so that finishers of several nodes never wait for one another.
 */
#ifndef LLMQ_STORE_USAGE_H
#define LLMQ_STORE_USAGE_H

#include "core/usage.h"
#include "store/store_job.h"

/** Which usage. NULL does not filter. */
typedef struct llmq_usage_query_t {
    const char *tenant; /* NULL: of all */
    const char *caller;
    const char *api_key;
    const char *model;
    int since;     /* first day */
    int until;     /* last day */
    int page;      /* >= 1 */
    int page_size; /* >= 1 */
} llmq_usage_query_t;

/**
 * @param outcome about to be written
 * @return non-zero if it has used something that counts
 * @threads any
 */
int llmq_store_usage_counts(const llmq_outcome_t *outcome);

/**
 * Append what an outcome used, as members of the outcome's own object, to an outcome of
 * llmq_finish_used on PostgreSQL. Nothing is appended where nothing counts.
 * @param t       within the object, behind its members
 * @param outcome about to be written
 * @threads any
 */
void llmq_store_usage_row(llmq_text_t *t, const llmq_outcome_t *outcome);

/**
 * @param outcomes about to be written
 * @param n        their number
 * @param p        pool of the text
 * @return the parameter of llmq_finish_used on SQLite, with those that count
 * @threads any
 */
const char *llmq_store_usage_rows(const llmq_outcome_t *outcomes, int n, apr_pool_t *p);

/**
 * @param plist  out: newest day first, of each day by tenant, caller, model and key;
 *               in @a p
 * @param pn     out: their number
 * @param store  the store
 * @param query  which
 * @param p      pool of the list
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_usage_list(llmq_usage_t **plist, int *pn, llmq_store_t *store,
                                   const llmq_usage_query_t *query, apr_pool_t *p);

/**
 * @param sum    out: over all that matches
 * @param ptotal out: how many rows the list has in all
 * @param store  the store
 * @param query  which; its page does not matter
 * @param p      scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_usage_total(llmq_usage_sum_t *sum, apr_int64_t *ptotal,
                                    llmq_store_t *store, const llmq_usage_query_t *query,
                                    apr_pool_t *p);

#endif /* LLMQ_STORE_USAGE_H */
