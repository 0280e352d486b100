/**
 * @file store_support.h
 * A fresh database for each test of the store: a file of SQLite's always, and a schema of
 * its own in PostgreSQL where LLMQ_TEST_PG_DSN names a server ("host=… dbname=…"). Tests
 * are loop tests over the dialects: `tcase_add_loop_test(tc, t, 0, store_test_dialects())`
 * with `store_test_open(_i)` first.
 */
#ifndef LLMQ_TEST_STORE_SUPPORT_H
#define LLMQ_TEST_STORE_SUPPORT_H

#include "support.h"

#include "store/store_job.h"

#define STORE_TEST_T0 APR_INT64_C(1735727400000000) /* 2025-01-01T10:30:00Z */

/** The database under test. */
typedef struct store_test_t {
    llmq_dialect_e dialect;
    const char *driver;
    const char *params;
    llmq_store_source_t source; /* of the store below */
    llmq_store_conf_t conf;
    llmq_store_t *store; /* of node "node_a" */
} store_test_t;

extern store_test_t store_test;

/** @return 1, or 2 where PostgreSQL is to be tested too */
int store_test_dialects(void);

/** Make an empty database and a store on it. */
void store_test_open(int dialect);

/** Remove what store_test_open() made; unchecked if the test failed before. */
void store_test_close(void);

/** @return a store with a connection of its own on the same database */
llmq_store_t *store_test_node(const char *node);

/**
 * From now on callers of this store wait no longer than that for a commit. What its
 * connections were told when they were set up stays, so that slow statements do not fail.
 */
void store_test_hurry(llmq_store_t *store, apr_interval_time_t timeout);

/** Run a text on another connection. */
void store_test_sql(const char *sql);

/** @return the number a text yields, on another connection; -1 for no row */
apr_int64_t store_test_number(const char *sql);

/** @return a new message of @a id as the API would make it, created at STORE_TEST_T0 */
llmq_job_t *store_test_job(const char *id);

/** Insert one job and insist that it works. */
void store_test_insert(llmq_store_t *store, const llmq_job_t *job);

/** Read a job of the default tenant; NULL if there is none. */
llmq_job_t *store_test_find(const char *id);

/** Create a session of the tenant "acme". */
void store_test_session(const char *owner, const char *id, const char *name,
                        apr_time_t now);

#endif /* LLMQ_TEST_STORE_SUPPORT_H */
