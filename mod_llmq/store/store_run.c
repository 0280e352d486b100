#include "store/store_run.h"

#include "base/log.h"
#include "store/store_blame.h"

#include <apr_strings.h>

#include <string.h>

#define LOG_PAUSE apr_time_from_sec(10)

/** What is left of a connection after a failure. */
typedef enum {
    STATE_ALIVE,   /* it answers: the statement failed */
    STATE_REVIVED, /* it had died and was opened again: its session is gone */
    STATE_DEAD
} state_e;

/** One statement, or one transaction, under way. */
typedef struct llmq_store_txn_t {
    llmq_store_t *store;
    llmq_dbd_t *db;
    const llmq_store_sql_t *sql; /* the statement, the latest one */
    const char **args;
    const char *message; /* of the last failure */
    apr_pool_t *pool;
    llmq_store_txn_fn_t *fn; /* of a transaction; NULL: one statement */
    void *ctx;               /* for fn */
    int writes;              /* holds the writers' lock */
    int again;               /* this is the second try */
    int broken;              /* give the connection back as broken */
} run_t;

/* ------------------------------------------------------------------------ bounded in time */

/* The server ends a statement by itself at the timeout; the watch is for one that does
 * not do anything any more. */
#define WATCH_SLACK  apr_time_from_sec(1)
#define ATTACH_LIMIT apr_time_from_sec(60) /* may migrate */

static void watch_begin(run_t *run, llmq_store_watched_t *call, apr_interval_time_t limit)
{
    if (run->store->watch)
        llmq_store_watch_begin(run->store->watch, call, run->db, limit);
}

static void watch_end(run_t *run, llmq_store_watched_t *call)
{
    if (run->store->watch)
        llmq_store_watch_end(run->store->watch, call);
}

/* Connections are counted where they are first used, as mod_dbd opens them unseen. */
static apr_status_t closed(void *data)
{
    llmq_store_meter_open(data, -1);
    return APR_SUCCESS;
}

static void meter_connection(run_t *run)
{
    llmq_store_slot_t *slot = run->store->slot;

    if (!slot || run->db->metered)
        return;
    run->db->metered = 1;
    llmq_store_meter_open(slot, 1);
    apr_pool_cleanup_register(run->db->pool, slot, closed, apr_pool_cleanup_null);
}

static apr_status_t attach(run_t *run)
{
    llmq_store_watched_t call;
    apr_status_t rv;

    if (run->db->attached)
        return APR_SUCCESS;
    watch_begin(run, &call, ATTACH_LIMIT);
    rv = llmq_store_attach(run->store, run->db, run->pool);
    if (rv == APR_SUCCESS)
        meter_connection(run);
    watch_end(run, &call);
    return rv;
}

/* @return 0 if the connection answers */
static int probe(run_t *run)
{
    llmq_store_watched_t call;
    int failed;

    watch_begin(run, &call, WATCH_SLACK);
    failed = llmq_store_dbd_plain(run->db, "SELECT 1", run->pool);
    watch_end(run, &call);
    return failed;
}

/* ---------------------------------------------------------------------------------- execution */

static apr_status_t writers_lock(run_t *run)
{
    apr_global_mutex_t *writers = run->store->conf.writers;

    if (!writers || !run->writes)
        return APR_SUCCESS;
    return apr_global_mutex_lock(writers);
}

static void writers_unlock(run_t *run)
{
    apr_global_mutex_t *writers = run->store->conf.writers;

    if (writers && run->writes)
        apr_global_mutex_unlock(writers);
}

/* @return 0; else the message is set */
static int execute_locked(llmq_store_rows_t *rows, run_t *run)
{
    llmq_dbd_t *db = run->db;
    apr_dbd_results_t *results = NULL;
    apr_dbd_prepared_t *statement =
        llmq_store_dbd_prepare(db, run->sql, run->store->conf.dialect, run->pool);

    if (!statement
        || apr_dbd_pselect(db->driver, run->pool, db->handle, &results, statement, 1, 0,
                           run->args)) {
        run->message = llmq_store_dbd_message(db->driver, db->handle, run->pool);
        return 1;
    }
    memset(rows, 0, sizeof(*rows));
    rows->driver = db->driver;
    rows->results = results;
    rows->pool = run->pool;
    rows->n = apr_dbd_num_tuples(db->driver, results);
    return 0;
}

static int plain(run_t *run, const char *sql)
{
    if (!llmq_store_dbd_plain(run->db, sql, run->pool))
        return 0;
    run->message = llmq_store_dbd_message(run->db->driver, run->db->handle, run->pool);
    return 1;
}

