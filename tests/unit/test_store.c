#include "store_support.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/store_run.h"

#include <apr_file_io.h>
#include <apr_strings.h>

#include <string.h>
#include <unistd.h>

/* The connection that the store under test uses. */
static llmq_dbd_t *connection(void)
{
    llmq_dbd_t *db = NULL;

    ck_assert_int_eq(store_test.source.acquire(&db, store_test.source.ctx, test_pool),
                     APR_SUCCESS);
    store_test.source.release(store_test.source.ctx, db, 0);
    return db;
}

static apr_status_t ping(void)
{
    return llmq_store_ping(store_test.store, NULL, test_pool);
}

START_TEST(ping_answers_and_tells_the_time)
{
    apr_interval_time_t took = -1;

    store_test_open(_i);
    ck_assert_int_eq(llmq_store_ping(store_test.store, &took, test_pool), APR_SUCCESS);
    ck_assert_int_ge(took, 0);
    ck_assert_str_eq(llmq_store_conf(store_test.store)->node, "node_a");
    store_test_close();
}
END_TEST

START_TEST(memory_database_works)
{
    llmq_store_t *store;

    store_test_open(LLMQ_DIALECT_SQLITE3);
    store_test_close();
    llmq_store_source_direct(&store_test.source, "sqlite3", ":memory:", 0, test_pool);
    llmq_store_create(&store, &store_test.source, &store_test.conf, test_pool);
    store_test_insert(store, store_test_job("msg_1"));
    ck_assert_int_eq(llmq_store_ping(store, NULL, test_pool), APR_SUCCESS);
}
END_TEST

START_TEST(attached_connection_is_durable)
{
    llmq_dbd_t *db;
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *row = NULL;

    store_test_open(LLMQ_DIALECT_SQLITE3);
    ck_assert_int_eq(ping(), APR_SUCCESS);
    db = connection();
    ck_assert_int_eq(apr_dbd_select(db->driver, test_pool, db->handle, &results,
                                    "PRAGMA journal_mode", 1),
                     0);
    ck_assert_int_eq(apr_dbd_get_row(db->driver, test_pool, results, &row, -1), 0);
    ck_assert_str_eq(apr_dbd_get_entry(db->driver, row, 0), "wal");
    results = NULL;
    row = NULL;
    ck_assert_int_eq(apr_dbd_select(db->driver, test_pool, db->handle, &results,
                                    "PRAGMA synchronous", 1),
                     0);
    ck_assert_int_eq(apr_dbd_get_row(db->driver, test_pool, results, &row, -1), 0);
    ck_assert_str_eq(apr_dbd_get_entry(db->driver, row, 0), "2");
    store_test_close();
}
END_TEST

START_TEST(direct_source_pauses_after_a_failed_open_and_then_heals)
{
    const char *params, *elsewhere;

    store_test_open(LLMQ_DIALECT_SQLITE3);
    params = store_test.params;
    elsewhere = apr_pstrcat(test_pool, params, "_dir/test.db", NULL);
    llmq_store_source_direct(&store_test.source, "sqlite3", elsewhere,
                             apr_time_from_sec(5), test_pool);
    llmq_store_create(&store_test.store, &store_test.source, &store_test.conf, test_pool);
    llmq_clock_set(STORE_TEST_T0);
    ck_assert_int_eq(ping(), LLMQ_ESTORE);
    ck_assert_int_eq(apr_dir_make(apr_pstrcat(test_pool, params, "_dir", NULL),
                                  APR_FPROT_OS_DEFAULT, test_pool),
                     APR_SUCCESS);
    llmq_clock_set(STORE_TEST_T0 + apr_time_from_sec(4));
    ck_assert_int_eq(ping(), LLMQ_ESTORE);
    llmq_clock_set(STORE_TEST_T0 + apr_time_from_sec(5));
    ck_assert_int_eq(ping(), APR_SUCCESS);
    llmq_clock_set(0);
    connection();
    store_test.source.release(store_test.source.ctx, connection(), 1);
    unlink(elsewhere);
    rmdir(apr_pstrcat(test_pool, params, "_dir", NULL));
    store_test_close();
}
END_TEST

