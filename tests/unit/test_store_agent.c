#include "store_support.h"

#include "store/store_agent.h"

#include <apr_strings.h>

#include <string.h>

#define T0 STORE_TEST_T0

static llmq_run_t make(const char *id, const char *trigger, llmq_run_status_e status)
{
    llmq_run_t run = {.id = id,
                      .tenant = "acme",
                      .session = "s1",
                      .trigger = trigger,
                      .agent = "bot",
                      .user = "ann",
                      .status = status,
                      .created_at = T0};
    return run;
}

static apr_status_t insert(const char *id, const char *trigger, llmq_run_status_e status)
{
    llmq_run_t run = make(id, trigger, status);

    return llmq_store_agent_insert(store_test.store, &run, test_pool);
}

static void insert_job(const char *id)
{
    llmq_run_t run = make(id, "m", LLMQ_RUN_RUNNING);
    llmq_job_t job;

    llmq_run_job(&job, &run, 3, T0, test_pool);
    store_test_insert(store_test.store, &job);
}

static llmq_run_t *find(const char *id)
{
    llmq_run_ref_t ref = {"acme", "s1", id};
    llmq_run_t *run = NULL;

    return llmq_store_agent_find(&run, store_test.store, &ref, test_pool) == APR_SUCCESS
               ? run
               : NULL;
}

