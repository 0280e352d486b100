#include "store/store_task.h"

#include "store_support.h"

#include <apr_strings.h>

#include <string.h>

#define T0 STORE_TEST_T0

static void put(const char *id, const char *type, const char *kb, llmq_level_e level)
{
    llmq_job_t *job = store_test_job(id);

    job->kind = LLMQ_KIND_TASK;
    job->type = type;
    job->user = kb;
    job->level = level;
    store_test_insert(store_test.store, job);
}

/* Six tasks in each of S3's states, and what is none of this tenant's. */
static void fill(void)
{
    put("a", "index", "kb_1", LLMQ_LEVEL_HIGH);
    put("b", "embed", "kb_1", LLMQ_LEVEL_LOW);
    put("c", "index", "kb_2", LLMQ_LEVEL_HIGH);
    put("d", "embed", "kb_2", LLMQ_LEVEL_REALTIME);
    put("e", "index", "kb_1", LLMQ_LEVEL_NORMAL);
    put("f", "index", "kb_2", LLMQ_LEVEL_NORMAL);
    put("g", "index", "kb_3", LLMQ_LEVEL_NORMAL);
    put("foreign", "index", "kb_1", LLMQ_LEVEL_NORMAL);
    put("gone", "index", "kb_1", LLMQ_LEVEL_NORMAL);
    store_test_insert(store_test.store, store_test_job("msg_1"));
    store_test_sql("UPDATE llmq_jobs SET status = 1, progress = 50, owner = 'w', "
                   "lease_token = 't', lease_until = 9 WHERE id = 'b'");
    store_test_sql("UPDATE llmq_jobs SET status = 2, progress = 100 WHERE id = 'c'");
    store_test_sql("UPDATE llmq_jobs SET status = 3, dead_letter = 1, retry_count = 3, "
                   "max_retries = 3, deliveries = 8, progress = 10, note = 'x', "
                   "error = 'y', owner = 'w', started_at = 4, finished_at = 5, "
                   "lease_token = 't' WHERE id = 'd'");
    store_test_sql("UPDATE llmq_jobs SET status = 5 WHERE id = 'e'");
    store_test_sql("UPDATE llmq_jobs SET retry_count = 1, run_at = 1735727400000001 "
                   "WHERE id = 'f'");
    store_test_sql("UPDATE llmq_jobs SET status = 4 WHERE id = 'g'");
    store_test_sql("UPDATE llmq_jobs SET tenant = 'other' WHERE id = 'foreign'");
    store_test_sql("UPDATE llmq_jobs SET removed_at = 1 WHERE id = 'gone'");
}

static llmq_task_query_t question(void)
{
    llmq_task_query_t q = {
        .tenant = "default", .now = T0, .descending = 0, .page = 1, .page_size = 20};

    return q;
}

/* The ids of a page, one behind the other, then the total. */
static const char *listed(const llmq_task_query_t *q)
{
    const char *ids = "";
    apr_int64_t total = -1;
    llmq_job_t *jobs;
    int n = 0, i;

    ck_assert_int_eq(
        llmq_store_task_list(&jobs, &n, &total, store_test.store, q, test_pool),
        APR_SUCCESS);
    for (i = 0; i < n; i++)
        ids = apr_pstrcat(test_pool, ids, jobs[i].id, NULL);
    return apr_psprintf(test_pool, "%s %d", ids, (int)total);
}

START_TEST(each_filter_narrows_the_list)
{
    llmq_task_query_t q = question();

    store_test_open(_i);
    fill();
    ck_assert_str_eq(listed(&q), "abcdefg 7");
    q.kb = "kb_1";
    ck_assert_str_eq(listed(&q), "abe 3");
    q.type = "index";
    ck_assert_str_eq(listed(&q), "ae 2");
    q.level = LLMQ_LEVEL_HIGH;
    ck_assert_str_eq(listed(&q), "a 1");
    q.kb = NULL;
    ck_assert_str_eq(listed(&q), "ac 2");
    q.state = "completed";
    ck_assert_str_eq(listed(&q), "c 1");
    q = question();
    q.created_after = T0;
    ck_assert_str_eq(listed(&q), "abcdefg 7");
    q.created_after = T0 + 1;
    ck_assert_str_eq(listed(&q), " 0");
    q = question();
    q.kb = "' OR 1=1 --";
    ck_assert_str_eq(listed(&q), " 0");
    store_test_close();
}
END_TEST

START_TEST(states_are_told_apart)
{
    static const char *const rows[][2] = {{"queued", "a 1"},    {"processing", "b 1"},
                                          {"completed", "c 1"}, {"failed", "dg 2"},
                                          {"canceled", "e 1"},  {"retrying", "f 1"}};
    llmq_task_query_t q = question();
    size_t i;

    store_test_open(_i);
    fill();
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        q.state = rows[i][0];
        ck_assert_str_eq(listed(&q), rows[i][1]);
    }
    q.state = "queued";
    q.now = T0 + 1;
    ck_assert_str_eq(listed(&q), "af 2");
    store_test_close();
}
END_TEST

START_TEST(each_order_goes_both_ways)
{
    static const struct {
        llmq_task_sort_e sort;
        const char *up;
        const char *down;
    } rows[] = {{LLMQ_TASK_SORT_CREATED, "abcdefg 7", "gfedcba 7"},
                {LLMQ_TASK_SORT_UPDATED, "bcdefga 7", "agfedcb 7"},
                {LLMQ_TASK_SORT_LEVEL, "dacefgb 7", "bgfecad 7"},
                {LLMQ_TASK_SORT_STATUS, "afbcdge 7", "egdcbfa 7"},
                {LLMQ_TASK_SORT_PROGRESS, "aefgdbc 7", "cbdgfea 7"}};
    llmq_task_query_t q = question();
    size_t i;

    store_test_open(_i);
    fill();
    store_test_sql("UPDATE llmq_jobs SET updated_at = updated_at + 1 WHERE id = 'a'");
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        q.sort = rows[i].sort;
        q.descending = 0;
        ck_assert_str_eq(listed(&q), rows[i].up);
        q.descending = 1;
        ck_assert_str_eq(listed(&q), rows[i].down);
    }
    q.kb = "kb_1";
    ck_assert_str_eq(listed(&q), "bea 3");
    store_test_close();
}
END_TEST

