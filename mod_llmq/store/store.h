/**
 * @file store.h
 * The durable side: connections, prepared statements and transactions over apr_dbd. All
 * SQL of the project lives in store/, each statement with a label, once per dialect where
 * the dialects differ. The nouns have files of their own: store_schema (migrations),
 * store_job, store_node, store_commit (group commit).
 *
 * Connections come from a *source*, so that children borrow them from mod_dbd while the
 * dispatcher and the tests open their own. A connection prepares each statement when it
 * first needs it. After any failure its statements are forgotten and the call is tried
 * once more when the connection proves alive (a database restart silently loses prepared
 * statements); a dead connection is given back as broken and the caller gets LLMQ_ESTORE.
 * Wherever a call of the store is said to return LLMQ_ESTORE, it may return LLMQ_EMEMORY or
 * LLMQ_EDISK instead, when the database says that this is its trouble.
 *
 * SQLite has one writer: calls that write hold conf.writers, a mutex of all processes,
 * because apr_dbd_sqlite3 sleeps 100 ms whenever it finds the file busy.
 */
#ifndef LLMQ_STORE_H
#define LLMQ_STORE_H

#include "base/result.h"
#include "llmq.h"

#include "store/store_meter.h"

#include <apr_dbd.h>
#include <apr_global_mutex.h>
#include <apr_hash.h>
#include <apr_pools.h>
#include <apr_time.h>

typedef struct llmq_store_t llmq_store_t; /* one per process, shared by its threads */

typedef enum {
    LLMQ_DIALECT_SQLITE3 = 0,
    LLMQ_DIALECT_PGSQL = 1,
    LLMQ_DIALECT_COUNT
} llmq_dialect_e;

/** One open connection with what the store remembers about it; used by one thread at a time. */
typedef struct llmq_dbd_t {
    const apr_dbd_driver_t *driver;
    apr_dbd_t *handle;
    apr_pool_t *pool;       /* lives as long as the connection */
    apr_hash_t *statements; /* label → apr_dbd_prepared_t, filled by the store */
    int generation;         /* makes labels unique after statements were forgotten */
    int metered;            /* non-zero once it was counted as open */
    int attached;           /* non-zero once pragmas are set and the schema was checked */
    int light;              /* SQLite: commits do not wait for the disk now */
    void *ctx;              /* the source's own */
} llmq_dbd_t;

/** Where connections come from. */
typedef struct llmq_store_source_t {
    /**
     * Borrow a connection.
     * @return APR_SUCCESS; LLMQ_ESTORE none to be had now (already logged)
     * @threads any
     */
    apr_status_t (*acquire)(llmq_dbd_t **pdb, void *ctx, apr_pool_t *p);
    /**
     * Give it back. @param broken non-zero if it failed and must not be reused as it is
     * @threads the one that acquired it
     */
    void (*release)(void *ctx, llmq_dbd_t *db, int broken);
    void *ctx;
} llmq_store_source_t;

/** Settings; filled by cfg/ and glue/. */
typedef struct llmq_store_conf_t {
    llmq_dialect_e dialect;
    const char *node;            /* this server's name in the store; NULL: only looks */
    apr_interval_time_t timeout; /* longest wait of a caller for its commit */
    apr_interval_time_t node_timeout; /* a node silent for longer has lost its jobs */
    int plan_afresh;             /* PostgreSQL: plan each execution anew; see store.c */
    apr_global_mutex_t *writers; /* SQLite: one writer at a time; NULL for PostgreSQL */
    llmq_store_meter_t *meter;   /* counts what all processes do; NULL: not counted */
    apr_interval_time_t slow;    /* a statement that takes longer is slow; 0: none is */
} llmq_store_conf_t;

/**
 * @param pstore out: the store
 * @param source where connections come from; copied
 * @param conf   settings; copied, strings borrowed
 * @param p      pool, as long as the store
 * @return APR_SUCCESS
 * @phase child, dispatcher; @threads single
 */
apr_status_t llmq_store_create(llmq_store_t **pstore, const llmq_store_source_t *source,
                               const llmq_store_conf_t *conf, apr_pool_t *p);

/**
 * @param store the store
 * @return the settings it was made with; borrowed
 * @threads any
 */
const llmq_store_conf_t *llmq_store_conf(const llmq_store_t *store);

/**
 * A source of its own connection: opens it when first needed, keeps it, opens it anew
 * after it broke. After a failed open it refuses for @a pause without trying, so that a
 * database that is away costs one attempt per pause. One thread at a time.
 * @param source out
 * @param driver apr_dbd driver name ("sqlite3", "pgsql")
 * @param params its connection string; borrowed, never logged
 * @param pause  microseconds
 * @param p      pool of the source, as long as it
 * @phase dispatcher, tests; apr_dbd_init() was called
 */
void llmq_store_source_direct(llmq_store_source_t *source, const char *driver,
                              const char *params, apr_interval_time_t pause,
                              apr_pool_t *p);

/**
 * Is the database there? Runs a trivial query.
 * @param store the store
 * @param ptook out: microseconds it took; may be NULL
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_ping(llmq_store_t *store, apr_interval_time_t *ptook,
                             apr_pool_t *p);

#endif /* LLMQ_STORE_H */
