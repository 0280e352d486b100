/**
 * @file store_census.h
 * What has become of the tasks of a tenant, counted row by row when asked. One statement
 * reads them once, so all figures are of one moment.
 */
#ifndef LLMQ_STORE_CENSUS_H
#define LLMQ_STORE_CENSUS_H

#include "store/store.h"

/** Tasks of a type that stand alike. */
typedef struct llmq_census_t {
    const char *type;
    llmq_status_e status;
    int backing_off; /* non-zero: failed, and waiting to be tried again */
    apr_int64_t count;
    apr_int64_t timed;        /* of those that have ended, with a known start */
    apr_interval_time_t busy; /* last attempts of those, all together */
    apr_int64_t ended_lately; /* completed, failed or timed out since the moment asked */
} llmq_census_t;

/** Which tasks. */
typedef struct llmq_census_filter_t {
    const char *tenant;
    const char *user;  /* of whom (S3: kb_id); NULL: of all */
    apr_time_t lately; /* since when ends count as late ones */
    apr_time_t now;
} llmq_census_filter_t;

/**
 * @param prows  out: by type and status
 * @param pn     out: their number
 * @param store  the store
 * @param filter which tasks
 * @param p      pool of the rows
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_census_take(llmq_census_t **prows, int *pn, llmq_store_t *store,
                                    const llmq_census_filter_t *filter, apr_pool_t *p);

/** Which waiting tasks. */
typedef struct llmq_census_queue_t {
    const char *tenant;
    const char *type;   /* NULL: all */
    llmq_level_e level; /* LLMQ_LEVEL_NONE: all */
} llmq_census_queue_t;

/**
 * How many tasks wait, on all nodes: ready, scheduled or between two attempts. Reads only
 * what is unfinished.
 * @param pn    out
 * @param store the store
 * @param queue which of them
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_census_waiting(apr_int64_t *pn, llmq_store_t *store,
                                       const llmq_census_queue_t *queue, apr_pool_t *p);

/** Unfinished tasks of a node that stand alike. */
typedef struct llmq_backlog_sum_t {
    const char *type;
    llmq_level_e level;
    llmq_status_e status; /* PENDING or PROCESSING */
    int backing_off;      /* non-zero: failed, and waiting to be tried again */
    apr_int64_t count;
    apr_time_t oldest_due; /* since when the oldest that could begin could; 0: none */
} llmq_backlog_sum_t;

/**
 * The unfinished tasks of this node, of all tenants. Reads nothing else.
 * @param prows out: by type, level and status
 * @param pn    out: their number
 * @param store the store
 * @param now   the present
 * @param p     pool of the rows
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_census_open(llmq_backlog_sum_t **prows, int *pn,
                                    llmq_store_t *store, apr_time_t now, apr_pool_t *p);

/**
 * @param pn    out: tasks of this node that were given up, of all tenants
 * @param store the store
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_census_dead(apr_int64_t *pn, llmq_store_t *store, apr_pool_t *p);

#endif /* LLMQ_STORE_CENSUS_H */
