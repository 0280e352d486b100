/**
 * @file store_worker.h
 * Workers as the database knows them: a row for each node that has heard of one. A node
 * writes its own rows only, whole sums, so that writing twice is as good as once; a row that
 * is behind what is stored changes nothing.
 */
#ifndef LLMQ_STORE_WORKER_H
#define LLMQ_STORE_WORKER_H

#include "core/roster.h"
#include "store/store.h"

/** A row: what a node has heard of a worker. */
typedef struct llmq_worker_row_t {
    llmq_worker_t worker; /* names, started, seen and counts are stored */
    const char *node;
    int ours; /* non-zero: of the store's own node */
} llmq_worker_row_t;

/** Which rows. */
typedef struct llmq_worker_filter_t {
    const char *tenant; /* NULL: of all */
    const char *node;   /* NULL: of all */
} llmq_worker_filter_t;

/**
 * @param prows  out: by tenant, worker and node
 * @param pn     out: their number
 * @param store  the store
 * @param filter which rows
 * @param p      pool of the rows
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_worker_list(llmq_worker_row_t **prows, int *pn,
                                    llmq_store_t *store,
                                    const llmq_worker_filter_t *filter, apr_pool_t *p);

/**
 * What this node has stored of some workers.
 * @param prows out: rows of those that have one
 * @param pn    out: their number
 * @param store the store
 * @param keys  workers, of which the names are read
 * @param n     their number (> 0)
 * @param p     pool of the rows
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_worker_load(llmq_worker_row_t **prows, int *pn,
                                    llmq_store_t *store, const llmq_worker_t *const *keys,
                                    int n, apr_pool_t *p);

/**
 * Write rows of this node.
 * @param store   the store
 * @param workers what to write, each once
 * @param n       their number (> 0)
 * @param p       scratch
 * @return APR_SUCCESS; LLMQ_ESTORE unknown whether they are written
 * @threads any
 */
apr_status_t llmq_store_worker_save(llmq_store_t *store,
                                    const llmq_worker_t *const *workers, int n,
                                    apr_pool_t *p);

/**
 * Remove the rows of workers that have been silent for long, of all nodes.
 * @param store  the store
 * @param before the last sign of life is older than this
 * @param p      scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_worker_prune(llmq_store_t *store, apr_time_t before,
                                     apr_pool_t *p);

/** What a worker has in its hands: tasks and messages that run under a lease. */
typedef struct llmq_worker_hand_t {
    const char *worker;
    const char *latest; /* id of what it has begun last */
    apr_int64_t count;
} llmq_worker_hand_t;

/**
 * What the workers of a tenant have in their hands now, whatever node gave it to them.
 * @param phands out: by worker
 * @param pn     out: their number
 * @param store  the store
 * @param tenant of which tenant
 * @param p      pool of the rows
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_worker_hands(llmq_worker_hand_t **phands, int *pn,
                                     llmq_store_t *store, const char *tenant,
                                     apr_pool_t *p);

#endif /* LLMQ_STORE_WORKER_H */
