#include "store_support.h"

#include "store/store_outbox.h"

#include <apr_strings.h>

#include <string.h>

#define T0 STORE_TEST_T0

static void put_job(const char *id, const char *callback)
{
    llmq_job_t *job = store_test_job(id);

    job->chain = NULL;
    job->callback = callback;
    store_test_insert(store_test.store, job);
}

static void end(const char *id, llmq_status_e status)
{
    llmq_outcome_t done = {0};

    done.id = id;
    done.status = status;
    done.finished_at = status >= LLMQ_STATUS_COMPLETED ? T0 + 5 : 0;
    done.run_at = status == LLMQ_STATUS_PENDING ? T0 : 0;
    ck_assert_int_eq(llmq_store_job_finish(store_test.store, &done, 1, test_pool),
                     APR_SUCCESS);
    ck_assert_int_ne(done.accepted, 0);
}

static apr_int64_t rows(void)
{
    return store_test_number("SELECT count(*) FROM llmq_outbox");
}

static llmq_outbox_t *due(int *pn, llmq_outbox_filter_t filter, apr_time_t now)
{
    llmq_outbox_t *found = NULL;

    filter.per_host = filter.per_host ? filter.per_host : 100;
    filter.limit = filter.limit ? filter.limit : 100;
    ck_assert_int_eq(
        llmq_store_outbox_due(&found, pn, store_test.store, &filter, now, test_pool),
        APR_SUCCESS);
    return found;
}

static int n_due(apr_time_t now)
{
    llmq_outbox_filter_t all = {0};
    int n = -1;

    due(&n, all, now);
    return n;
}

START_TEST(an_end_leaves_a_notice_for_each_url)
{
    llmq_outbox_filter_t all = {0};
    llmq_outbox_t *found;
    int n = 0;

    store_test_open(_i);
    put_job("m1", "[\"http://a.example/x\",\"https://b.example:8443/y?z\"]");
    put_job("m2", NULL);
    ck_assert_int_eq(rows(), 0);
    end("m1", LLMQ_STATUS_PENDING);
    ck_assert_int_eq(rows(), 0);
    end("m1", LLMQ_STATUS_COMPLETED);
    end("m2", LLMQ_STATUS_FAILED);
    found = due(&n, all, T0);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(found[0].job, "m1");
    ck_assert_str_eq(found[0].tenant, "default");
    ck_assert_str_eq(found[0].url, "http://a.example/x");
    ck_assert_str_eq(found[0].host, "a.example");
    ck_assert_int_eq(found[0].kind, LLMQ_KIND_MESSAGE);
    ck_assert_int_eq(found[0].status, LLMQ_STATUS_COMPLETED);
    ck_assert_int_eq(found[0].tries, 0);
    ck_assert_int_gt(found[0].happened_at, 0);
    ck_assert_str_eq(found[1].host, "b.example:8443");
    ck_assert_str_eq(found[1].url, "https://b.example:8443/y?z");
    store_test_close();
}
END_TEST

START_TEST(an_end_that_is_written_twice_is_told_once)
{
    store_test_open(_i);
    put_job("m1", "[\"http://a/\"]");
    end("m1", LLMQ_STATUS_FAILED);
    end("m1", LLMQ_STATUS_FAILED);
    ck_assert_int_eq(rows(), 1);
    /* ... and a second end of the same job is another one. */
    store_test_sql("UPDATE llmq_jobs SET status = 0, finished_at = 0");
    end("m1", LLMQ_STATUS_COMPLETED);
    ck_assert_int_eq(rows(), 2);
    store_test_close();
}
END_TEST

