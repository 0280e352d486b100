#include "store/store_dead.h"

#include "store_support.h"

#include <apr_strings.h>

#include <string.h>

#define T0    STORE_TEST_T0
#define COUNT 12

/* Dead letters of all levels, two users and two conversations, one a second; and whatever
 * must never be found. */
static void fill(void)
{
    int i;

    for (i = 0; i < COUNT; i++) {
        llmq_job_t *job = store_test_job(apr_psprintf(test_pool, "msg_%02d", i));

        job->chain = i % 2 ? "conv_odd" : "conv_even";
        job->user = i % 3 ? "anne" : "bob";
        job->level = 1 + i % 4;
        job->deadline = T0 + 5;
        store_test_insert(store_test.store, job);
    }
    store_test_sql(
        "UPDATE llmq_jobs SET status = 3, dead_letter = 1, attempt = 3, "
        "retry_count = 3, error = '{\"type\":\"connect\",\"message\":\"100% gone\"}', "
        "finished_at = 1735727400000000 + seq * 1000000");
    store_test_sql(
        "UPDATE llmq_jobs SET error = "
        "'{\"type\":\"timeout\",\"message\":\"Too_Slow \\\"really\\\"\"}', status = 4 "
        "WHERE id IN ('msg_03', 'msg_07')");
    store_test_insert(store_test.store, store_test_job("msg_alive"));
    store_test_insert(store_test.store, store_test_job("msg_failed"));
    store_test_sql("UPDATE llmq_jobs SET status = 3 WHERE id = 'msg_failed'");
    store_test_insert(store_test.store, store_test_job("msg_removed"));
    store_test_sql("UPDATE llmq_jobs SET status = 3, dead_letter = 1, removed_at = 1 "
                   "WHERE id = 'msg_removed'");
    store_test_insert(store_test.store, store_test_job("msg_foreign"));
    store_test_sql("UPDATE llmq_jobs SET status = 3, dead_letter = 1, tenant = 'other' "
                   "WHERE id = 'msg_foreign'");
}

static llmq_dead_query_t all(void)
{
    llmq_dead_query_t q;

    memset(&q, 0, sizeof(q));
    q.tenant = "default";
    q.kind = LLMQ_KIND_MESSAGE;
    q.page = 1;
    q.page_size = 100;
    return q;
}

