#include "dispatch/completion_reaper.h"

#include "store_support.h"

#include <apr_strings.h>

#define T0       STORE_TEST_T0
#define DAY      apr_time_from_sec(86400)
#define INTERVAL apr_time_from_sec(300)

static int serial;

static void put(int kind, int status, apr_time_t finished_at)
{
    const char *id = apr_psprintf(test_pool, "job_%d", ++serial);

    store_test_insert(store_test.store, store_test_job(id));
    store_test_sql(apr_psprintf(test_pool,
                                "UPDATE llmq_jobs SET kind = %d, status = %d, "
                                "finished_at = %" APR_TIME_T_FMT " WHERE id = '%s'",
                                kind, status, finished_at, id));
}

static apr_int64_t left(void)
{
    return store_test_number("SELECT count(*) FROM llmq_jobs");
}

static void tick(apr_interval_time_t ttl, apr_interval_time_t interval, apr_time_t now)
{
    llmq_completion_reaper_t *r =
        llmq_completion_reaper_create(store_test.store, ttl, interval, test_pool);

    ck_assert_int_eq(llmq_completion_reaper_tick(r, now, test_pool), APR_SUCCESS);
}

START_TEST(what_ended_long_ago_is_removed)
{
    int status;

    store_test_open(_i);
    for (status = LLMQ_STATUS_COMPLETED; status < LLMQ_STATUS_COUNT; status++) {
        put(LLMQ_KIND_COMPLETION, status, T0);
        put(LLMQ_KIND_COMPLETION, status, T0 + 2);
        put(LLMQ_KIND_MESSAGE, status, T0);
    }
    put(LLMQ_KIND_COMPLETION, LLMQ_STATUS_PENDING, 0);
    put(LLMQ_KIND_COMPLETION, LLMQ_STATUS_PROCESSING, 0);
    tick(0, INTERVAL, T0 + DAY + 1);
    tick(DAY, 0, T0 + DAY + 1);
    ck_assert_int_eq(left(), 14);
    tick(DAY, INTERVAL, T0 + DAY + 1);
    ck_assert_int_eq(left(), 10);
    tick(DAY, INTERVAL, T0 + DAY + 3);
    ck_assert_int_eq(left(), 6);
    store_test_close();
}
END_TEST

START_TEST(many_take_several_ticks_and_then_it_rests)
{
    llmq_completion_reaper_t *r;

    store_test_open(_i);
    put(LLMQ_KIND_COMPLETION, LLMQ_STATUS_COMPLETED, T0);
    store_test_sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
        "i < 1500) INSERT INTO llmq_jobs (id, tenant, user_id, payload, "
        "metadata, created_at, updated_at, run_at, finished_at, kind, level, "
        "status, node) SELECT 'many_' || i, tenant, user_id, payload, metadata, "
        "created_at, updated_at, run_at, finished_at, kind, level, status, node "
        "FROM llmq_jobs, n");
    r = llmq_completion_reaper_create(store_test.store, DAY, INTERVAL, test_pool);
    ck_assert_int_eq(llmq_completion_reaper_tick(r, T0 + 2 * DAY, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(left(), 501);
    ck_assert_int_eq(llmq_completion_reaper_tick(r, T0 + 2 * DAY, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(left(), 0);
    put(LLMQ_KIND_COMPLETION, LLMQ_STATUS_FAILED, T0);
    llmq_completion_reaper_tick(r, T0 + 2 * DAY, test_pool);
    ck_assert_int_eq(left(), 1);
    llmq_completion_reaper_tick(r, T0 + 2 * DAY + INTERVAL, test_pool);
    ck_assert_int_eq(left(), 0);
    store_test_close();
}
END_TEST

TCase *case_completion_reaper(void)
{
    TCase *tc = test_case("completion_reaper");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, what_ended_long_ago_is_removed, 0, dialects);
    tcase_add_loop_test(tc, many_take_several_ticks_and_then_it_rests, 0, dialects);
    return tc;
}
