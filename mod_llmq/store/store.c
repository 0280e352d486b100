#include "store/store.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/store_run.h"
#include "store/store_schema.h"

#include <apr_strings.h>

#include <string.h>

#define LOG_PAUSE apr_time_from_sec(60)

/* apr_dbd_sqlite3 tries a busy file 16 times with 100 ms between, each try as long as
 * SQLite's own patience; together they must not outlast the store's timeout by much. */
#define SQLITE_TRIES        16
#define SQLITE_SLEEP        apr_time_from_msec(100)
#define SQLITE_PATIENCE_MIN apr_time_from_msec(20)

apr_status_t llmq_store_create(llmq_store_t **pstore, const llmq_store_source_t *source,
                               const llmq_store_conf_t *conf, apr_pool_t *p)
{
    llmq_store_t *store = apr_pcalloc(p, sizeof(*store));

    store->source = *source;
    store->conf = *conf;
    store->slot = llmq_store_meter_join(conf->meter);
    if (conf->dialect == LLMQ_DIALECT_PGSQL) {
        apr_status_t rv = llmq_store_watch_create(&store->watch, p);

        if (rv != APR_SUCCESS)
            return rv;
    }
    *pstore = store;
    return APR_SUCCESS;
}

const llmq_store_conf_t *llmq_store_conf(const llmq_store_t *store)
{
    return &store->conf;
}

apr_status_t llmq_store_ping(llmq_store_t *store, apr_interval_time_t *ptook,
                             apr_pool_t *p)
{
    llmq_store_rows_t rows;
    apr_time_t begin = apr_time_now();
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_PING, NULL, p);

    if (rv != APR_SUCCESS)
        return rv;
    if (ptook)
        *ptook = apr_time_now() - begin;
    return APR_SUCCESS;
}

/* ------------------------------------------------------------------------------------- attach */

static int set_up_sqlite3(llmq_store_t *store, llmq_dbd_t *db, apr_pool_t *p)
{
    apr_interval_time_t patience =
        (store->conf.timeout - SQLITE_TRIES * SQLITE_SLEEP) / SQLITE_TRIES;
    const char *busy;

    if (patience < SQLITE_PATIENCE_MIN)
        patience = SQLITE_PATIENCE_MIN;
    busy = apr_psprintf(p, "PRAGMA busy_timeout=%d", (int)apr_time_as_msec(patience));
    db->light = 0;
    return llmq_store_dbd_plain(db, busy, p)
           || llmq_store_dbd_plain(db, "PRAGMA journal_mode=WAL", p)
           || llmq_store_dbd_plain(db, "PRAGMA synchronous=FULL", p);
}

/*
 * The dispatcher's batches are planned anew for each execution (0.1 to 0.4 ms, a batch
 * shares it): a plan that was made and kept while the table was nearly empty would read it
 * from end to end when it is large. An insert has only one plan, so who accepts keeps it,
 * which is worth a fifth of the rate. Looking rows up by index is not four times as dear as
 * reading them in a row, as the hot ones are in memory. Compiling statements (jit) costs
 * more than any of ours takes, and it is triggered by estimates. A process that stands still
 * within a transaction loses its connection, and with it the rows that it has locked.
 */
static int set_up_pgsql(llmq_store_t *store, llmq_dbd_t *db, apr_pool_t *p)
{
    const char *name = apr_pstrcat(p, "llmq ", store->conf.node, NULL);
    const char *sql = apr_psprintf(p,
                                   "SET statement_timeout = %d; "
                                   "SET idle_in_transaction_session_timeout = %d; "
                                   "SET jit = off; "
                                   "SET plan_cache_mode = %s; "
                                   "SET random_page_cost = 1.1; "
                                   "SET application_name = '%s'",
                                   (int)apr_time_as_msec(store->conf.timeout),
                                   (int)apr_time_as_msec(store->conf.timeout),
                                   store->conf.plan_afresh ? "force_custom_plan" : "auto",
                                   apr_dbd_escape(db->driver, p, name, db->handle));

    return llmq_store_dbd_plain(db, sql, p);
}

static apr_status_t migrate(llmq_store_t *store, llmq_dbd_t *db, apr_pool_t *p)
{
    static apr_uint64_t last;
    int found = 0;
    apr_status_t rv = llmq_store_schema_migrate(db, store->conf.dialect, &found, p);

    if (rv == LLMQ_EVERSION && llmq_log_once_per(&last, LOG_PAUSE))
        LLMQ_LOG(LLMQ_LOG_ERR, rv,
                 LLMQ_NO(0405) "the database has schema version %d, this module knows %d",
                 found, llmq_store_schema_known(store->conf.dialect));
    return rv;
}

/* Once a connection, so it is not worth a prepared statement. */
static int register_node(llmq_store_t *store, llmq_dbd_t *db, apr_pool_t *p)
{
    const char *node = store->conf.node;

    if (!node)
        return 0;
    node = apr_dbd_escape(db->driver, p, node, db->handle);
    return llmq_store_dbd_plain(
        db,
        apr_psprintf(p,
                     "INSERT INTO llmq_nodes (node) VALUES ('%s') "
                     "ON CONFLICT (node) DO NOTHING",
                     node),
        p);
}