START_TEST(pages_follow_one_another)
{
    llmq_task_query_t q = question();

    store_test_open(_i);
    fill();
    q.page_size = 3;
    ck_assert_str_eq(listed(&q), "abc 7");
    q.page = 3;
    ck_assert_str_eq(listed(&q), "g 7");
    q.page = 4;
    ck_assert_str_eq(listed(&q), " 7");
    store_test_close();
}
END_TEST

static apr_status_t cancel(llmq_job_t **pjob, const char *id)
{
    llmq_task_ref_t ref = {"default", id, T0 + 7};

    return llmq_store_task_cancel(pjob, store_test.store, &ref, test_pool);
}

START_TEST(what_has_not_ended_can_be_canceled_once)
{
    llmq_job_t *job = NULL;

    store_test_open(_i);
    fill();
    ck_assert_int_eq(cancel(&job, "b"), APR_SUCCESS);
    ck_assert_int_eq(job->status, LLMQ_STATUS_CANCELED);
    ck_assert_int_eq(job->attempt, 1);
    ck_assert_int_eq(job->lease_until, 0);
    ck_assert_int_eq(job->finished_at, T0 + 7);
    ck_assert_int_eq(job->updated_at, T0 + 7);
    ck_assert_int_eq(job->progress, 50);
    ck_assert_str_eq(job->owner, "w");
    ck_assert_int_eq(cancel(&job, "b"), LLMQ_ESTATE);
    ck_assert_int_eq(cancel(&job, "a"), APR_SUCCESS);
    ck_assert_int_eq(cancel(&job, "f"), APR_SUCCESS);
    ck_assert_int_eq(cancel(&job, "c"), LLMQ_ESTATE);
    ck_assert_int_eq(cancel(&job, "d"), LLMQ_ESTATE);
    ck_assert_int_eq(cancel(&job, "foreign"), LLMQ_ESTATE);
    ck_assert_int_eq(cancel(&job, "gone"), LLMQ_ESTATE);
    ck_assert_int_eq(cancel(&job, "msg_1"), LLMQ_ESTATE);
    ck_assert_int_eq(cancel(&job, "none"), LLMQ_ESTATE);
    store_test_close();
}
END_TEST

static apr_status_t retry(llmq_job_t **pjob, const char *id)
{
    llmq_task_ref_t ref = {"default", id, T0 + 7};

    return llmq_store_task_retry(pjob, store_test.store, &ref, test_pool);
}

START_TEST(what_has_failed_can_be_retried_with_nothing_of_its_past)
{
    llmq_job_t *job = NULL;

    store_test_open(_i);
    fill();
    ck_assert_int_eq(retry(&job, "d"), APR_SUCCESS);
    ck_assert_int_eq(job->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(job->retry_count, 4);
    ck_assert_int_eq(job->max_retries, 4);
    ck_assert_int_eq(job->deliveries, 4);
    ck_assert_int_eq(job->attempt, 1);
    ck_assert_int_eq(job->run_at, T0 + 7);
    ck_assert_int_eq(job->finished_at, 0);
    ck_assert_int_eq(job->started_at, 0);
    ck_assert_int_eq(job->progress, 0);
    ck_assert_int_eq(job->dead_letter, 0);
    ck_assert_ptr_null(job->owner);
    ck_assert_ptr_null(job->note);
    ck_assert_ptr_null(job->error);
    ck_assert_ptr_null(job->lease_token);
    ck_assert_str_eq(job->type, "embed");
    ck_assert_int_eq(retry(&job, "d"), LLMQ_ESTATE);
    store_test_close();
}
END_TEST

START_TEST(only_failures_can_be_retried)
{
    llmq_job_t *job = NULL;

    store_test_open(_i);
    fill();
    ck_assert_int_eq(retry(&job, "g"), APR_SUCCESS);
    ck_assert_int_eq(job->retry_count, 1);
    ck_assert_int_eq(job->max_retries, 3);
    ck_assert_int_eq(job->deliveries, 0);
    ck_assert_int_eq(retry(&job, "a"), LLMQ_ESTATE);
    ck_assert_int_eq(retry(&job, "b"), LLMQ_ESTATE);
    ck_assert_int_eq(retry(&job, "c"), LLMQ_ESTATE);
    ck_assert_int_eq(retry(&job, "e"), LLMQ_ESTATE);
    ck_assert_int_eq(retry(&job, "msg_1"), LLMQ_ESTATE);
    store_test_close();
}
END_TEST

TCase *case_store_task(void)
{
    TCase *tc = test_case("store_task");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, each_filter_narrows_the_list, 0, n);
    tcase_add_loop_test(tc, states_are_told_apart, 0, n);
    tcase_add_loop_test(tc, each_order_goes_both_ways, 0, n);
    tcase_add_loop_test(tc, pages_follow_one_another, 0, n);
    tcase_add_loop_test(tc, what_has_not_ended_can_be_canceled_once, 0, n);
    tcase_add_loop_test(tc, what_has_failed_can_be_retried_with_nothing_of_its_past, 0,
                        n);
    tcase_add_loop_test(tc, only_failures_can_be_retried, 0, n);
    return tc;
}
