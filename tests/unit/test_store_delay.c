#include "store/store_delay.h"

#include "store_support.h"

#include <apr_strings.h>

#include <string.h>

#define T0 STORE_TEST_T0

static void put(const char *id, llmq_level_e level, apr_time_t run_at)
{
    llmq_job_t *job = store_test_job(id);

    job->level = level;
    job->run_at = run_at;
    store_test_insert(store_test.store, job);
}

/* Three that are delayed, the last one first, and whatever is not. */
static void fill(void)
{
    put("msg_c", LLMQ_LEVEL_HIGH, T0 + 300);
    put("msg_a", LLMQ_LEVEL_LOW, T0 + 100);
    put("msg_b", LLMQ_LEVEL_HIGH, T0 + 200);
    put("msg_due", LLMQ_LEVEL_HIGH, T0);
    put("msg_now", LLMQ_LEVEL_HIGH, 0);
    put("msg_claimed", LLMQ_LEVEL_HIGH, T0 + 400);
    put("msg_foreign", LLMQ_LEVEL_HIGH, T0 + 400);
    put("msg_removed", LLMQ_LEVEL_HIGH, T0 + 400);
    put("msg_done", LLMQ_LEVEL_HIGH, T0 + 400);
    put("msg_runs", LLMQ_LEVEL_HIGH, T0 + 400);
    store_test_sql("UPDATE llmq_jobs SET owner = 'somebody' WHERE id = 'msg_claimed'");
    store_test_sql("UPDATE llmq_jobs SET tenant = 'other' WHERE id = 'msg_foreign'");
    store_test_sql("UPDATE llmq_jobs SET removed_at = 1 WHERE id = 'msg_removed'");
    store_test_sql("UPDATE llmq_jobs SET status = 2 WHERE id = 'msg_done'");
    store_test_sql("UPDATE llmq_jobs SET status = 1 WHERE id = 'msg_runs'");
}

static const char *list(llmq_level_e level, apr_time_t before, int page, int page_size)
{
    llmq_delay_query_t q = {.tenant = "default",
                            .kind = LLMQ_KIND_MESSAGE,
                            .level = level,
                            .before = before,
                            .now = T0,
                            .page = page,
                            .page_size = page_size};
    const char *ids = "";
    apr_int64_t total = -1;
    llmq_job_t *jobs;
    int n = 0;
    int i;

    ck_assert_int_eq(
        llmq_store_delay_list(&jobs, &n, &total, store_test.store, &q, test_pool),
        APR_SUCCESS);
    for (i = 0; i < n; i++)
        ids = apr_pstrcat(test_pool, ids, jobs[i].id + 4, NULL);
    return apr_psprintf(test_pool, "%s of %d", ids, (int)total);
}

START_TEST(delayed_ones_are_listed_in_the_order_of_their_moments)
{
    store_test_open(_i);
    fill();
    ck_assert_str_eq(list(0, 0, 1, 10), "abc of 3");
    ck_assert_str_eq(list(0, 0, 2, 2), "c of 3");
    ck_assert_str_eq(list(0, 0, 3, 2), " of 3");
    ck_assert_str_eq(list(LLMQ_LEVEL_HIGH, 0, 1, 10), "bc of 2");
    ck_assert_str_eq(list(LLMQ_LEVEL_HIGH, T0 + 300, 1, 10), "b of 1");
    ck_assert_str_eq(list(0, T0 + 201, 1, 10), "ab of 2");
    ck_assert_str_eq(list(LLMQ_LEVEL_NORMAL, 0, 1, 10), " of 0");
    store_test_close();
}
END_TEST

static const char *const others[] = {"msg_due",     "msg_now",     "msg_claimed",
                                     "msg_foreign", "msg_removed", "msg_done",
                                     "msg_runs",    "msg_none"};
#define OTHERS (int)(sizeof(others) / sizeof(others[0]))

START_TEST(only_a_delayed_one_is_hastened)
{
    llmq_store_t *other;
    llmq_job_t *job = NULL;
    int i;

    store_test_open(_i);
    fill();
    other = store_test_node("node_b");
    for (i = 0; i < OTHERS; i++)
        ck_assert_int_eq(llmq_store_delay_hasten(&job, store_test.store, "default",
                                                 LLMQ_KIND_MESSAGE, others[i], T0,
                                                 test_pool),
                         LLMQ_ESTATE);
    ck_assert_int_eq(llmq_store_delay_hasten(&job, other, "default", LLMQ_KIND_MESSAGE,
                                             "msg_b", T0, test_pool),
                     APR_SUCCESS);
    ck_assert_str_eq(job->id, "msg_b");
    ck_assert_int_eq(job->attempt, 1);
    ck_assert_int_eq(job->run_at, T0);
    ck_assert_int_eq(job->level, LLMQ_LEVEL_HIGH);
    ck_assert_str_eq(store_test_find("msg_b")->node, "node_b");
    ck_assert_str_eq(list(0, 0, 1, 10), "ac of 2");
    ck_assert_int_eq(llmq_store_delay_hasten(&job, other, "default", LLMQ_KIND_MESSAGE,
                                             "msg_b", T0, test_pool),
                     LLMQ_ESTATE);
    store_test_close();
}
END_TEST

START_TEST(only_a_delayed_one_is_removed)
{
    int i;

    store_test_open(_i);
    fill();
    for (i = 0; i < OTHERS; i++)
        ck_assert_int_eq(llmq_store_delay_remove(store_test.store, "default",
                                                 LLMQ_KIND_MESSAGE, others[i], T0,
                                                 test_pool),
                         LLMQ_ESTATE);
    ck_assert_int_eq(llmq_store_delay_remove(store_test.store, "default",
                                             LLMQ_KIND_MESSAGE, "msg_a", T0, test_pool),
                     APR_SUCCESS);
    ck_assert_ptr_null(store_test_find("msg_a"));
    ck_assert_int_eq(
        store_test_number("SELECT attempt FROM llmq_jobs WHERE id = 'msg_a'"), 1);
    ck_assert_str_eq(list(0, 0, 1, 10), "bc of 2");
    store_test_close();
}
END_TEST

TCase *case_store_delay(void)
{
    TCase *tc = test_case("store_delay");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, delayed_ones_are_listed_in_the_order_of_their_moments, 0, n);
    tcase_add_loop_test(tc, only_a_delayed_one_is_hastened, 0, n);
    tcase_add_loop_test(tc, only_a_delayed_one_is_removed, 0, n);
    return tc;
}
