#include "store_support.h"

#include "store/store_run.h"
#include "store/store_schema.h"

#include <apr_strings.h>

#include <string.h>

static apr_status_t migrate(int *pfound)
{
    llmq_dbd_t *db;
    apr_status_t rv;

    ck_assert_int_eq(store_test.source.acquire(&db, store_test.source.ctx, test_pool),
                     APR_SUCCESS);
    rv = llmq_store_schema_migrate(db, store_test.dialect, pfound, test_pool);
    store_test.source.release(store_test.source.ctx, db, 0);
    return rv;
}

START_TEST(migrations_ascend_and_dialects_agree)
{
    int dialect;

    for (dialect = 0; dialect < LLMQ_DIALECT_COUNT; dialect++) {
        const llmq_migration_t *m = llmq_store_schema_migrations[dialect];
        int expected = 1;

        for (; m->version; m++)
            ck_assert_int_eq(m->version, expected++);
        ck_assert_int_eq(llmq_store_schema_known(dialect), expected - 1);
        ck_assert_int_eq(llmq_store_schema_known(dialect), llmq_store_schema_known(0));
    }
}
END_TEST

START_TEST(empty_database_gets_the_newest_version)
{
    int found = -1;

    store_test_open(_i);
    ck_assert_int_eq(migrate(&found), APR_SUCCESS);
    ck_assert_int_eq(found, 0);
    ck_assert_int_eq(store_test_number("SELECT version FROM llmq_schema"),
                     llmq_store_schema_known(_i));
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_jobs"), 0);
    store_test_close();
}
END_TEST

START_TEST(second_run_changes_nothing)
{
    int found = -1;

    store_test_open(_i);
    ck_assert_int_eq(migrate(NULL), APR_SUCCESS);
    store_test_insert(store_test.store, store_test_job("msg_1"));
    ck_assert_int_eq(migrate(&found), APR_SUCCESS);
    ck_assert_int_eq(found, llmq_store_schema_known(_i));
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_schema"), 1);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_jobs"), 1);
    store_test_close();
}
END_TEST

/* The database as the first version of this module left it, with a message in it. */
static void make_first_version(llmq_dialect_e dialect)
{
    char *sql = apr_pstrdup(test_pool, llmq_store_schema_migrations[dialect][0].sql);
    char *end;

    while ((end = strstr(sql, ";\n"))) {
        *end = '\0';
        store_test_sql(sql);
        sql = end + 2;
    }
    store_test_sql(
        "INSERT INTO llmq_jobs (id, tenant, node, kind, level, created_at, "
        "updated_at, payload, metadata, chain, user_id) VALUES ('msg_1', 'default', "
        "'node_a', 1, 3, 1, 1, 'Hello', '{}', 'conv_1', 'first'), ('msg_2', "
        "'default', 'node_a', 1, 3, 7, 7, 'Hello', '{}', 'conv_1', 'second')");
    store_test_sql("CREATE TABLE llmq_schema (version integer NOT NULL)");
    store_test_sql("INSERT INTO llmq_schema VALUES (1)");
}

START_TEST(older_version_is_brought_up_to_date)
{
    int found = -1;

    store_test_open(_i);
    make_first_version(_i);
    ck_assert_int_eq(migrate(&found), APR_SUCCESS);
    ck_assert_int_eq(found, 1);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_nodes"), 0);
    ck_assert_str_eq(store_test_find("msg_1")->payload, "Hello");
    ck_assert_int_eq(
        store_test_number("SELECT count(*) FROM llmq_conversations WHERE "
                          "user_id = 'first' AND created_at = 1 AND "
                          "last_active_at = 7 AND expires_at = 1296000000007"),
        1);
    store_test_close();
}
END_TEST

START_TEST(newer_version_is_refused_and_left_alone)
{
    int found = -1;

    store_test_open(_i);
    ck_assert_int_eq(migrate(NULL), APR_SUCCESS);
    store_test_sql("UPDATE llmq_schema SET version = 999");
    ck_assert_int_eq(migrate(&found), LLMQ_EVERSION);
    ck_assert_int_eq(found, 999);
    ck_assert_int_eq(store_test_number("SELECT version FROM llmq_schema"), 999);
    ck_assert_int_eq(llmq_store_ping(store_test.store, NULL, test_pool), LLMQ_ESTORE);
    store_test_sql(apr_psprintf(test_pool, "UPDATE llmq_schema SET version = %d",
                                llmq_store_schema_known(_i)));
    ck_assert_int_eq(llmq_store_ping(store_test.store, NULL, test_pool), APR_SUCCESS);
    store_test_close();
}
END_TEST

START_TEST(failing_migration_leaves_nothing_behind)
{
    store_test_open(_i);
    store_test_sql("CREATE TABLE llmq_jobs (other integer)");
    ck_assert_int_eq(migrate(NULL), LLMQ_ESTORE);
    store_test_sql("DROP TABLE llmq_jobs");
    ck_assert_int_eq(migrate(NULL), APR_SUCCESS);
    store_test_close();
}
END_TEST

START_TEST(connections_find_the_schema_made_by_one_another)
{
    store_test_open(_i);
    ck_assert_int_eq(llmq_store_ping(store_test_node("node_b"), NULL, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_ping(store_test.store, NULL, test_pool), APR_SUCCESS);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_nodes"), 2);
    store_test_close();
}
END_TEST

TCase *case_store_schema(void)
{
    TCase *tc = test_case("store_schema");
    int dialects = store_test_dialects();

    tcase_add_test(tc, migrations_ascend_and_dialects_agree);
    tcase_add_loop_test(tc, empty_database_gets_the_newest_version, 0, dialects);
    tcase_add_loop_test(tc, second_run_changes_nothing, 0, dialects);
    tcase_add_loop_test(tc, older_version_is_brought_up_to_date, 0, dialects);
    tcase_add_loop_test(tc, newer_version_is_refused_and_left_alone, 0, dialects);
    tcase_add_loop_test(tc, failing_migration_leaves_nothing_behind, 0, dialects);
    tcase_add_loop_test(tc, connections_find_the_schema_made_by_one_another, 0, dialects);
    return tc;
}