static int set_up(llmq_store_t *store, llmq_dbd_t *db, apr_pool_t *p)
{
    return store->conf.dialect == LLMQ_DIALECT_PGSQL ? set_up_pgsql(store, db, p)
                                                     : set_up_sqlite3(store, db, p);
}

/* PostgreSQL migrates first: a migration may take longer than a statement is allowed to. */
static apr_status_t attach_locked(llmq_store_t *store, llmq_dbd_t *db, apr_pool_t *p)
{
    static apr_uint64_t last;
    int pgsql = store->conf.dialect == LLMQ_DIALECT_PGSQL;
    int failed = !pgsql && set_up(store, db, p);

    if (!failed && migrate(store, db, p) != APR_SUCCESS)
        return LLMQ_ESTORE;
    failed = failed || (pgsql && set_up(store, db, p)) || register_node(store, db, p);
    if (!failed)
        return APR_SUCCESS;
    if (llmq_log_once_per(&last, LOG_PAUSE))
        LLMQ_LOG(LLMQ_LOG_WARNING, LLMQ_ESTORE,
                 LLMQ_NO(0406) "a new connection cannot be set up: %s",
                 llmq_store_dbd_message(db->driver, db->handle, p));
    return LLMQ_ESTORE;
}

apr_status_t llmq_store_attach(llmq_store_t *store, llmq_dbd_t *db, apr_pool_t *p)
{
    apr_global_mutex_t *writers = store->conf.writers;
    apr_status_t rv;

    if (db->attached)
        return APR_SUCCESS;
    rv = writers ? apr_global_mutex_lock(writers) : APR_SUCCESS;
    if (rv != APR_SUCCESS)
        return LLMQ_ESTORE;
    rv = attach_locked(store, db, p);
    if (writers)
        apr_global_mutex_unlock(writers);
    db->attached = rv == APR_SUCCESS;
    return rv;
}

/* ------------------------------------------------------------------------------ direct source */

typedef struct {
    const char *driver;
    const char *params;
    apr_interval_time_t pause;
    apr_time_t retry_at; /* no attempt to open before this */
    llmq_dbd_t *db;      /* NULL while closed */
    apr_pool_t *pool;
} direct_t;

static apr_status_t direct_close(void *data)
{
    llmq_dbd_t *db = data;

    apr_dbd_close(db->driver, db->handle);
    return APR_SUCCESS;
}

static apr_status_t direct_open_in(direct_t *direct, apr_pool_t *p, const char **why)
{
    llmq_dbd_t *db = apr_pcalloc(p, sizeof(*db));
    apr_status_t rv = apr_dbd_get_driver(p, direct->driver, &db->driver);

    if (rv != APR_SUCCESS) {
        *why = "no such driver";
        return rv;
    }
    rv = apr_dbd_open_ex(db->driver, p, direct->params, &db->handle, why);
    if (rv != APR_SUCCESS)
        return rv;
    db->pool = p;
    db->statements = apr_hash_make(p);
    apr_pool_cleanup_register(p, db, direct_close, apr_pool_cleanup_null);
    direct->db = db;
    return APR_SUCCESS;
}

static apr_status_t direct_acquire(llmq_dbd_t **pdb, void *ctx, apr_pool_t *p)
{
    static apr_uint64_t last;
    direct_t *direct = ctx;
    const char *why = NULL;
    apr_pool_t *pool;
    apr_status_t rv;

    (void)p;
    if (!direct->db) {
        if (llmq_clock_now() < direct->retry_at)
            return LLMQ_ESTORE;
        apr_pool_create(&pool, direct->pool);
        rv = direct_open_in(direct, pool, &why);
        if (rv != APR_SUCCESS) {
            if (llmq_log_once_per(&last, LOG_PAUSE))
                LLMQ_LOG(LLMQ_LOG_WARNING, rv,
                         LLMQ_NO(0407) "cannot connect to the %s database: %.*s",
                         direct->driver, why ? (int)strcspn(why, "\r\n") : 0,
                         why ? why : "");
            apr_pool_destroy(pool);
            direct->retry_at = llmq_clock_now() + direct->pause;
            return LLMQ_ESTORE;
        }
    }
    *pdb = direct->db;
    return APR_SUCCESS;
}

static void direct_release(void *ctx, llmq_dbd_t *db, int broken)
{
    direct_t *direct = ctx;

    if (!broken)
        return;
    direct->db = NULL;
    apr_pool_destroy(db->pool);
}

void llmq_store_source_direct(llmq_store_source_t *source, const char *driver,
                              const char *params, apr_interval_time_t pause,
                              apr_pool_t *p)
{
    direct_t *direct = apr_pcalloc(p, sizeof(*direct));

    direct->driver = driver;
    direct->params = params;
    direct->pause = pause;
    direct->pool = p;
    source->acquire = direct_acquire;
    source->release = direct_release;
    source->ctx = direct;
}
