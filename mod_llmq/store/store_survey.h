/**
 * @file store_survey.h
 * What an operator wants to see of the whole database, over all nodes and tenants. Reads
 * every row of llmq_jobs or llmq_sessions: for people, not for requests.
 */
#ifndef LLMQ_STORE_SURVEY_H
#define LLMQ_STORE_SURVEY_H

#include "store/store.h"

/** How many jobs of a kind of state there are. */
typedef struct llmq_survey_t {
    const char *tenant;
    llmq_kind_e kind;
    llmq_level_e level;
    llmq_status_e status;
    int dead; /* given up */
    apr_int64_t count;
    apr_time_t oldest; /* when the oldest of them was accepted */
} llmq_survey_t;

/**
 * Count all jobs that are not removed.
 * @param prows  out: by tenant, kind, level, status and dead, in this order
 * @param pn     out: their number
 * @param store  the store
 * @param tenant of which tenant; NULL: of all
 * @param p      pool of the rows
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_survey_jobs(llmq_survey_t **prows, int *pn, llmq_store_t *store,
                                    const char *tenant, apr_pool_t *p);

/** A node that has used the database. */
typedef struct llmq_survey_node_t {
    const char *name;
    apr_time_t heartbeat; /* of its dispatcher; 0: it has none, or has left */
    apr_time_t started;
} llmq_survey_node_t;

/**
 * @param pnodes out: by name
 * @param pn     out: their number
 * @param store  the store
 * @param p      pool of the rows
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_survey_nodes(llmq_survey_node_t **pnodes, int *pn,
                                     llmq_store_t *store, apr_pool_t *p);

/** Sessions of a tenant that stand alike. */
typedef struct llmq_survey_session_t {
    const char *tenant;
    int status; /* llmq_session_status_e */
    apr_int64_t count;
    apr_int64_t messages; /* in all of them */
    apr_time_t latest;    /* when the last message came; 0: none yet */
} llmq_survey_session_t;

/**
 * Count all sessions.
 * @param prows  out: by tenant and status
 * @param pn     out: their number
 * @param store  the store
 * @param tenant of which tenant; NULL: of all
 * @param p      pool of the rows
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_survey_sessions(llmq_survey_session_t **prows, int *pn,
                                        llmq_store_t *store, const char *tenant,
                                        apr_pool_t *p);

#endif /* LLMQ_STORE_SURVEY_H */
