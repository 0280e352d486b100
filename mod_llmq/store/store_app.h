/**
 * @file store_app.h
 * Apps and their configurations. Whose app it is, is the caller's business: all calls name
 * the tenant only.
 */
#ifndef LLMQ_STORE_APP_H
#define LLMQ_STORE_APP_H

#include "core/app.h"
#include "store/store.h"

/** Which app. */
typedef struct llmq_app_ref_t {
    const char *tenant;
    const char *id;
} llmq_app_ref_t;

/**
 * @param store where to
 * @param app   id, tenant, owner, name, icon, description and created_at; the rest begins
 *              empty
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_create(llmq_store_t *store, const llmq_app_t *app,
                                   apr_pool_t *p);

/**
 * @param papp  out: in @a p, with its configurations
 * @param store the store
 * @param ref   which
 * @param p     pool
 * @return APR_SUCCESS; APR_NOTFOUND none of this tenant, or removed; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_find(llmq_app_t **papp, llmq_store_t *store,
                                 const llmq_app_ref_t *ref, apr_pool_t *p);

/** Which apps. */
typedef struct llmq_app_query_t {
    const char *tenant;
    const char *owner; /* NULL: anybody's */
    int page;          /* from 1 */
    int page_size;     /* > 0 */
} llmq_app_query_t;

/**
 * Apps, the newest first.
 * @param papps  out: array in @a p
 * @param pn     out: their number
 * @param ptotal out: how many there are on all pages
 * @param store  the store
 * @param query  which
 * @param p      pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_list(llmq_app_t **papps, int *pn, apr_int64_t *ptotal,
                                 llmq_store_t *store, const llmq_app_query_t *query,
                                 apr_pool_t *p);

/**
 * @param store the store
 * @param ref   which
 * @param patch what to change
 * @param now   the present
 * @param p     scratch
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_change(llmq_store_t *store, const llmq_app_ref_t *ref,
                                   const llmq_app_patch_t *patch, apr_time_t now,
                                   apr_pool_t *p);

/**
 * Remove softly: nobody sees it any more.
 * @param store the store
 * @param ref   which
 * @param now   the present
 * @param p     scratch
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_remove(llmq_store_t *store, const llmq_app_ref_t *ref,
                                   apr_time_t now, apr_pool_t *p);

/**
 * Write the draft. One that is there keeps its id.
 * @param store  the store
 * @param ref    of the app
 * @param config id (where there is none yet), rounds, memory, model and updated_at
 * @param p      scratch
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_draft(llmq_store_t *store, const llmq_app_ref_t *ref,
                                  const llmq_app_config_t *config, apr_pool_t *p);

/**
 * Publish a copy of the draft. One that is published keeps its id.
 * @param store the store
 * @param ref   of the app
 * @param id    of the published configuration, where there is none yet
 * @param now   the present
 * @param p     scratch
 * @return APR_SUCCESS; APR_NOTFOUND there is no draft; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_publish(llmq_store_t *store, const llmq_app_ref_t *ref,
                                    const char *id, apr_time_t now, apr_pool_t *p);

/**
 * Remove what is published; the draft stays. The app changes with it.
 * @param store the store
 * @param ref   of the app
 * @param now   the present
 * @param p     scratch
 * @return APR_SUCCESS; APR_NOTFOUND nothing is; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_withdraw(llmq_store_t *store, const llmq_app_ref_t *ref,
                                     apr_time_t now, apr_pool_t *p);

/**
 * Make a new app, whose draft is what another one is tried out with. All or nothing.
 * @param store  the store
 * @param app    the new one, as for llmq_store_app_create()
 * @param config id of its draft
 * @param from   id of the other one, of the same tenant
 * @param p      scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_copy(llmq_store_t *store, const llmq_app_t *app,
                                 const char *config, const char *from, apr_pool_t *p);

#endif /* LLMQ_STORE_APP_H */
