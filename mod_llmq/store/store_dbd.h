/**
 * @file store_dbd.h
 * One connection: texts without parameters, prepared statements, and what may be told of a
 * failure. Only the store's own files include this.
 * @threads the connection's
 */
#ifndef LLMQ_STORE_DBD_H
#define LLMQ_STORE_DBD_H

#include "store/store.h"
#include "store/store_sql.h"

/**
 * What the log may show of a database's message: its first line up to a quoted value,
 * because what follows may repeat contents. (PostgreSQL names objects in quotes too, but
 * without a colon before them.)
 * @param driver driver of the connection
 * @param handle the connection that failed
 * @param p      pool of the text
 * @return the text, never NULL
 * @threads the connection's
 */
const char *llmq_store_dbd_message(const apr_dbd_driver_t *driver, apr_dbd_t *handle,
                                   apr_pool_t *p);

/**
 * Execute a text without parameters, once more where the schema was changed meanwhile.
 * @param db       the connection
 * @param presults out: its rows, in @a p
 * @param sql      the text
 * @param p        pool
 * @return 0; else the driver's code
 * @threads the connection's
 */
int llmq_store_dbd_select(llmq_dbd_t *db, apr_dbd_results_t **presults, const char *sql,
                          apr_pool_t *p);

/**
 * Execute a text without parameters whose rows nobody needs.
 * @param db  the connection
 * @param sql the text
 * @param p   scratch
 * @return 0; else the driver's code
 * @threads the connection's
 */
int llmq_store_dbd_plain(llmq_dbd_t *db, const char *sql, apr_pool_t *p);

/**
 * Prepare a statement, once a connection.
 * @param db      the connection
 * @param sql     the statement
 * @param dialect of the connection
 * @param p       scratch
 * @return the prepared statement, as long as the connection; NULL: it failed
 * @threads the connection's
 */
apr_dbd_prepared_t *llmq_store_dbd_prepare(llmq_dbd_t *db, const llmq_store_sql_t *sql,
                                           llmq_dialect_e dialect, apr_pool_t *p);

/**
 * Prepare a statement anew when it is next needed.
 * @param db      the connection
 * @param sql     the statement
 * @param dialect of the connection
 * @param p       scratch
 * @threads the connection's
 */
void llmq_store_dbd_forget(llmq_dbd_t *db, const llmq_store_sql_t *sql,
                           llmq_dialect_e dialect, apr_pool_t *p);

/**
 * The session of the connection is a new one, which knows no statements.
 * @param db the connection
 * @threads the connection's
 */
void llmq_store_dbd_forget_all(llmq_dbd_t *db);

#endif /* LLMQ_STORE_DBD_H */