START_TEST(what_is_claimed_is_nobody_elses_until_the_claim_ends)
{
    llmq_store_t *other;
    llmq_outbox_t *mine, *theirs;
    llmq_outbox_filter_t all = {0};
    int n = 0;
    int n_theirs;

    store_test_open(_i);
    other = store_test_node("node_b");
    put_job("m1", "[\"http://a/\",\"http://b/\",\"http://c/\"]");
    end("m1", LLMQ_STATUS_COMPLETED);
    mine = due(&n, all, T0);
    n_theirs = n;
    theirs = apr_pmemdup(test_pool, mine, sizeof(*mine) * (apr_size_t)n);
    n = 1;
    ck_assert_int_eq(
        llmq_store_outbox_claim(mine + 1, &n, store_test.store, T0 + 50, T0, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(
        llmq_store_outbox_claim(theirs, &n_theirs, other, T0 + 60, T0, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n_theirs, 2);
    ck_assert_str_eq(theirs[0].host, "a");
    ck_assert_str_eq(theirs[1].host, "c");
    ck_assert_int_eq(n_due(T0 + 49), 0);
    ck_assert_int_eq(n_due(T0 + 50), 1);
    ck_assert_int_eq(n_due(T0 + 60), 3);
    store_test_close();
}
END_TEST

START_TEST(notices_leave_or_come_again)
{
    llmq_outbox_filter_t all = {0};
    llmq_outbox_fate_t fates[2] = {{0}};
    llmq_outbox_t *found;
    int n = 0;
    int i;

    store_test_open(_i);
    put_job("m1", "[\"http://a/\",\"http://b/\"]");
    end("m1", LLMQ_STATUS_COMPLETED);
    found = due(&n, all, T0);
    fates[0].seq = found[0].seq;
    fates[0].gone = 1;
    fates[1].seq = found[1].seq;
    fates[1].due_at = T0 + 7;
    fates[1].tries = 3;
    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(llmq_store_outbox_settle(store_test.store, fates, 2, test_pool),
                         APR_SUCCESS);
        ck_assert_int_eq(n_due(T0 + 6), 0);
        found = due(&n, all, T0 + 7);
        ck_assert_int_eq(n, 1);
        ck_assert_str_eq(found[0].host, "b");
        ck_assert_int_eq(found[0].tries, 3);
    }
    ck_assert_int_eq(llmq_store_outbox_settle(store_test.store, fates, 0, test_pool),
                     APR_SUCCESS);
    store_test_close();
}
END_TEST

START_TEST(no_host_stands_in_front_of_another)
{
    static const char *const slow[] = {"slow", "unknown"};
    llmq_outbox_filter_t few = {.per_host = 2};
    llmq_outbox_filter_t others = {.per_host = 2, .not_hosts = slow, .n_not_hosts = 2};
    llmq_outbox_filter_t one = {.per_host = 2, .limit = 1};
    llmq_outbox_t *found;
    int n = 0;
    int i;

    store_test_open(_i);
    for (i = 0; i < 5; i++) {
        const char *id = apr_psprintf(test_pool, "s%d", i);

        put_job(id, "[\"http://slow/\"]");
        end(id, LLMQ_STATUS_COMPLETED);
    }
    put_job("q1", "[\"http://quick/\"]");
    end("q1", LLMQ_STATUS_COMPLETED);
    found = due(&n, few, T0);
    ck_assert_int_eq(n, 3);
    ck_assert_str_eq(found[0].job, "s0");
    ck_assert_str_eq(found[1].job, "s1");
    ck_assert_str_eq(found[2].job, "q1");
    found = due(&n, others, T0);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(found[0].job, "q1");
    due(&n, one, T0);
    ck_assert_int_eq(n, 1);
    store_test_close();
}
END_TEST

START_TEST(the_jobs_are_read_in_any_state)
{
    llmq_outbox_t rows_of[2] = {{.job = "m1"}, {.job = "gone"}};
    llmq_job_t **jobs = NULL;

    store_test_open(_i);
    put_job("m1", "[\"http://a/\"]");
    end("m1", LLMQ_STATUS_COMPLETED);
    store_test_sql("UPDATE llmq_jobs SET removed_at = 5, owner = 'somebody'");
    ck_assert_int_eq(
        llmq_store_outbox_jobs(&jobs, store_test.store, rows_of, 2, test_pool),
        APR_SUCCESS);
    ck_assert_str_eq(jobs[0]->id, "m1");
    ck_assert_int_eq(jobs[0]->status, LLMQ_STATUS_COMPLETED);
    ck_assert_ptr_null(jobs[1]);
    store_test_close();
}
END_TEST

TCase *case_store_outbox(void)
{
    TCase *tc = test_case("store_outbox");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, an_end_leaves_a_notice_for_each_url, 0, dialects);
    tcase_add_loop_test(tc, an_end_that_is_written_twice_is_told_once, 0, dialects);
    tcase_add_loop_test(tc, what_is_claimed_is_nobody_elses_until_the_claim_ends, 0,
                        dialects);
    tcase_add_loop_test(tc, notices_leave_or_come_again, 0, dialects);
    tcase_add_loop_test(tc, no_host_stands_in_front_of_another, 0, dialects);
    tcase_add_loop_test(tc, the_jobs_are_read_in_any_state, 0, dialects);
    return tc;
}
