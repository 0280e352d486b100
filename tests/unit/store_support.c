#include "store_support.h"

#include "store/store_session.h"

#include <apr_dbd.h>
#include <apr_file_io.h>
#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

store_test_t store_test;

static const char *pg_dsn(void)
{
    return getenv("LLMQ_TEST_PG_DSN");
}

int store_test_dialects(void)
{
    return pg_dsn() ? 2 : 1;
}

/* The driver itself has a second and a half for a lock that somebody else holds. */
static void be_patient(const apr_dbd_driver_t *driver, apr_dbd_t *handle)
{
    apr_dbd_results_t *results = NULL;

    apr_dbd_select(driver, test_pool, handle, &results, "PRAGMA busy_timeout=60000", 1);
}

static apr_int64_t run_sql(const char *driver_name, const char *params, const char *sql)
{
    const apr_dbd_driver_t *driver;
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *row = NULL;
    apr_dbd_t *handle;
    apr_int64_t number = -1;
    const char *why = "";

    ck_assert_int_eq(apr_dbd_get_driver(test_pool, driver_name, &driver), APR_SUCCESS);
    ck_assert_msg(apr_dbd_open_ex(driver, test_pool, params, &handle, &why)
                      == APR_SUCCESS,
                  "%s", why);
    if (strcmp(driver_name, "sqlite3") == 0)
        be_patient(driver, handle);
    ck_assert_msg(apr_dbd_select(driver, test_pool, handle, &results, sql, 1) == 0,
                  "%s: %s", sql, apr_dbd_error(driver, handle, 0));
    if (apr_dbd_num_tuples(driver, results) > 0) {
        apr_dbd_get_row(driver, test_pool, results, &row, -1);
        if (apr_dbd_get_entry(driver, row, 0))
            number = apr_atoi64(apr_dbd_get_entry(driver, row, 0));
    }
    apr_dbd_close(driver, handle);
    return number;
}

void store_test_sql(const char *sql)
{
    run_sql(store_test.driver, store_test.params, sql);
}

apr_int64_t store_test_number(const char *sql)
{
    return run_sql(store_test.driver, store_test.params, sql);
}

static const char *schema_name(void)
{
    return apr_psprintf(test_pool, "llmq_test_%d", (int)getpid());
}

static void open_pgsql(void)
{
    const char *schema = schema_name();

    store_test.driver = "pgsql";
    run_sql("pgsql", pg_dsn(),
            apr_psprintf(test_pool, "DROP SCHEMA IF EXISTS %s CASCADE", schema));
    run_sql("pgsql", pg_dsn(), apr_psprintf(test_pool, "CREATE SCHEMA %s", schema));
    store_test.params = apr_psprintf(
        test_pool, "%s options='-c search_path=%s -c synchronous_commit=off'", pg_dsn(),
        schema);
}

static void open_sqlite3(void)
{
    const char *dir;

    ck_assert_int_eq(apr_temp_dir_get(&dir, test_pool), APR_SUCCESS);
    dir = mkdtemp(apr_pstrcat(test_pool, dir, "/llmq_test_XXXXXX", NULL));
    ck_assert_ptr_nonnull(dir);
    store_test.driver = "sqlite3";
    store_test.params = apr_pstrcat(test_pool, dir, "/test.db", NULL);
}

void store_test_open(int dialect)
{
    memset(&store_test, 0, sizeof(store_test));
    apr_dbd_init(test_pool);
    store_test.dialect = (llmq_dialect_e)dialect;
    if (dialect == LLMQ_DIALECT_PGSQL)
        open_pgsql();
    else
        open_sqlite3();
    store_test.conf.dialect = store_test.dialect;
    store_test.conf.node = "node_a";
    store_test.conf.timeout = apr_time_from_sec(60);
    store_test.conf.node_timeout = apr_time_from_sec(30);
    llmq_store_source_direct(&store_test.source, store_test.driver, store_test.params, 0,
                             test_pool);
    llmq_store_create(&store_test.store, &store_test.source, &store_test.conf, test_pool);
}

void store_test_close(void)
{
    char *path = apr_pstrdup(test_pool, store_test.params);

    if (store_test.dialect == LLMQ_DIALECT_PGSQL) {
        run_sql("pgsql", pg_dsn(),
                apr_psprintf(test_pool, "DROP SCHEMA %s CASCADE", schema_name()));
        return;
    }
    unlink(path);
    unlink(apr_pstrcat(test_pool, path, "-wal", NULL));
    unlink(apr_pstrcat(test_pool, path, "-shm", NULL));
    *strrchr(path, '/') = '\0';
    rmdir(path);
}

llmq_store_t *store_test_node(const char *node)
{
    llmq_store_conf_t conf = store_test.conf;
    llmq_store_source_t source;
    llmq_store_t *store;

    conf.node = node;
    llmq_store_source_direct(&source, store_test.driver, store_test.params, 0, test_pool);
    llmq_store_create(&store, &source, &conf, test_pool);
    return store;
}

void store_test_hurry(llmq_store_t *store, apr_interval_time_t timeout)
{
    ((llmq_store_conf_t *)(apr_uintptr_t)llmq_store_conf(store))->timeout = timeout;
}

llmq_job_t *store_test_job(const char *id)
{
    llmq_job_t *job = apr_pcalloc(test_pool, sizeof(*job));

    job->id = id;
    job->tenant = "default";
    job->chain = "conv_1";
    job->user = "user_1";
    job->payload = "Hello";
    job->payload_len = 5;
    job->metadata = "{}";
    job->created_at = STORE_TEST_T0;
    job->run_at = STORE_TEST_T0;
    job->timeout = apr_time_from_sec(30);
    job->max_retries = 3;
    job->kind = LLMQ_KIND_MESSAGE;
    job->level = LLMQ_LEVEL_NORMAL;
    return job;
}

void store_test_insert(llmq_store_t *store, const llmq_job_t *job)
{
    llmq_text_t t;

    llmq_text_init(&t, 512, test_pool);
    LLMQ_TEXT_LIT(&t, "[");
    llmq_store_job_row(&t, job);
    LLMQ_TEXT_LIT(&t, "]");
    ck_assert_int_eq(llmq_store_job_insert(store, t.data, test_pool), APR_SUCCESS);
}

llmq_job_t *store_test_find(const char *id)
{
    llmq_job_t *job = NULL;
    apr_status_t rv = llmq_store_job_find(&job, store_test.store, "default",
                                          LLMQ_KIND_MESSAGE, id, test_pool);

    ck_assert(rv == APR_SUCCESS || rv == APR_NOTFOUND);
    return job;
}

void store_test_session(const char *owner, const char *id, const char *name,
                        apr_time_t now)
{
    llmq_session_t s;

    memset(&s, 0, sizeof(s));
    s.id = id;
    s.tenant = "acme";
    s.owner = owner;
    s.name = name;
    s.created_at = now;
    ck_assert_int_eq(llmq_store_session_create(store_test.store, &s, test_pool),
                     APR_SUCCESS);
}