static apr_status_t refuse(llmq_dbd_t **pdb, void *ctx, apr_pool_t *p)
{
    (void)pdb, (void)ctx, (void)p;
    return LLMQ_ESTORE;
}

START_TEST(every_call_of_a_store_without_a_database_is_estore)
{
    llmq_job_query_t q = {
        .tenant = "default", .kind = 1, .status = -1, .page = 1, .page_size = 1};
    llmq_job_change_t change = {.tenant = "default", .id = "msg_1"};
    llmq_outcome_t outcome = {.id = "msg_1"};
    llmq_store_source_t source = {refuse, NULL, NULL};
    const char *ids[] = {"msg_1"};
    llmq_store_t *store;
    llmq_backlog_page_t page = {LLMQ_KIND_MESSAGE, 0, 1};
    llmq_backlog_t *backlog;
    llmq_totals_t *totals;
    llmq_job_t **jobs, *job;
    apr_int64_t total;
    apr_pool_t *p = test_pool;
    int n;

    store_test.conf.node = "node_a";
    llmq_store_create(&store, &source, &store_test.conf, p);
    ck_assert_int_eq(llmq_store_ping(store, NULL, p), LLMQ_ESTORE);
    ck_assert_int_eq(llmq_store_job_insert(store, "[]", p), LLMQ_ESTORE);
    ck_assert_int_eq(llmq_store_job_load(&jobs, store, ids, 1, p), LLMQ_ESTORE);
    ck_assert_int_eq(llmq_store_job_finish(store, &outcome, 1, p), LLMQ_ESTORE);
    ck_assert_int_eq(llmq_store_job_fence(store, ids, 1, p), LLMQ_ESTORE);
    ck_assert_int_eq(llmq_store_job_backlog(&backlog, &n, store, &page, p), LLMQ_ESTORE);
    ck_assert_int_eq(llmq_store_job_totals(&totals, &n, store, p), LLMQ_ESTORE);
    ck_assert_int_eq(llmq_store_job_find(&job, store, "t", 1, "i", p), LLMQ_ESTORE);
    ck_assert_int_eq(llmq_store_job_list(&job, &n, &total, store, &q, p), LLMQ_ESTORE);
    ck_assert_int_eq(llmq_store_job_change(store, &change, p), LLMQ_ESTORE);
    ck_assert_int_eq(llmq_store_job_remove(store, "t", 1, "i", 1, p), LLMQ_ESTORE);
}
END_TEST

START_TEST(lost_prepared_statements_are_prepared_again)
{
    llmq_dbd_t *db;
    int i;

    store_test_open(_i);
    for (i = 0; i < 3; i++) {
        store_test_insert(store_test.store,
                          store_test_job(apr_psprintf(test_pool, "msg_%d", i)));
        ck_assert_ptr_nonnull(store_test_find(apr_psprintf(test_pool, "msg_%d", i)));
        db = connection();
        if (_i == LLMQ_DIALECT_PGSQL)
            ck_assert_int_eq(llmq_store_dbd_plain(db, "DEALLOCATE ALL", test_pool), 0);
        else
            store_test_sql(
                apr_psprintf(test_pool, "ALTER TABLE llmq_jobs ADD COLUMN x%d TEXT", i));
    }
    store_test_close();
}
END_TEST

static void terminate_connection(void)
{
    store_test_number(
        "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity "
        "WHERE application_name = 'llmq node_a' AND pid <> pg_backend_pid()");
}

START_TEST(repeatable_calls_survive_a_lost_connection)
{
    store_test_open(_i);
    store_test_insert(store_test.store, store_test_job("msg_1"));
    terminate_connection();
    ck_assert_ptr_nonnull(store_test_find("msg_1"));
    terminate_connection();
    store_test_insert(store_test.store, store_test_job("msg_2"));
    terminate_connection();
    ck_assert_int_eq(ping(), APR_SUCCESS);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_jobs"), 2);
    store_test_close();
}
END_TEST

