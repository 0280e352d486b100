#include "store_support.h"

#include "store/store_census.h"

#include <apr_strings.h>

static int serial;

static void put_task(const char *type, const char *changes)
{
    llmq_job_t *job = store_test_job(apr_psprintf(test_pool, "task_%d", ++serial));

    job->kind = LLMQ_KIND_TASK;
    job->type = type;
    job->chain = NULL;
    store_test_insert(store_test.store, job);
    store_test_sql(apr_psprintf(test_pool, "UPDATE llmq_jobs SET %s WHERE id = '%s'",
                                changes, job->id));
}

static llmq_census_t *take(int *pn, const char *user)
{
    const llmq_census_filter_t filter = {"default", user, 500, 1000};
    llmq_census_t *rows = NULL;

    *pn = -1;
    ck_assert_int_eq(
        llmq_store_census_take(&rows, pn, store_test.store, &filter, test_pool),
        APR_SUCCESS);
    return rows;
}

START_TEST(tasks_are_counted_by_type_and_state)
{
    llmq_census_t *rows;
    int n;

    store_test_open(_i);
    put_task("a", "status = 0");
    put_task("a", "status = 0, run_at = 2000");                  /* scheduled */
    put_task("a", "status = 0, run_at = 2000, retry_count = 1"); /* backing off */
    put_task("a", "status = 0, run_at = 1000, retry_count = 1"); /* due again */
    put_task("a", "status = 5, finished_at = 900");
    put_task("b", "status = 1, started_at = 5");
    rows = take(&n, NULL);
    ck_assert_int_eq(n, 4);
    ck_assert_str_eq(rows[0].type, "a");
    ck_assert_int_eq(rows[0].status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(rows[0].backing_off, 0);
    ck_assert_int_eq(rows[0].count, 3);
    ck_assert_int_eq(rows[1].backing_off, 1);
    ck_assert_int_eq(rows[1].count, 1);
    ck_assert_int_eq(rows[2].status, LLMQ_STATUS_CANCELED);
    ck_assert_int_eq(rows[2].ended_lately, 0);
    ck_assert_str_eq(rows[3].type, "b");
    ck_assert_int_eq(rows[3].status, LLMQ_STATUS_PROCESSING);
    ck_assert_int_eq(rows[3].timed, 0);
    store_test_close();
}
END_TEST

START_TEST(times_are_of_those_whose_begin_is_known)
{
    llmq_census_t *rows;
    int n;

    store_test_open(_i);
    put_task("a", "status = 2, started_at = 100, finished_at = 300");
    put_task("a", "status = 2, started_at = 100, finished_at = 900");
    put_task("a", "status = 2, started_at = 0, finished_at = 499");
    put_task("a", "status = 2, started_at = 900, finished_at = 900");
    rows = take(&n, NULL);
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(rows[0].count, 4);
    ck_assert_int_eq(rows[0].timed, 3);
    ck_assert_int_eq(rows[0].busy, 1000);
    ck_assert_int_eq(rows[0].ended_lately, 2);
    store_test_close();
}
END_TEST

START_TEST(others_are_not_counted)
{
    int n;

    store_test_open(_i);
    put_task("a", "kind = 1");
    put_task("a", "tenant = 'other'");
    put_task("a", "removed_at = 1");
    take(&n, NULL);
    ck_assert_int_eq(n, 0);
    put_task("a", "user_id = 'kb_1'");
    put_task("a", "user_id = 'kb_2'");
    ck_assert_int_eq(take(&n, "kb_1")->count, 1);
    ck_assert_int_eq(take(&n, NULL)->count, 2);
    take(&n, "kb_3");
    ck_assert_int_eq(n, 0);
    store_test_close();
}
END_TEST

static apr_int64_t count(const char *type, llmq_level_e level)
{
    const llmq_census_queue_t queue = {"default", type, level};
    apr_int64_t n = -1;

    ck_assert_int_eq(
        llmq_store_census_waiting(&n, store_test_node("node_b"), &queue, test_pool),
        APR_SUCCESS);
    return n;
}

START_TEST(what_waits_is_counted_on_all_nodes)
{
    store_test_open(_i);
    ck_assert_int_eq(count(NULL, LLMQ_LEVEL_NONE), 0);
    put_task("a", "level = 1");
    put_task("a", "level = 2");
    put_task("b", "level = 2, run_at = 9000000000000000");
    put_task("a", "level = 2, status = 1");
    put_task("a", "level = 2, kind = 1");
    put_task("a", "level = 2, tenant = 'other'");
    put_task("a", "level = 2, removed_at = 1");
    ck_assert_int_eq(count(NULL, LLMQ_LEVEL_NONE), 3);
    ck_assert_int_eq(count("a", LLMQ_LEVEL_NONE), 2);
    ck_assert_int_eq(count(NULL, LLMQ_LEVEL_HIGH), 2);
    ck_assert_int_eq(count("a", LLMQ_LEVEL_REALTIME), 1);
    ck_assert_int_eq(count("c", LLMQ_LEVEL_NONE), 0);
    store_test_close();
}
END_TEST

START_TEST(unfinished_tasks_of_this_node_are_counted_by_type_and_level)
{
    llmq_backlog_sum_t *rows;
    apr_int64_t dead = -1;
    int n;

    store_test_open(_i);
    put_task("a", "level = 2, created_at = 10, run_at = 10");
    put_task("a", "level = 2, created_at = 10, run_at = 300");
    put_task("a", "level = 2, created_at = 5, run_at = 2000");
    put_task("a", "level = 2, created_at = 5, run_at = 2000, retry_count = 1");
    put_task("a", "level = 3, status = 1");
    put_task("b", "level = 2, status = 2");
    put_task("b", "level = 2, node = 'node_b'");
    put_task("b", "level = 2, kind = 1");
    put_task("b", "status = 3, dead_letter = 1");
    put_task("b", "status = 3, dead_letter = 1, kind = 1");
    put_task("b", "status = 3, dead_letter = 1, node = 'node_b'");
    ck_assert_int_eq(llmq_store_census_open(&rows, &n, store_test.store, 1000, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 3);
    ck_assert_str_eq(rows[0].type, "a");
    ck_assert_int_eq(rows[0].count + rows[1].count, 4);
    ck_assert_int_eq(rows[0].backing_off + rows[1].backing_off, 1);
    ck_assert_int_eq(rows[rows[0].backing_off].oldest_due, 10);
    ck_assert_int_eq(rows[!rows[0].backing_off].oldest_due, 0);
    ck_assert_int_eq(rows[2].level, LLMQ_LEVEL_NORMAL);
    ck_assert_int_eq(rows[2].status, LLMQ_STATUS_PROCESSING);
    ck_assert_int_eq(llmq_store_census_dead(&dead, store_test.store, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(dead, 1);
    store_test_close();
}
END_TEST

TCase *case_store_census(void)
{
    TCase *tc = test_case("store_census");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, tasks_are_counted_by_type_and_state, 0, dialects);
    tcase_add_loop_test(tc, times_are_of_those_whose_begin_is_known, 0, dialects);
    tcase_add_loop_test(tc, others_are_not_counted, 0, dialects);
    tcase_add_loop_test(tc, what_waits_is_counted_on_all_nodes, 0, dialects);
    tcase_add_loop_test(tc, unfinished_tasks_of_this_node_are_counted_by_type_and_level,
                        0, dialects);
    return tc;
}