/* Each statement is to see what was committed before it. What is looked up is few rows of
 * large tables, one by one by index, whatever the planner has heard of the tables. */
#define BEGIN_PGSQL                                                                      \
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL enable_seqscan = off; "             \
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"

/* @return 0; else the message is set, and nothing was done but where COMMIT is what failed */
static int transact_locked(run_t *run)
{
    int pgsql = run->store->conf.dialect == LLMQ_DIALECT_PGSQL;
    int failed;

    if (plain(run, pgsql ? BEGIN_PGSQL : "BEGIN IMMEDIATE"))
        return 1;
    failed = run->fn(run->ctx, run, run->again, run->pool) != APR_SUCCESS
             || plain(run, "COMMIT");
    if (failed)
        llmq_store_dbd_plain(run->db, "ROLLBACK", run->pool);
    return failed;
}

/* SQLite has no such thing for a single transaction, so the connection is set when it
 * changes. In WAL mode NORMAL loses the last commits with the machine's power, and keeps the
 * database whole.
 * @return 0; else the message is set */
static int set_weight(run_t *run)
{
    int light = !run->fn && (run->sql->traits & LLMQ_SQL_LIGHT) != 0;

    if (run->store->conf.dialect != LLMQ_DIALECT_SQLITE3 || !run->writes
        || light == run->db->light)
        return 0;
    if (plain(run, light ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL"))
        return 1;
    run->db->light = light;
    return 0;
}

static int execute_metered(llmq_store_rows_t *rows, run_t *run)
{
    apr_interval_time_t limit = run->store->conf.slow;
    apr_time_t begun = apr_time_now();
    apr_interval_time_t took;
    int failed;

    llmq_store_meter_begin(run->store->slot);
    failed =
        set_weight(run) || (run->fn ? transact_locked(run) : execute_locked(rows, run));
    took = apr_time_now() - begun;
    llmq_store_meter_end(run->store->slot, took, limit && took > limit);
    if (limit && took > limit)
        LLMQ_LOG(LLMQ_LOG_INFO, 0, LLMQ_NO(0420) "%s took %d ms", run->sql->label,
                 (int)apr_time_as_msec(took));
    return failed;
}

static int execute(llmq_store_rows_t *rows, run_t *run)
{
    apr_status_t rv = writers_lock(run);
    llmq_store_watched_t call;
    int failed;

    if (rv != APR_SUCCESS) {
        LLMQ_LOG(LLMQ_LOG_ERR, rv, LLMQ_NO(0401) "cannot take the lock of the writers");
        run->message = "no lock";
        return 1;
    }
    watch_begin(run, &call, run->store->conf.timeout + WATCH_SLACK);
    failed = execute_metered(rows, run);
    watch_end(run, &call);
    writers_unlock(run);
    return failed;
}

/* ------------------------------------------------------------------------------------ failure */

static state_e examine(run_t *run)
{
    llmq_dbd_t *db = run->db;

    if (!probe(run))
        return STATE_ALIVE;
    if (apr_dbd_check_conn(db->driver, run->pool, db->handle) != APR_SUCCESS
        || probe(run))
        return STATE_DEAD;
    llmq_store_dbd_forget_all(db);
    db->attached = 0;
    return STATE_REVIVED;
}

static apr_status_t give_up(run_t *run)
{
    static apr_uint64_t last;
    apr_status_t rv;

    if (llmq_store_blame_is_row(run->sql, run->store->conf.dialect, run->message)) {
        LLMQ_LOG(LLMQ_LOG_INFO, LLMQ_EROW, LLMQ_NO(0402) "%s is refused: %s",
                 run->sql->label, run->message);
        return LLMQ_EROW;
    }
    /* SQLite answers whatever became of its file; only a new connection sees a new one. */
    run->broken = run->store->conf.dialect == LLMQ_DIALECT_SQLITE3
                  && !strstr(run->message, "locked");
    rv = llmq_store_blame_trouble(run->message);
    if (llmq_log_once_per(&last, LOG_PAUSE))
        LLMQ_LOG(LLMQ_LOG_WARNING, rv, LLMQ_NO(0403) "%s fails: %s", run->sql->label,
                 run->message);
    return rv;
}

static apr_status_t give_up_dead(run_t *run, state_e state)
{
    static apr_uint64_t last;

    run->broken = state == STATE_DEAD;
    if (llmq_log_once_per(&last, LOG_PAUSE))
        LLMQ_LOG(LLMQ_LOG_WARNING, LLMQ_ESTORE,
                 LLMQ_NO(0404) "the connection was lost in %s: %s", run->sql->label,
                 run->message);
    return LLMQ_ESTORE;
}

static apr_status_t run_again(llmq_store_rows_t *rows, run_t *run)
{
    state_e state;

    apr_status_t rv = attach(run);

    if (rv != APR_SUCCESS)
        return rv;
    run->again = 1;
    if (!execute(rows, run))
        return APR_SUCCESS;
    state = examine(run);
    return state == STATE_ALIVE ? give_up(run) : give_up_dead(run, state);
}

static apr_status_t run_on(llmq_store_rows_t *rows, run_t *run)
{
    state_e state;

    if (!execute(rows, run))
        return APR_SUCCESS;
    if (run->store->conf.dialect == LLMQ_DIALECT_SQLITE3
        && llmq_store_blame_is_row(run->sql, LLMQ_DIALECT_SQLITE3, run->message))
        return give_up(run);
    state = examine(run);
    if (state == STATE_ALIVE) {
        if (llmq_store_blame_is_lasting(run->message))
            return give_up(run);
        llmq_store_dbd_forget(run->db, run->sql, run->store->conf.dialect, run->pool);
        return run_again(rows, run);
    }
    if (state == STATE_REVIVED && (run->sql->traits & LLMQ_SQL_REPEAT))
        return run_again(rows, run);
    return give_up_dead(run, state);
}

static apr_status_t borrow_and_run(llmq_store_rows_t *rows, run_t *run)
{
    llmq_store_source_t *source = &run->store->source;
    apr_status_t rv = source->acquire(&run->db, source->ctx, run->pool);

    if (rv != APR_SUCCESS)
        return LLMQ_ESTORE;
    rv = attach(run);
    if (rv == APR_SUCCESS)
        rv = run_on(rows, run);
    else
        run->broken = probe(run) != 0;
    source->release(source->ctx, run->db, run->broken);
    return rv;
}

apr_status_t llmq_store_run(llmq_store_rows_t *rows, llmq_store_t *store,
                            llmq_store_sql_e what, const char **args, apr_pool_t *p)
{
    const llmq_store_sql_t *sql = llmq_store_sql_get(what);
    run_t run = {.store = store, .sql = sql, .args = args, .message = "", .pool = p};

    run.writes = sql->traits & LLMQ_SQL_WRITES;
    return borrow_and_run(rows, &run);
}

apr_status_t llmq_store_run_all(llmq_store_t *store, llmq_store_sql_e first,
                                llmq_store_txn_fn_t *fn, void *ctx, apr_pool_t *p)
{
    run_t run = {.store = store,
                 .sql = llmq_store_sql_get(first),
                 .message = "",
                 .pool = p,
                 .fn = fn,
                 .ctx = ctx,
                 .writes = 1};
    llmq_store_rows_t none; /* its statements have rows of their own */

    return borrow_and_run(&none, &run);
}

apr_status_t llmq_store_run_in(llmq_store_rows_t *rows, llmq_store_txn_t *txn,
                               llmq_store_sql_e what, const char **args)
{
    txn->sql = llmq_store_sql_get(what);
    txn->args = args;
    return execute_locked(rows, txn) ? LLMQ_ESTORE : APR_SUCCESS;
}

apr_status_t llmq_store_run_change(llmq_store_t *store, llmq_store_sql_e what,
                                   const char **args, apr_status_t none, apr_pool_t *p)
{
    llmq_store_rows_t rows = {0};
    apr_status_t rv = llmq_store_run(&rows, store, what, args, p);

    return rv == APR_SUCCESS && rows.n <= 0 ? none : rv;
}

/* --------------------------------------------------------------------------------------- rows */

int llmq_store_run_next(llmq_store_rows_t *rows)
{
    /* Never past the end: there the PostgreSQL driver frees all rows. */
    if (rows->next >= rows->n)
        return 0;
    if (apr_dbd_get_row(rows->driver, rows->pool, rows->results, &rows->row, -1))
        return 0;
    rows->next++;
    return 1;
}

const char *llmq_store_run_text(const llmq_store_rows_t *rows, int column)
{
    char *text = NULL;

    if (apr_dbd_datum_get(rows->driver, rows->row, column, APR_DBD_TYPE_STRING, &text))
        return NULL;
    return text;
}

apr_int64_t llmq_store_run_int(const llmq_store_rows_t *rows, int column)
{
    const char *text = llmq_store_run_text(rows, column);

    return text ? apr_atoi64(text) : 0;
}
