/**
 * @file store_run.h
 * Running one statement: borrow a connection, make it ready (once), prepare the statement
 * (once a connection), execute it under the writers' lock if it writes, and judge a
 * failure. Only the store's own files include this.
 *
 * apr_dbd tells that something failed and a text, no code. A failure is judged so:
 *   - the connection is dead: it is opened again in place; a statement that may run twice
 *     is run again, any other leaves as LLMQ_ESTORE, its outcome unknown;
 *   - it lives: the prepared statement is forgotten and tried once more, because a
 *     restarted server or a changed schema loses it; a second failure is the row's fault
 *     (LLMQ_EROW) unless the text says that the database itself is in trouble.
 */
#ifndef LLMQ_STORE_RUN_H
#define LLMQ_STORE_RUN_H

#include "store/store.h"
#include "store/store_dbd.h"
#include "store/store_sql.h"
#include "store/store_watch.h"

#include <apr_strings.h>

struct llmq_store_t {
    llmq_store_source_t source;
    llmq_store_conf_t conf;
    llmq_store_watch_t *watch; /* NULL for SQLite */
    llmq_store_slot_t *slot;   /* of this process in the meter, NULL if not counted */
};

/** Rows that a statement gave back. All of it lives in the pool of llmq_store_run(). */
typedef struct llmq_store_rows_t {
    const apr_dbd_driver_t *driver;
    apr_dbd_results_t *results;
    apr_dbd_row_t *row; /* the present row */
    apr_pool_t *pool;
    int n;    /* rows in all */
    int next; /* rows given out so far */
} llmq_store_rows_t;

/**
 * Run a statement.
 * @param rows  out: its rows; untouched unless APR_SUCCESS
 * @param store the store
 * @param what  the statement
 * @param args  its parameters, NULL for SQL's NULL
 * @param p     pool of the rows
 * @return APR_SUCCESS; LLMQ_EROW batches only: the database refuses what @a args
 *         hold, nothing was changed; LLMQ_EMEMORY, LLMQ_EDISK the database lacks these;
 *         LLMQ_ESTORE else, logged
 * @threads any
 */
apr_status_t llmq_store_run(llmq_store_rows_t *rows, llmq_store_t *store,
                            llmq_store_sql_e what, const char **args, apr_pool_t *p);

typedef struct llmq_store_txn_t llmq_store_txn_t; /* a transaction under way */

/**
 * The statements of a transaction, run one by one with llmq_store_run_in(). Anything that it
 * returns but APR_SUCCESS undoes them. It may run a second time, after all was undone, and
 * after a COMMIT of which nobody knows whether it was: then it has to find out.
 * @param ctx   of llmq_store_run_all()
 * @param txn   the transaction
 * @param again non-zero the second time
 * @param p     the pool of llmq_store_run_all()
 * @return APR_SUCCESS; else as a statement failed
 * @threads the caller of llmq_store_run_all()
 */
typedef apr_status_t llmq_store_txn_fn_t(void *ctx, llmq_store_txn_t *txn, int again,
                                         apr_pool_t *p);

/**
 * Run a transaction that writes. Each statement sees what was committed before it began
 * (READ COMMITTED), so what it looks up after it has locked rows is as it is now; with
 * SQLite nobody else writes from the beginning.
 * @param store the store
 * @param first the first statement, for the log
 * @param fn    its statements; all of them may be run twice
 * @param ctx   for @a fn
 * @param p     pool of the rows
 * @return as llmq_store_run()
 * @threads any
 */
apr_status_t llmq_store_run_all(llmq_store_t *store, llmq_store_sql_e first,
                                llmq_store_txn_fn_t *fn, void *ctx, apr_pool_t *p);

/**
 * Run a statement of a transaction.
 * @param rows out: its rows; untouched unless APR_SUCCESS
 * @param txn  the transaction
 * @param what the statement
 * @param args its parameters, NULL for SQL's NULL
 * @return APR_SUCCESS; LLMQ_ESTORE it failed, llmq_store_run_all() judges why
 * @threads the caller of llmq_store_run_all()
 */
apr_status_t llmq_store_run_in(llmq_store_rows_t *rows, llmq_store_txn_t *txn,
                               llmq_store_sql_e what, const char **args);

/**
 * Step to the next row.
 * @param rows the rows
 * @return non-zero while there is one
 * @threads the caller of llmq_store_run()
 */
int llmq_store_run_next(llmq_store_rows_t *rows);

/**
 * @param rows   the rows, after llmq_store_run_next()
 * @param column from 0
 * @return the column of the present row, NULL for SQL's NULL; lives as long as the rows
 * @threads the caller of llmq_store_run()
 */
const char *llmq_store_run_text(const llmq_store_rows_t *rows, int column);

/**
 * @param rows   the rows, after llmq_store_run_next()
 * @param column from 0
 * @return the column of the present row as a number, 0 for SQL's NULL
 * @threads the caller of llmq_store_run()
 */
apr_int64_t llmq_store_run_int(const llmq_store_rows_t *rows, int column);

/** A number as a parameter, in @a p: apr_dbd takes text only. */
static inline const char *number(apr_int64_t n, apr_pool_t *p)
{
    return apr_psprintf(p, "%" APR_INT64_T_FMT, n);
}

/**
 * Run a statement that gives a row for each record it has changed.
 * @param store the store
 * @param what  the statement
 * @param args  its parameters
 * @param none  what to return where nothing was changed
 * @param p     scratch
 * @return APR_SUCCESS; @a none; else as llmq_store_run()
 * @threads any
 */
apr_status_t llmq_store_run_change(llmq_store_t *store, llmq_store_sql_e what,
                                   const char **args, apr_status_t none, apr_pool_t *p);

/**
 * Make a new connection ready: session settings, schema, the row of this node.
 * @return APR_SUCCESS; LLMQ_ESTORE (logged)
 * @threads the connection's
 */
apr_status_t llmq_store_attach(llmq_store_t *store, llmq_dbd_t *db, apr_pool_t *p);

#endif /* LLMQ_STORE_RUN_H */