START_TEST(other_calls_say_so_when_the_connection_is_lost_and_work_afterwards)
{
    llmq_store_t *store;

    store_test_open(_i);
    store = store_test.store;
    store_test_insert(store, store_test_job("msg_1"));
    terminate_connection();
    ck_assert_int_eq(
        llmq_store_job_remove(store, "default", LLMQ_KIND_MESSAGE, "msg_1", 1, test_pool),
        LLMQ_ESTORE);
    ck_assert_int_eq(
        llmq_store_job_remove(store, "default", LLMQ_KIND_MESSAGE, "msg_1", 1, test_pool),
        APR_SUCCESS);
    store_test_close();
}
END_TEST

START_TEST(missing_table_is_trouble_of_the_database_and_heals)
{
    store_test_open(_i);
    store_test_insert(store_test.store, store_test_job("msg_1"));
    store_test_sql("ALTER TABLE llmq_jobs RENAME TO hidden");
    ck_assert_int_eq(llmq_store_job_insert(store_test.store, "[]", test_pool),
                     LLMQ_ESTORE);
    store_test_sql("ALTER TABLE hidden RENAME TO llmq_jobs");
    ck_assert_ptr_nonnull(store_test_find("msg_1"));
    store_test_insert(store_test.store, store_test_job("msg_2"));
    store_test_close();
}
END_TEST

static char logged[4096];

static void sink(void *ctx, llmq_log_level_e level, const char *file, int line,
                 apr_status_t rv, const char *text)
{
    (void)ctx, (void)level, (void)file, (void)line, (void)rv;
    apr_cpystrn(logged + strlen(logged), text, sizeof(logged) - strlen(logged));
}

START_TEST(refusals_are_logged_without_contents)
{
    store_test_open(_i);
    llmq_log_set_sink(sink, NULL, LLMQ_LOG_TRACE1);
    ck_assert_int_eq(
        llmq_store_job_insert(store_test.store,
                              "[{\"i\":\"secret\",\"t\":\"secret\",\"p\":"
                              "\"secret\",\"n\":\"secret\",\"d\":\"secret\"}]",
                              test_pool),
        LLMQ_EROW);
    ck_assert_ptr_nonnull(strstr(logged, "LLMQ0402"));
    ck_assert_ptr_null(strstr(logged, "secret"));
    llmq_log_set_sink(NULL, NULL, LLMQ_LOG_WARNING);
    store_test_close();
}
END_TEST

START_TEST(writers_lock_is_free_again_whatever_came_of_the_statement)
{
    apr_global_mutex_t *writers;

    store_test_open(LLMQ_DIALECT_SQLITE3);
    ck_assert_int_eq(
        apr_global_mutex_create(&writers, NULL, APR_LOCK_PROC_PTHREAD, test_pool),
        APR_SUCCESS);
    store_test.conf.writers = writers;
    llmq_store_create(&store_test.store, &store_test.source, &store_test.conf, test_pool);
    store_test_insert(store_test.store, store_test_job("msg_1"));
    ck_assert_int_eq(apr_global_mutex_trylock(writers), APR_SUCCESS);
    ck_assert_ptr_nonnull(store_test_find("msg_1")); /* readers do not need it */
    apr_global_mutex_unlock(writers);
    ck_assert_int_eq(llmq_store_job_insert(store_test.store, "[", test_pool), LLMQ_EROW);
    ck_assert_int_eq(apr_global_mutex_trylock(writers), APR_SUCCESS);
    apr_global_mutex_unlock(writers);
    store_test_sql("ALTER TABLE llmq_jobs RENAME TO hidden");
    ck_assert_int_eq(llmq_store_job_insert(store_test.store, "[]", test_pool),
                     LLMQ_ESTORE);
    ck_assert_int_eq(apr_global_mutex_trylock(writers), APR_SUCCESS);
    apr_global_mutex_unlock(writers);
    store_test_close();
}
END_TEST

