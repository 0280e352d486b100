#include "dispatch/session_reaper.h"

#include "store_support.h"

#include <apr_strings.h>

#define T0       STORE_TEST_T0
#define DAY      apr_time_from_sec(86400)
#define INTERVAL apr_time_from_sec(300)

/* So many sessions that were last touched at T0, with messages each. */
static void make(int sessions, int messages)
{
    llmq_store_ping(store_test.store, NULL, test_pool);
    store_test_sql(apr_psprintf(
        test_pool,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
        "INSERT INTO llmq_sessions (id, tenant, owner, last_seq, created_at, updated_at) "
        "SELECT 's' || i, 'acme', 'ann', %d, %" APR_TIME_T_FMT ", %" APR_TIME_T_FMT
        " FROM n",
        sessions, messages, T0, T0));
    store_test_sql(apr_psprintf(
        test_pool,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
        "INSERT INTO llmq_session_messages (session, seq, id, tenant, role, type, "
        "created_at) SELECT s.id, i, s.id || '_' || i, 'acme', 0, 't', 1 "
        "FROM llmq_sessions AS s, n",
        messages));
}

static apr_int64_t left(void)
{
    return store_test_number("SELECT (SELECT count(*) FROM llmq_sessions) + "
                             "(SELECT count(*) FROM llmq_session_messages)");
}

static void tick(llmq_session_reaper_t *r, int n, apr_time_t now)
{
    while (n-- > 0)
        ck_assert_int_eq(llmq_session_reaper_tick(r, now, test_pool), APR_SUCCESS);
}

START_TEST(a_clean_up_takes_as_many_ticks_as_it_needs)
{
    llmq_session_reaper_t *r;

    store_test_open(_i);
    make(1500, 1);
    r = llmq_session_reaper_create(store_test.store, DAY, INTERVAL, test_pool);
    tick(r, 2, T0 + DAY + 1); /* the walk */
    ck_assert_int_eq(left(), 3000);
    ck_assert_int_eq(
        store_test_number(
            "SELECT count(*) FROM llmq_sessions WHERE removed_at IS NOT NULL"),
        1500);
    tick(r, 20, T0 + DAY + 1);
    ck_assert_int_eq(left(), 0);
    store_test_close();
}
END_TEST

START_TEST(between_clean_ups_there_is_a_pause)
{
    llmq_session_reaper_t *r;

    store_test_open(_i);
    make(2, 2);
    r = llmq_session_reaper_create(store_test.store, DAY, INTERVAL, test_pool);
    tick(r, 5, T0 + DAY);
    ck_assert_int_eq(left(), 6);
    tick(r, 5, T0 + DAY + INTERVAL - 1);
    ck_assert_int_eq(left(), 6);
    tick(r, 5, T0 + DAY + INTERVAL);
    ck_assert_int_eq(left(), 0);
    store_test_close();
}
END_TEST

START_TEST(without_an_end_sessions_stay_but_what_was_marked_goes)
{
    llmq_session_reaper_t *r;

    store_test_open(_i);
    make(2, 2);
    r = llmq_session_reaper_create(store_test.store, DAY, 0, test_pool);
    tick(r, 5, T0 + 2 * DAY);
    ck_assert_int_eq(left(), 6);
    r = llmq_session_reaper_create(store_test.store, 0, INTERVAL, test_pool);
    tick(r, 5, T0 + 2 * DAY);
    ck_assert_int_eq(left(), 6);
    store_test_sql("UPDATE llmq_sessions SET removed_at = 1 WHERE id = 's1'");
    tick(r, 5, T0 + 2 * DAY + INTERVAL);
    ck_assert_int_eq(left(), 3);
    store_test_close();
}
END_TEST

TCase *case_session_reaper(void)
{
    TCase *tc = test_case("session_reaper");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, a_clean_up_takes_as_many_ticks_as_it_needs, 0, n);
    tcase_add_loop_test(tc, between_clean_ups_there_is_a_pause, 0, n);
    tcase_add_loop_test(tc, without_an_end_sessions_stay_but_what_was_marked_goes, 0, n);
    return tc;
}
