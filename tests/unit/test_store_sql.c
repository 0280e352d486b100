#include "store_support.h"

#include "store/store_run.h"

#include <apr_hash.h>
#include <apr_strings.h>

#include <string.h>

/* PostgreSQL cuts names at 63 bytes; a generation of ten digits must fit behind. */
#define LABEL_MAX 52

START_TEST(every_statement_has_one_label_and_both_texts)
{
    apr_hash_t *labels = apr_hash_make(test_pool);
    int what, dialect;

    for (what = 0; what < LLMQ_SQL_COUNT; what++) {
        const llmq_store_sql_t *sql = llmq_store_sql_get(what);

        ck_assert_ptr_nonnull(sql->label);
        ck_assert_uint_le(strlen(sql->label), LABEL_MAX);
        ck_assert_ptr_null(apr_hash_get(labels, sql->label, APR_HASH_KEY_STRING));
        apr_hash_set(labels, sql->label, APR_HASH_KEY_STRING, sql);
        for (dialect = 0; dialect < LLMQ_DIALECT_COUNT; dialect++)
            ck_assert_ptr_nonnull(sql->text[dialect]);
    }
}
END_TEST

START_TEST(writing_texts_are_marked_and_reading_ones_are_not)
{
    int what;

    for (what = 0; what < LLMQ_SQL_COUNT; what++) {
        const llmq_store_sql_t *sql = llmq_store_sql_get(what);
        int reads = !strncmp(sql->text[0], "SELECT", 6)
                    || !strncmp(sql->text[0], "WITH page", 9)
                    || !strncmp(sql->text[0], "WITH RECURSIVE hosts", 20);

        ck_assert_int_eq(!reads, (sql->traits & LLMQ_SQL_WRITES) != 0);
        ck_assert(!reads || (sql->traits & LLMQ_SQL_REPEAT));
    }
}
END_TEST

START_TEST(every_statement_can_be_prepared)
{
    llmq_dbd_t *db;
    int what;

    store_test_open(_i);
    ck_assert_int_eq(llmq_store_ping(store_test.store, NULL, test_pool), APR_SUCCESS);
    ck_assert_int_eq(store_test.source.acquire(&db, store_test.source.ctx, test_pool),
                     APR_SUCCESS);
    for (what = 0; what < LLMQ_SQL_COUNT; what++) {
        const llmq_store_sql_t *sql = llmq_store_sql_get(what);
        apr_dbd_prepared_t *statement = NULL;
        const char *label = apr_pstrcat(test_pool, sql->label, "_test", NULL);

        ck_assert_msg(apr_dbd_prepare(db->driver, db->pool, db->handle, sql->text[_i],
                                      label, &statement)
                          == 0,
                      "%s: %s", sql->label, apr_dbd_error(db->driver, db->handle, 0));
    }
    store_test.source.release(store_test.source.ctx, db, 0);
    store_test_close();
}
END_TEST

TCase *case_store_sql(void)
{
    TCase *tc = test_case("store_sql");

    tcase_add_test(tc, every_statement_has_one_label_and_both_texts);
    tcase_add_test(tc, writing_texts_are_marked_and_reading_ones_are_not);
    tcase_add_loop_test(tc, every_statement_can_be_prepared, 0, store_test_dialects());
    return tc;
}