static apr_int64_t matching(const llmq_dead_query_t *q)
{
    apr_int64_t total = -1;
    apr_int64_t counted = -1;
    llmq_job_t *jobs;
    int n = 0;

    ck_assert_int_eq(
        llmq_store_dead_list(&jobs, &n, &total, store_test.store, q, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(llmq_store_dead_count(&counted, store_test.store, q, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(counted, total);
    if (q->page_size == 100)
        ck_assert_int_eq(n, total);
    return total;
}

START_TEST(only_dead_letters_of_the_tenant_are_listed)
{
    llmq_dead_query_t q = all();
    apr_int64_t total = 0;
    llmq_job_t *jobs;
    int n = 0;

    store_test_open(_i);
    fill();
    ck_assert_int_eq(matching(&q), COUNT);
    q.page_size = 5;
    q.page = 3;
    ck_assert_int_eq(
        llmq_store_dead_list(&jobs, &n, &total, store_test.store, &q, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(jobs[0].id, "msg_10");
    ck_assert_int_eq(jobs[0].dead_letter, 1);
    ck_assert_ptr_nonnull(strstr(jobs[0].error, "connect"));
    q.page = 1;
    q.descending = 1;
    ck_assert_int_eq(
        llmq_store_dead_list(&jobs, &n, &total, store_test.store, &q, test_pool),
        APR_SUCCESS);
    ck_assert_str_eq(jobs[0].id, "msg_11");
    q.tenant = "other";
    ck_assert_int_eq(matching(&q), 1);
    q.tenant = "nobody";
    ck_assert_int_eq(matching(&q), 0);
    store_test_close();
}
END_TEST

START_TEST(filters_narrow_it_down)
{
    llmq_dead_query_t q = all();

    store_test_open(_i);
    fill();
    q.level = LLMQ_LEVEL_LOW;
    ck_assert_int_eq(matching(&q), 3);
    q.chain = "conv_even";
    ck_assert_int_eq(matching(&q), 0);
    q = all();
    q.user = "bob";
    ck_assert_int_eq(matching(&q), 4);
    q.chain = "conv_odd";
    ck_assert_int_eq(matching(&q), 2);
    q = all();
    q.since = T0 + apr_time_from_sec(11);
    ck_assert_int_eq(matching(&q), 2);
    q.since = T0 + apr_time_from_sec(13);
    ck_assert_int_eq(matching(&q), 0);
    store_test_close();
}
END_TEST

/* What is looked for in the error, and how many have it. */
static const struct {
    const char *needle;
    int n;
} needles[] = {
    {"connect", 10}, {"CONNECT", 10},
    {"timeout", 2},  {"o_s", 2},
    {"oxs", 0},      {"100% gone", 10},
    {"0%g", 0},      {"%", 10},
    {"_", 2},        {"!", 0},
    {"\\", 0},       {"\"really\"", 2},
    {"", 12},        {"slow \"Really", 2},
    {"'; --", 0},    {"\xC3\xA9", 0},
};
#define NEEDLES (int)(sizeof(needles) / sizeof(needles[0]))

START_TEST(the_error_is_searched_for_a_text_as_it_is)
{
    llmq_dead_query_t q = all();
    int i;

    store_test_open(_i);
    fill();
    for (i = 0; i < NEEDLES; i++) {
        q.needle = needles[i].needle;
        ck_assert_msg(matching(&q) == needles[i].n, "%s: %d", needles[i].needle,
                      (int)matching(&q));
    }
    store_test_close();
}
END_TEST

START_TEST(a_walk_goes_on_behind_what_was_removed)
{
    llmq_dead_query_t q = all();
    llmq_job_t *jobs = NULL;
    int n = 0;
    int seen = 0;

    store_test_open(_i);
    fill();
    do {
        const llmq_job_t *after = seen ? &jobs[n - 1] : NULL;
        const char *id;
        int removed = 0;

        ck_assert_int_eq(
            llmq_store_dead_page(&jobs, &n, store_test.store, &q, after, 5, test_pool),
            APR_SUCCESS);
        ck_assert_str_eq(jobs[0].id, apr_psprintf(test_pool, "msg_%02d", seen));
        seen += n;
        id = jobs[0].id;
        ck_assert_int_eq(llmq_store_dead_remove(&removed, store_test.store, "default",
                                                &id, 1, T0, test_pool),
                         APR_SUCCESS);
        ck_assert_int_eq(removed, 1);
    } while (n == 5);
    ck_assert_int_eq(seen, COUNT);
    ck_assert_int_eq(matching(&q), COUNT - 3);
    store_test_close();
}
END_TEST

START_TEST(what_is_requeued_starts_afresh)
{
    static const llmq_dead_return_t returns[] = {
        {"msg_03", T0 + 17}, {"msg_foreign", T0}, {"msg_failed", T0},
        {"msg_04", T0 + 18}, {"msg_removed", T0}, {"msg_unknown", T0}};
    llmq_store_t *other;
    llmq_job_t *jobs = NULL;
    const llmq_job_t *job;
    int n = 0;

    store_test_open(_i);
    fill();
    other = store_test_node("node_b");
    ck_assert_int_eq(llmq_store_dead_requeue(&jobs, &n, other, "default", returns, 6,
                                             T0 + 9, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 2);
    if (strcmp(jobs[0].id, "msg_03") != 0)
        jobs++;
    ck_assert_str_eq(jobs[0].id, "msg_03");
    ck_assert_str_eq(jobs[0].tenant, "default");
    ck_assert_str_eq(jobs[0].chain, "conv_odd");
    ck_assert_str_eq(jobs[0].user, "bob");
    ck_assert_int_eq(jobs[0].level, LLMQ_LEVEL_LOW);
    ck_assert_int_eq(jobs[0].kind, LLMQ_KIND_MESSAGE);
    ck_assert_int_eq(jobs[0].attempt, 4);
    ck_assert_int_eq(jobs[0].run_at, T0 + 17);
    ck_assert_int_eq(jobs[0].created_at, T0);
    job = store_test_find("msg_03");
    ck_assert_int_eq(job->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(job->dead_letter, 0);
    ck_assert_int_eq(job->retry_count, 0);
    ck_assert_int_eq(job->attempt, 4);
    ck_assert_int_eq(job->finished_at, 0);
    ck_assert_int_eq(job->deadline, 0);
    ck_assert_int_eq(job->updated_at, T0 + 9);
    ck_assert_ptr_null(job->error);
    ck_assert_str_eq(job->node, "node_b");
    ck_assert_int_eq(store_test_find("msg_failed")->status, LLMQ_STATUS_FAILED);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_jobs WHERE status = 0"),
                     3);
    store_test_close();
}
END_TEST

START_TEST(only_dead_letters_of_the_tenant_are_removed)
{
    static const char *const ids[] = {"msg_00", "msg_foreign", "msg_failed", "msg_alive",
                                      "msg_01"};
    int n = -1;

    store_test_open(_i);
    fill();
    ck_assert_int_eq(llmq_store_dead_remove(&n, store_test.store, "default", ids, 5,
                                            T0 + 1, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 2);
    ck_assert_int_eq(llmq_store_dead_remove(&n, store_test.store, "default", ids, 5,
                                            T0 + 1, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 0);
    ck_assert_ptr_null(store_test_find("msg_00"));
    ck_assert_ptr_nonnull(store_test_find("msg_failed"));
    ck_assert_int_eq(
        store_test_number("SELECT attempt FROM llmq_jobs WHERE id = 'msg_01'"), 4);
    store_test_close();
}
END_TEST

/* One dead task beside the messages, as a worker has left it. */
static void fill_task(void)
{
    llmq_job_t *job = store_test_job("01890a5d-ac96-774b-bcce-b302099a8057");

    job->kind = LLMQ_KIND_TASK;
    job->type = "vector_storage";
    job->user = "kb_1";
    job->chain = NULL;
    store_test_insert(store_test.store, job);
    store_test_sql(
        "UPDATE llmq_jobs SET status = 3, dead_letter = 1, attempt = 7, retry_count = 2, "
        "deliveries = 5, progress = 40, note = 'half', lease_token = 'lease_x', "
        "lease_until = 1, owner = 'w1', error = '{}', finished_at = 1735727500000000 "
        "WHERE kind = 2");
}

START_TEST(kinds_and_types_are_told_apart)
{
    llmq_dead_query_t q = all();

    store_test_open(_i);
    fill();
    fill_task();
    ck_assert_int_eq(matching(&q), COUNT);
    q.kind = LLMQ_KIND_NONE;
    ck_assert_int_eq(matching(&q), COUNT + 1);
    q.type = "vector_storage";
    ck_assert_int_eq(matching(&q), 1);
    q.type = "health_check";
    ck_assert_int_eq(matching(&q), 0);
    q.type = NULL;
    q.kind = LLMQ_KIND_TASK;
    ck_assert_int_eq(matching(&q), 1);
    q.user = "kb_1";
    ck_assert_int_eq(matching(&q), 1);
    q.user = "anne";
    ck_assert_int_eq(matching(&q), 0);
}
END_TEST

START_TEST(a_task_comes_back_as_if_no_worker_had_had_it)
{
    llmq_dead_return_t back = {"01890a5d-ac96-774b-bcce-b302099a8057", T0 + 9};
    llmq_job_t *jobs;
    llmq_job_t *job;
    int n = 0;

    store_test_open(_i);
    fill_task();
    ck_assert_int_eq(llmq_store_dead_requeue(&jobs, &n, store_test.store, "default",
                                             &back, 1, T0 + 9, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(jobs[0].type, "vector_storage");
    ck_assert_int_eq(jobs[0].kind, LLMQ_KIND_TASK);
    ck_assert_int_eq(jobs[0].lease_until, 0);
    ck_assert_int_eq(llmq_store_job_find(&job, store_test.store, "default",
                                         LLMQ_KIND_TASK, back.id, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(job->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(job->attempt, 8);
    ck_assert_int_eq(job->retry_count, 0);
    ck_assert_int_eq(job->deliveries, 0);
    ck_assert_int_eq(job->progress, 0);
    ck_assert_int_eq(job->run_at, T0 + 9);
    ck_assert_ptr_null(job->note);
    ck_assert_ptr_null(job->owner);
    ck_assert_ptr_null(job->lease_token);
    ck_assert_ptr_null(job->error);
}
END_TEST

TCase *case_store_dead(void)
{
    TCase *tc = test_case("store_dead");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, only_dead_letters_of_the_tenant_are_listed, 0, n);
    tcase_add_loop_test(tc, filters_narrow_it_down, 0, n);
    tcase_add_loop_test(tc, the_error_is_searched_for_a_text_as_it_is, 0, n);
    tcase_add_loop_test(tc, a_walk_goes_on_behind_what_was_removed, 0, n);
    tcase_add_loop_test(tc, what_is_requeued_starts_afresh, 0, n);
    tcase_add_loop_test(tc, only_dead_letters_of_the_tenant_are_removed, 0, n);
    tcase_add_loop_test(tc, kinds_and_types_are_told_apart, 0, n);
    tcase_add_loop_test(tc, a_task_comes_back_as_if_no_worker_had_had_it, 0, n);
    return tc;
}