START_TEST(one_of_a_trigger_and_one_running)
{
    llmq_run_ref_t ref = {"acme", "s1", "m1"};
    llmq_run_t *run = NULL;
    llmq_run_t *open = NULL;
    int n = 0;

    store_test_open(_i);
    ck_assert_int_eq(insert("r1", "m1", LLMQ_RUN_RUNNING), APR_SUCCESS);
    ck_assert_int_eq(insert("r2", "m1", LLMQ_RUN_RUNNING), LLMQ_ESTATE);
    ck_assert_int_eq(insert("r2", "m1", LLMQ_RUN_QUEUED), LLMQ_ESTATE);
    ck_assert_int_eq(insert("r2", "m2", LLMQ_RUN_RUNNING), LLMQ_ESTATE);
    ck_assert_int_eq(insert("r2", "m2", LLMQ_RUN_QUEUED), APR_SUCCESS);
    ck_assert_int_eq(insert("r3", "m3", LLMQ_RUN_QUEUED), APR_SUCCESS);
    ck_assert_int_eq(llmq_store_agent_of_trigger(&run, store_test.store, &ref, test_pool),
                     APR_SUCCESS);
    ck_assert_str_eq(run->id, "r1");
    ck_assert_str_eq(run->agent, "bot");
    ck_assert_str_eq(run->user, "ann");
    ck_assert_int_eq(run->created_at, T0);
    ck_assert_int_eq(run->latency_msec, -1);
    ck_assert_int_eq(llmq_store_agent_open(&open, &n, store_test.store, &ref, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 3);
    ck_assert_str_eq(open[0].id, "r1");
    ck_assert_str_eq(open[2].id, "r3");
    ref.tenant = "other";
    ck_assert_int_eq(llmq_store_agent_of_trigger(&run, store_test.store, &ref, test_pool),
                     APR_NOTFOUND);
    store_test_close();
}
END_TEST

START_TEST(many_are_looked_at_at_once)
{
    const char *ids[] = {"r2", "nobody", "r1", "r2"};
    llmq_run_t *runs = NULL;
    int n = 9;

    store_test_open(_i);
    insert("r1", "m1", LLMQ_RUN_RUNNING);
    insert("r2", "m2", LLMQ_RUN_QUEUED);
    insert("r3", "m3", LLMQ_RUN_QUEUED);
    ck_assert_int_eq(
        llmq_store_agent_look(&runs, &n, store_test.store, ids, 4, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(runs[0].id[1] == '1' ? runs[1].id : runs[0].id, "r2");
    ck_assert_str_eq(runs[0].session, "s1");
    ck_assert_int_eq(
        llmq_store_agent_look(&runs, &n, store_test.store, ids + 1, 1, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 0);
    store_test_close();
}
END_TEST

START_TEST(the_next_begins_when_none_runs)
{
    const char *sessions[] = {"s1", "s1", "s2"};
    llmq_run_t *runs = NULL;
    llmq_run_t queued = make("r3", "m3", LLMQ_RUN_QUEUED);
    int n = 9;

    store_test_open(_i);
    insert("r1", "m1", LLMQ_RUN_RUNNING);
    insert("r2", "m2", LLMQ_RUN_QUEUED);
    insert("r3", "m3", LLMQ_RUN_QUEUED);
    ck_assert_int_eq(
        llmq_store_agent_promote(&runs, &n, store_test.store, sessions, 3, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 0);
    store_test_sql("UPDATE llmq_runs SET status = 2, told = 1 WHERE id = 'r1'");
    ck_assert_int_eq(insert("r4", "m4", LLMQ_RUN_RUNNING), LLMQ_ESTATE); /* some wait */
    ck_assert_int_eq(
        llmq_store_agent_promote(&runs, &n, store_test.store, sessions, 3, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(runs[0].id, "r2");
    ck_assert_int_eq(find("r2")->status, LLMQ_RUN_RUNNING);
    ck_assert_int_eq(
        llmq_store_agent_dismiss(store_test.store, &queued, T0 + 1, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(find("r3")->status, LLMQ_RUN_CANCELED);
    ck_assert_int_eq(
        llmq_store_agent_dismiss(store_test.store, &queued, T0 + 1, test_pool),
        LLMQ_ESTATE);
    store_test_close();
}
END_TEST

START_TEST(a_job_is_ended_once)
{
    llmq_run_t run = make("r1", "m1", LLMQ_RUN_RUNNING);
    llmq_run_stop_t stop = {LLMQ_STATUS_CANCELED, NULL, T0 + 5};
    llmq_job_t *job = NULL;

    store_test_open(_i);
    ck_assert_int_eq(
        llmq_store_agent_stop(&job, store_test.store, &run, &stop, test_pool),
        LLMQ_ESTATE);
    insert_job("r1");
    ck_assert_int_eq(
        llmq_store_agent_stop(&job, store_test.store, &run, &stop, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(job->status, LLMQ_STATUS_CANCELED);
    ck_assert_int_eq(job->attempt, 1);
    ck_assert_int_eq(job->finished_at, T0 + 5);
    ck_assert_int_eq(
        llmq_store_agent_stop(&job, store_test.store, &run, &stop, test_pool),
        LLMQ_ESTATE);
    store_test_close();
}
END_TEST

START_TEST(what_is_left_is_found)
{
    llmq_run_left_t *left = NULL;
    int n = 0;

    store_test_open(_i);
    insert("r1", "m1", LLMQ_RUN_RUNNING);
    insert("r2", "m2", LLMQ_RUN_QUEUED);
    ck_assert_int_eq(
        llmq_store_agent_sweep(&left, &n, store_test.store, T0, 9, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 0); /* too young */
    ck_assert_int_eq(
        llmq_store_agent_sweep(&left, &n, store_test.store, T0 + 10, 9, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert(!left[0].has_job);
    insert_job("r1");
    llmq_store_agent_sweep(&left, &n, store_test.store, T0 + 10, 9, test_pool);
    ck_assert_int_eq(n, 0);
    store_test_sql("UPDATE llmq_jobs SET status = 2, result = '{}', retry_count = 2");
    llmq_store_agent_sweep(&left, &n, store_test.store, T0 + 10, 9, test_pool);
    ck_assert_int_eq(n, 1);
    ck_assert(left[0].has_job);
    ck_assert_int_eq(left[0].job.status, LLMQ_STATUS_COMPLETED);
    ck_assert_str_eq(left[0].job.result, "{}");
    ck_assert_int_eq(left[0].job.retry_count, 2);
    store_test_sql("UPDATE llmq_runs SET status = 2, told = 1 WHERE id = 'r1'");
    llmq_store_agent_sweep(&left, &n, store_test.store, T0 + 10, 9, test_pool);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(left[0].run.id, "r2");
    store_test_close();
}
END_TEST

START_TEST(triggers_that_were_rolled_back)
{
    llmq_run_ref_t ref = {"acme", "s1", NULL};
    const char **ids = NULL;
    int n = 9;

    store_test_open(_i);
    insert("r1", "m1", LLMQ_RUN_RUNNING);
    ck_assert_int_eq(llmq_store_agent_undone(&ids, &n, store_test.store, &ref, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 0);
    store_test_sql("UPDATE llmq_runs SET rolled_back = 1");
    llmq_store_agent_undone(&ids, &n, store_test.store, &ref, test_pool);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(ids[0], "m1");
    store_test_close();
}
END_TEST

TCase *case_store_agent(void)
{
    TCase *tc = test_case("store_agent");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, one_of_a_trigger_and_one_running, 0, n);
    tcase_add_loop_test(tc, many_are_looked_at_at_once, 0, n);
    tcase_add_loop_test(tc, the_next_begins_when_none_runs, 0, n);
    tcase_add_loop_test(tc, a_job_is_ended_once, 0, n);
    tcase_add_loop_test(tc, what_is_left_is_found, 0, n);
    tcase_add_loop_test(tc, triggers_that_were_rolled_back, 0, n);
    return tc;
}
