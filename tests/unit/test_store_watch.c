#include "store_support.h"
#include "support.h"

#include "store/store_run.h"
#include "store/store_watch.h"

#include <apr_strings.h>

/* The first database is SQLite, which has no socket; the second PostgreSQL, where there is
 * one to test with. */
static int asleep_for_a_minute(llmq_dbd_t *db)
{
    return llmq_store_dbd_plain(db, "SELECT pg_sleep(60)", test_pool);
}

START_TEST(silent_server_is_cut_off)
{
    llmq_store_watched_t call;
    llmq_store_watch_t *w;
    llmq_dbd_t *db;

    store_test_open(_i);
    if (store_test.dialect != LLMQ_DIALECT_PGSQL) {
        store_test_close();
        return;
    }
    ck_assert_int_eq(llmq_store_watch_create(&w, test_pool), APR_SUCCESS);
    ck_assert_int_eq(store_test.source.acquire(&db, store_test.source.ctx, test_pool),
                     APR_SUCCESS);
    llmq_store_watch_begin(w, &call, db, apr_time_from_msec(50));
    ck_assert_int_ge(call.fd, 0);
    ck_assert_int_ne(asleep_for_a_minute(db), 0);
    llmq_store_watch_end(w, &call);
    store_test.source.release(store_test.source.ctx, db, 1);
    store_test_close();
}
END_TEST

START_TEST(call_that_ends_in_time_is_left_alone)
{
    llmq_store_watched_t call;
    llmq_store_watch_t *w;
    llmq_dbd_t *db;
    int i;

    store_test_open(_i);
    ck_assert_int_eq(llmq_store_watch_create(&w, test_pool), APR_SUCCESS);
    ck_assert_int_eq(store_test.source.acquire(&db, store_test.source.ctx, test_pool),
                     APR_SUCCESS);
    for (i = 0; i < 100; i++) {
        llmq_store_watch_begin(w, &call, db, apr_time_from_sec(60));
        ck_assert_int_eq(call.fd >= 0, store_test.dialect == LLMQ_DIALECT_PGSQL);
        ck_assert_int_eq(llmq_store_dbd_plain(db, "SELECT 1", test_pool), 0);
        llmq_store_watch_end(w, &call);
    }
    store_test.source.release(store_test.source.ctx, db, 0);
    store_test_close();
}
END_TEST

TCase *case_store_watch(void)
{
    TCase *tc = test_case("store_watch");

    tcase_add_loop_test(tc, silent_server_is_cut_off, 0, store_test_dialects());
    tcase_add_loop_test(tc, call_that_ends_in_time_is_left_alone, 0,
                        store_test_dialects());
    return tc;
}