/* A trigger fails as the database itself would; its text is all that apr_dbd tells. */
static void fail_inserts(const char *text, const char *code)
{
    if (store_test.dialect == LLMQ_DIALECT_SQLITE3) {
        store_test_sql(apr_psprintf(test_pool,
                                    "CREATE TRIGGER trouble BEFORE INSERT ON llmq_jobs "
                                    "BEGIN SELECT RAISE(ABORT, '%s'); END",
                                    text));
        return;
    }
    store_test_sql(
        apr_psprintf(test_pool,
                     "CREATE FUNCTION trouble() RETURNS trigger LANGUAGE "
                     "plpgsql AS 'BEGIN RAISE EXCEPTION ''%s'' USING ERRCODE = "
                     "''%s''; END'",
                     text, code));
    store_test_sql("CREATE TRIGGER trouble BEFORE INSERT ON llmq_jobs FOR EACH ROW "
                   "EXECUTE FUNCTION trouble()");
}

START_TEST(troubles_of_the_database_have_names_of_their_own)
{
    static const struct {
        const char *text;
        const char *code;
        apr_status_t rv;
    } troubles[] = {
        {"out of memory", "53200", LLMQ_EMEMORY},
        {"out of shared memory", "53200", LLMQ_EMEMORY},
        {"could not extend file \"base/1/2\": No space left on device", "53100",
         LLMQ_EDISK},
        {"could not extend file", "53100", LLMQ_EDISK},
        {"database or disk is full", "53100", LLMQ_EDISK},
        {"terminating connection due to administrator command", "57P01", LLMQ_ESTORE},
    };
    const int n = sizeof(troubles) / sizeof(troubles[0]);
    llmq_text_t t;

    store_test_open(_i / n);
    ck_assert_int_eq(llmq_store_ping(store_test.store, NULL, test_pool), APR_SUCCESS);
    fail_inserts(troubles[_i % n].text, troubles[_i % n].code);
    llmq_text_init(&t, 512, test_pool);
    LLMQ_TEXT_LIT(&t, "[");
    llmq_store_job_row(&t, store_test_job("msg_1"));
    LLMQ_TEXT_LIT(&t, "]");
    ck_assert_int_eq(llmq_store_job_insert(store_test.store, t.data, test_pool),
                     troubles[_i % n].rv);
    store_test_sql(store_test.dialect == LLMQ_DIALECT_SQLITE3
                       ? "DROP TRIGGER trouble"
                       : "DROP TRIGGER trouble ON llmq_jobs");
    ck_assert_int_eq(llmq_store_job_insert(store_test.store, t.data, test_pool),
                     APR_SUCCESS);
    store_test_close();
}
END_TEST

TCase *case_store(void)
{
    TCase *tc = test_case("store");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, ping_answers_and_tells_the_time, 0, dialects);
    tcase_add_test(tc, memory_database_works);
    tcase_add_test(tc, attached_connection_is_durable);
    tcase_add_test(tc, direct_source_pauses_after_a_failed_open_and_then_heals);
    tcase_add_test(tc, every_call_of_a_store_without_a_database_is_estore);
    tcase_add_loop_test(tc, lost_prepared_statements_are_prepared_again, 0, dialects);
    tcase_add_loop_test(tc, repeatable_calls_survive_a_lost_connection,
                        LLMQ_DIALECT_PGSQL, dialects);
    tcase_add_loop_test(
        tc, other_calls_say_so_when_the_connection_is_lost_and_work_afterwards,
        LLMQ_DIALECT_PGSQL, dialects);
    tcase_add_loop_test(tc, missing_table_is_trouble_of_the_database_and_heals, 0,
                        dialects);
    tcase_add_test(tc, writers_lock_is_free_again_whatever_came_of_the_statement);
    tcase_add_loop_test(tc, refusals_are_logged_without_contents, 0, dialects);
    tcase_add_loop_test(tc, troubles_of_the_database_have_names_of_their_own, 0,
                        6 * dialects);
    return tc;
}
