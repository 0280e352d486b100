/**
 * @file store_stat.h
 * Sums over the messages that were accepted in a minute or in ten, by node, tenant and
 * level. A node writes its own rows only, so it may read, add and write; readers see those
 * of all nodes.
 *
 * What is added comes in numbered batches. The number of the last one is written with the
 * sums, in one statement: a batch that is in them already changes nothing, and who reads
 * sums learns up to which batch they go.
 */
#ifndef LLMQ_STORE_STAT_H
#define LLMQ_STORE_STAT_H

#include "base/histogram.h"
#include "store/store.h"

#define LLMQ_STAT_MINUTE 60  /* seconds of a bucket; kept for seven hours */
#define LLMQ_STAT_TEN    600 /* kept for eight days */

typedef struct llmq_stat_t {
    apr_uint64_t tenant; /* hash of its name */
    int level;
    int resolution;     /* LLMQ_STAT_MINUTE or LLMQ_STAT_TEN */
    apr_int64_t bucket; /* its first second since 1970 */
    apr_int64_t accepted;
    apr_int64_t completed;
    apr_int64_t failed;
    apr_int64_t timeouts;
    apr_int64_t removed;
    llmq_histogram_t waits;
    llmq_histogram_t runs;
} llmq_stat_t;

/**
 * Add counts and times; the key of @a stat stays.
 * @param stat what grows
 * @param from what is added
 * @threads any
 */
void llmq_store_stat_add(llmq_stat_t *stat, const llmq_stat_t *from);

/**
 * Add to each what this node has stored for its key.
 * @param stats  in: different keys and what is new; out: the sums
 * @param n      their number
 * @param pbatch out: the last batch that is in the stored sums, 0 if none
 * @param store  the store
 * @param p      scratch
 * @return APR_SUCCESS; LLMQ_ESTORE nothing was added
 * @threads any
 */
apr_status_t llmq_store_stat_load(llmq_stat_t *stats, int n, apr_int64_t *pbatch,
                                  llmq_store_t *store, apr_pool_t *p);

/**
 * Write sums, unless this batch is in the stored ones already.
 * @param store the store
 * @param stats the sums
 * @param n     their number (> 0)
 * @param batch the batch that they include now, > 0
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE unknown whether they are written
 * @threads any
 */
apr_status_t llmq_store_stat_save(llmq_store_t *store, const llmq_stat_t *stats, int n,
                                  apr_int64_t batch, apr_pool_t *p);

/**
 * Sum up a tenant since a time, over all nodes.
 * @param stats      out: LLMQ_LEVEL_COUNT, by level; slot 0 stays empty
 * @param pbatch     out: the last batch of this node that is in them, 0 if none
 * @param store      the store
 * @param tenant     hash of its name
 * @param resolution LLMQ_STAT_MINUTE or LLMQ_STAT_TEN
 * @param since      the first bucket, seconds since 1970
 * @param p          scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_stat_sum(llmq_stat_t *stats, apr_int64_t *pbatch,
                                 llmq_store_t *store, apr_uint64_t tenant, int resolution,
                                 apr_int64_t since, apr_pool_t *p);

/**
 * Remove what is older than is kept, of all nodes.
 * @param store the store
 * @param now   the present
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_stat_prune(llmq_store_t *store, apr_time_t now, apr_pool_t *p);

#endif /* LLMQ_STORE_STAT_H */
