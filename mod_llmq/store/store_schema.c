#include "store/store_schema.h"

#include "base/log.h"
#include "store/store_run.h"

#include <apr_strings.h>

#include <string.h>

/* Any number will do that no other program is likely to lock with. */
#define ADVISORY_LOCK "776881713"

typedef struct {
    llmq_dbd_t *db;
    llmq_dialect_e dialect;
    apr_pool_t *pool;
} migration_run_t;

int llmq_store_schema_known(llmq_dialect_e dialect)
{
    const llmq_migration_t *m = llmq_store_schema_migrations[dialect];
    int version = 0;

    for (; m->version; m++)
        version = m->version;
    return version;
}

/* @return 0 and the number in the only field of the first row, -1 if there is no row */
static int read_number(migration_run_t *run, const char *sql, int *pnumber)
{
    llmq_dbd_t *db = run->db;
    apr_dbd_results_t *results;
    apr_dbd_row_t *row = NULL;
    const char *text;

    if (llmq_store_dbd_select(db, &results, sql, run->pool))
        return 1;
    *pnumber = -1;
    if (apr_dbd_num_tuples(db->driver, results) < 1)
        return 0;
    if (apr_dbd_get_row(db->driver, run->pool, results, &row, -1))
        return 0;
    text = apr_dbd_get_entry(db->driver, row, 0);
    if (text)
        *pnumber = (int)apr_atoi64(text);
    return 0;
}

/* @return 0 and the version, 0 of an empty database */
static int read_version(migration_run_t *run, int *pversion)
{
    static const char *const exists[LLMQ_DIALECT_COUNT] = {
        "SELECT count(*) FROM sqlite_master WHERE name = 'llmq_schema'",
        "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = "
        "to_regclass('llmq_schema')"};
    int tables;

    if (read_number(run, exists[run->dialect], &tables))
        return 1;
    *pversion = 0;
    if (tables < 1)
        return 0;
    if (read_number(run, "SELECT version FROM llmq_schema", pversion))
        return 1;
    if (*pversion < 0)
        *pversion = 0;
    return 0;
}

/*
 * The drivers differ in what they make of several statements in one text (SQLite's goes on
 * after an error and reports the last one only), so they go one at a time.
 */
static int apply_script(migration_run_t *run, const char *script)
{
    char *line = apr_pstrdup(run->pool, script);
    const char *statement = "";

    while (line && *line) {
        char *next = strchr(line, '\n');
        apr_size_t len;

        if (next)
            *next++ = '\0';
        len = strlen(line);
        if (strncmp(line, "--", 2) && len)
            statement = apr_pstrcat(run->pool, statement, line, "\n", NULL);
        if (strncmp(line, "--", 2) && len && line[len - 1] == ';') {
            if (llmq_store_dbd_plain(run->db, statement, run->pool))
                return 1;
            statement = "";
        }
        line = next;
    }
    return 0;
}

static int apply(migration_run_t *run, const llmq_migration_t *m)
{
    const char *note =
        apr_psprintf(run->pool, "UPDATE llmq_schema SET version = %d", m->version);

    if (apply_script(run, m->sql) || llmq_store_dbd_plain(run->db, note, run->pool))
        return 1;
    LLMQ_LOG(LLMQ_LOG_NOTICE, APR_SUCCESS, LLMQ_NO(0408) "schema: applied %s", m->name);
    return 0;
}

static int begin(migration_run_t *run)
{
    if (run->dialect == LLMQ_DIALECT_SQLITE3)
        return llmq_store_dbd_plain(run->db, "BEGIN IMMEDIATE", run->pool);
    return llmq_store_dbd_plain(run->db, "BEGIN", run->pool)
           || llmq_store_dbd_plain(
               run->db, "SELECT pg_advisory_xact_lock(" ADVISORY_LOCK ")", run->pool);
}

static int create_table(migration_run_t *run)
{
    return llmq_store_dbd_plain(
               run->db,
               "CREATE TABLE IF NOT EXISTS llmq_schema (version integer NOT NULL)",
               run->pool)
           || llmq_store_dbd_plain(run->db,
                                   "INSERT INTO llmq_schema SELECT 0 "
                                   "WHERE NOT EXISTS (SELECT 1 FROM llmq_schema)",
                                   run->pool);
}

/* One migration in a transaction of its own; another starter may have been faster. */
static int step(migration_run_t *run, const llmq_migration_t *m)
{
    int version, failed;

    if (begin(run))
        return 1;
    failed = read_version(run, &version);
    if (!failed && version == 0)
        failed = m->version == 1 && create_table(run);
    if (!failed && version < m->version)
        failed = apply(run, m);
    return failed || llmq_store_dbd_plain(run->db, "COMMIT", run->pool);
}

static apr_status_t fail(migration_run_t *run)
{
    static apr_uint64_t last;
    const char *message =
        llmq_store_dbd_message(run->db->driver, run->db->handle, run->pool);

    if (llmq_log_once_per(&last, apr_time_from_sec(60)))
        LLMQ_LOG(LLMQ_LOG_ERR, LLMQ_ESTORE, LLMQ_NO(0409) "schema: %s", message);
    /* Fails when there is nothing to roll back, which is fine. */
    llmq_store_dbd_plain(run->db, "ROLLBACK", run->pool);
    return LLMQ_ESTORE;
}

apr_status_t llmq_store_schema_migrate(llmq_dbd_t *db, llmq_dialect_e dialect,
                                       int *pfound, apr_pool_t *p)
{
    const llmq_migration_t *m = llmq_store_schema_migrations[dialect];
    migration_run_t run = {db, dialect, p};
    int version;

    /* At a restart the file may be locked for a moment by the last connection of before,
     * which cleans up as it closes. */
    if (dialect == LLMQ_DIALECT_SQLITE3
        && llmq_store_dbd_plain(db, "PRAGMA busy_timeout=5000", p))
        return fail(&run);
    if (read_version(&run, &version))
        return fail(&run);
    if (pfound)
        *pfound = version;
    if (version > llmq_store_schema_known(dialect))
        return LLMQ_EVERSION;
    for (; m->version; m++) {
        if (m->version > version && step(&run, m))
            return fail(&run);
    }
    return APR_SUCCESS;
}
