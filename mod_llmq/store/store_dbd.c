#include "store/store_dbd.h"

#include <apr_strings.h>

#include <string.h>

#define MESSAGE_MAX 200

/* SQLite, about a statement prepared just before another connection altered a table. */
#define SCHEMA_CHANGED "schema has changed"

const char *llmq_store_dbd_message(const apr_dbd_driver_t *driver, apr_dbd_t *handle,
                                   apr_pool_t *p)
{
    const char *text = apr_dbd_error(driver, handle, 0);
    const char *quote;
    apr_size_t len;

    if (!text)
        return "(no message)";
    len = strcspn(text, "\r\n");
    quote = strstr(text, ": \"");
    if (quote && (apr_size_t)(quote - text) < len)
        len = quote - text;
    return apr_pstrmemdup(p, text, len < MESSAGE_MAX ? len : MESSAGE_MAX);
}

int llmq_store_dbd_select(llmq_dbd_t *db, apr_dbd_results_t **presults, const char *sql,
                          apr_pool_t *p)
{
    int failed;

    *presults = NULL;
    failed = apr_dbd_select(db->driver, p, db->handle, presults, sql, 1);
    if (failed
        && strstr(llmq_store_dbd_message(db->driver, db->handle, p), SCHEMA_CHANGED)) {
        *presults = NULL;
        failed = apr_dbd_select(db->driver, p, db->handle, presults, sql, 1);
    }
    return failed;
}

int llmq_store_dbd_plain(llmq_dbd_t *db, const char *sql, apr_pool_t *p)
{
    apr_dbd_results_t *results;

    /* Select, not query: a PRAGMA may answer with a row, which query takes for an error. */
    return llmq_store_dbd_select(db, &results, sql, p);
}

/* ----------------------------------------------------------------------- prepared statements */

static const char *name_of(const llmq_dbd_t *db, const llmq_store_sql_t *sql,
                           apr_pool_t *p)
{
    return apr_psprintf(p, "%s_%d", sql->label, db->generation);
}

apr_dbd_prepared_t *llmq_store_dbd_prepare(llmq_dbd_t *db, const llmq_store_sql_t *sql,
                                           llmq_dialect_e dialect, apr_pool_t *p)
{
    apr_dbd_prepared_t *statement =
        apr_hash_get(db->statements, sql->label, APR_HASH_KEY_STRING);

    if (statement)
        return statement;
    if (apr_dbd_prepare(db->driver, db->pool, db->handle, sql->text[dialect],
                        name_of(db, sql, p), &statement))
        return NULL;
    apr_hash_set(db->statements, sql->label, APR_HASH_KEY_STRING, statement);
    return statement;
}

/* The server may or may not know the statement still; where it does not, the deallocation
 * fails, which is just as well. */
void llmq_store_dbd_forget(llmq_dbd_t *db, const llmq_store_sql_t *sql,
                           llmq_dialect_e dialect, apr_pool_t *p)
{
    apr_hash_set(db->statements, sql->label, APR_HASH_KEY_STRING, NULL);
    if (dialect == LLMQ_DIALECT_PGSQL)
        llmq_store_dbd_plain(db, apr_pstrcat(p, "DEALLOCATE ", name_of(db, sql, p), NULL),
                             p);
}

void llmq_store_dbd_forget_all(llmq_dbd_t *db)
{
    apr_hash_clear(db->statements);
    db->generation++;
}
