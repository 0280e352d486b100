#include "store/store_blame.h"

#include "support.h"

START_TEST(sqlite_blames_a_row_by_its_refusals)
{
    const llmq_store_sql_t *batch = llmq_store_sql_get(LLMQ_SQL_INSERT);

    ck_assert(llmq_store_blame_is_row(batch, LLMQ_DIALECT_SQLITE3,
                                      "CHECK constraint failed: x"));
    ck_assert(llmq_store_blame_is_row(batch, LLMQ_DIALECT_SQLITE3, "malformed JSON"));
    ck_assert(!llmq_store_blame_is_row(batch, LLMQ_DIALECT_SQLITE3, "disk I/O error"));
    ck_assert(!llmq_store_blame_is_row(llmq_store_sql_get(LLMQ_SQL_PING),
                                       LLMQ_DIALECT_SQLITE3, "malformed JSON"));
}
END_TEST

START_TEST(postgresql_blames_a_row_unless_it_is_in_trouble_itself)
{
    const llmq_store_sql_t *batch = llmq_store_sql_get(LLMQ_SQL_INSERT);

    ck_assert(llmq_store_blame_is_row(batch, LLMQ_DIALECT_PGSQL, "FEHLER: zu lang"));
    ck_assert(!llmq_store_blame_is_row(batch, LLMQ_DIALECT_PGSQL,
                                       "ERROR: could not extend file"));
    ck_assert(!llmq_store_blame_is_row(batch, LLMQ_DIALECT_PGSQL,
                                       "FATAL: terminating connection"));
}
END_TEST

START_TEST(troubles_are_told_apart)
{
    ck_assert_int_eq(llmq_store_blame_trouble("database or disk is full"), LLMQ_EDISK);
    ck_assert_int_eq(llmq_store_blame_trouble("out of memory"), LLMQ_EMEMORY);
    ck_assert_int_eq(llmq_store_blame_trouble("deadlock detected"), LLMQ_ESTORE);
    ck_assert(llmq_store_blame_is_lasting("database is locked"));
    ck_assert(!llmq_store_blame_is_lasting("prepared statement does not exist"));
}
END_TEST

TCase *case_store_blame(void)
{
    TCase *tc = test_case("store_blame");

    tcase_add_test(tc, sqlite_blames_a_row_by_its_refusals);
    tcase_add_test(tc, postgresql_blames_a_row_unless_it_is_in_trouble_itself);
    tcase_add_test(tc, troubles_are_told_apart);
    return tc;
}
