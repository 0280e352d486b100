/**
 * @file store_schema.h
 * Migrations. sql/<dialect>/NNNN_name.sql are compiled into the library; the table
 * llmq_schema holds the version, the number of the newest one applied. Each migration runs
 * in a transaction together with its version; concurrent starters are serialised (advisory
 * lock on PostgreSQL, BEGIN IMMEDIATE on SQLite).
 */
#ifndef LLMQ_STORE_SCHEMA_H
#define LLMQ_STORE_SCHEMA_H

#include "store/store.h"

/** A migration, from the generated table. */
typedef struct llmq_migration_t {
    int version;
    const char *name;
    const char *sql;
} llmq_migration_t;

/** Generated: migrations by dialect, ascending, ended by version 0. */
extern const llmq_migration_t *const llmq_store_schema_migrations[LLMQ_DIALECT_COUNT];

/**
 * @param dialect which dialect
 * @return the newest version this library knows for it
 * @threads any
 */
int llmq_store_schema_known(llmq_dialect_e dialect);

/**
 * Bring the schema of a connection up to date.
 * @param db      the connection
 * @param dialect its dialect
 * @param pfound  out: version found before, 0 for an empty database; may be NULL
 * @param p       scratch
 * @return APR_SUCCESS at the known version now; LLMQ_EVERSION the database is newer than
 *         this module, nothing was changed; LLMQ_ESTORE the database failed (logged)
 * @threads any
 */
apr_status_t llmq_store_schema_migrate(llmq_dbd_t *db, llmq_dialect_e dialect,
                                       int *pfound, apr_pool_t *p);

#endif /* LLMQ_STORE_SCHEMA_H */
