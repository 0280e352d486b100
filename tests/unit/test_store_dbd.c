#include "store_support.h"

#include "store/store_dbd.h"

#include <string.h>

static llmq_dbd_t *db;

static void begin(int dialect)
{
    store_test_open(dialect);
    ck_assert_int_eq(llmq_store_ping(store_test.store, NULL, test_pool), APR_SUCCESS);
    ck_assert_int_eq(store_test.source.acquire(&db, store_test.source.ctx, test_pool),
                     APR_SUCCESS);
}

static apr_dbd_prepared_t *prepare(void)
{
    return llmq_store_dbd_prepare(db, llmq_store_sql_get(LLMQ_SQL_SESSION_FIND),
                                  store_test.dialect, test_pool);
}

START_TEST(a_statement_is_prepared_once_until_it_is_forgotten)
{
    apr_dbd_prepared_t *first;

    begin(_i);
    first = prepare();
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_eq(prepare(), first);
    llmq_store_dbd_forget(db, llmq_store_sql_get(LLMQ_SQL_SESSION_FIND),
                          store_test.dialect, test_pool);
    ck_assert_ptr_nonnull(prepare());
    ck_assert_ptr_ne(prepare(), first);
    /* The names of a new session differ from those that the old one may still have. */
    llmq_store_dbd_forget_all(db);
    ck_assert_ptr_nonnull(prepare());
    store_test_close();
}
END_TEST

START_TEST(plain_texts_run_with_and_without_rows)
{
    apr_dbd_results_t *results;

    begin(_i);
    ck_assert_int_eq(llmq_store_dbd_plain(db, "BEGIN", test_pool), 0);
    ck_assert_int_eq(llmq_store_dbd_plain(db, "ROLLBACK", test_pool), 0);
    ck_assert_int_eq(llmq_store_dbd_select(db, &results, "SELECT 1", test_pool), 0);
    ck_assert_int_eq(apr_dbd_num_tuples(db->driver, results), 1);
    ck_assert_int_ne(llmq_store_dbd_plain(db, "SELECT nothing", test_pool), 0);
    ck_assert_ptr_nonnull(
        strstr(llmq_store_dbd_message(db->driver, db->handle, test_pool), "nothing"));
    store_test_close();
}
END_TEST

START_TEST(messages_do_not_tell_contents)
{
    begin(_i);
    if (_i == LLMQ_DIALECT_PGSQL) {
        ck_assert_int_ne(
            llmq_store_dbd_plain(db, "SELECT CAST('secret' AS integer)", test_pool), 0);
        ck_assert_ptr_null(
            strstr(llmq_store_dbd_message(db->driver, db->handle, test_pool), "secret"));
    }
    store_test_close();
}
END_TEST

TCase *case_store_dbd(void)
{
    TCase *tc = test_case("store_dbd");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, a_statement_is_prepared_once_until_it_is_forgotten, 0, n);
    tcase_add_loop_test(tc, plain_texts_run_with_and_without_rows, 0, n);
    tcase_add_loop_test(tc, messages_do_not_tell_contents, 0, n);
    return tc;
}
