/**
 * @file store_setting.h
 * Settings that are made while the server runs and outlive it: rules of the preprocessor,
 * paused levels, drained backends. A value is JSON text; whoever owns a name knows its shape.
 * @threads any
 */
#ifndef LLMQ_STORE_SETTING_H
#define LLMQ_STORE_SETTING_H

#include "store/store.h"

/** The names in use. */
#define LLMQ_SETTING_RULES           "rules"
#define LLMQ_SETTING_USER_PRIORITIES "user_priorities"
#define LLMQ_SETTING_PAUSED          "paused"
#define LLMQ_SETTING_MAINTENANCE     "maintenance"
#define LLMQ_SETTING_DRAINED         "drained" /* of the whole server: tenant "" */

typedef struct llmq_setting_t {
    const char *tenant; /* "" for the whole server */
    const char *name;
    const char *value; /* JSON text */
    apr_time_t changed_at;
} llmq_setting_t;

/**
 * Store a setting, in place of an older one. Afterwards tell the processes by
 * llmq_queue_settings_changed().
 * @param store  the store
 * @param tenant whose, "" for the whole server
 * @param name   which
 * @param value  JSON text
 * @param p      scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_setting_put(llmq_store_t *store, const char *tenant,
                                    const char *name, const char *value, apr_pool_t *p);

/**
 * As llmq_store_setting_put(), but only if nobody has changed the setting since it was read.
 * @param store    the store
 * @param s        tenant, name and value to store; changed_at is that of the setting that
 *                 was read, 0 if there was none
 * @param p        scratch
 * @return APR_SUCCESS; APR_EAGAIN somebody else has changed it, read it again; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_setting_swap(llmq_store_t *store, const llmq_setting_t *s,
                                     apr_pool_t *p);

/**
 * What becomes of a value.
 * @param ctx   the caller's
 * @param value what is stored, NULL if nothing is
 * @param p     pool of the result
 * @return what shall be stored; NULL: it is right as it is
 * @threads the caller's
 */
typedef const char *llmq_setting_change_fn_t(void *ctx, const char *value, apr_pool_t *p);

/**
 * Read a setting, change it, store it; again from the start where somebody else was faster.
 * Afterwards tell the processes by llmq_queue_settings_changed().
 * @param store  the store
 * @param tenant whose, "" for the whole server
 * @param name   which
 * @param change called once a try
 * @param ctx    for @a change
 * @param p      scratch
 * @return APR_SUCCESS; LLMQ_ESTORE also when others were faster again and again
 * @threads any
 */
apr_status_t llmq_store_setting_change(llmq_store_t *store, const char *tenant,
                                       const char *name, llmq_setting_change_fn_t *change,
                                       void *ctx, apr_pool_t *p);

/**
 * Read one.
 * @param psetting out
 * @param store    the store
 * @param tenant   whose
 * @param name     which
 * @param p        pool of the texts
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_setting_get(llmq_setting_t *psetting, llmq_store_t *store,
                                    const char *tenant, const char *name, apr_pool_t *p);

/**
 * Read the settings of one name, of all tenants.
 * @param psettings out: array, in @a p
 * @param pn        out: their number
 * @param store     the store
 * @param name      which
 * @param p         pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_setting_list(llmq_setting_t **psettings, int *pn,
                                     llmq_store_t *store, const char *name,
                                     apr_pool_t *p);

/**
 * When was one changed last, by any node?
 * @param pwhen out: 0 if there is none
 * @param store the store
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_setting_newest(apr_time_t *pwhen, llmq_store_t *store,
                                       apr_pool_t *p);

#endif /* LLMQ_STORE_SETTING_H */
