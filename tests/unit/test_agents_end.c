#include "support.h"

#include "support_dispatch.h"

#include "dispatch/agents_end.h"
#include "store/store_agent.h"

#include <apr_strings.h>

#include <string.h>

static dispatch_rig_t *rig;

/* An agent that answers by itself, and a session "s1" with the prompts m1 to m3. */
static void open_rig(void)
{
    rig = dispatch_rig();
    dispatch_rig_agent(rig);
    store_test_sql("INSERT INTO llmq_sessions (id, tenant, owner, last_seq, created_at, "
                   "updated_at) VALUES ('s1', 'default', 'ann', 3, 1, 1)");
    store_test_sql("INSERT INTO llmq_session_messages (session, seq, id, tenant, role, "
                   "type, content, created_at) VALUES "
                   "('s1', 1, 'm1', 'default', 0, 'user.prompt', 'one', 1), "
                   "('s1', 2, 'm2', 'default', 0, 'user.prompt', 'two', 1), "
                   "('s1', 3, 'm3', 'default', 1, 'agent.message', 'three', 1)");
}

static llmq_run_t insert(const char *id, const char *trigger, llmq_run_status_e status)
{
    llmq_run_t run = {.id = id,
                      .tenant = "default",
                      .session = "s1",
                      .trigger = trigger,
                      .agent = "bot",
                      .user = "ann",
                      .status = status,
                      .created_at = STORE_TEST_T0};

    ck_assert_int_eq(llmq_store_agent_insert(store_test.store, &run, test_pool),
                     APR_SUCCESS);
    return run;
}

static apr_int64_t count(const char *from)
{
    return store_test_number(apr_pstrcat(test_pool, "SELECT count(*) FROM ", from, NULL));
}

#define RUNS_DONE "llmq_runs WHERE told = 1 AND status = 2"

START_TEST(runs_left_without_a_job_are_done_one_after_the_other)
{
    open_rig();
    insert("r1", "m1", LLMQ_RUN_RUNNING);
    insert("r2", "m2", LLMQ_RUN_QUEUED);
    insert("r3", "m3", LLMQ_RUN_QUEUED);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(count(RUNS_DONE) == 2);
    DISPATCH_WAIT(count("llmq_runs WHERE told = 1 AND status = 3") == 1);
    ck_assert_int_eq(count("llmq_jobs WHERE kind = 3 AND status = 2"), 2);
    ck_assert_int_eq(count("llmq_jobs WHERE dead_letter = 1"), 0);
    ck_assert_int_eq(count("llmq_session_messages WHERE type = 'agent.message' "
                           "AND content IN ('Echo: one', 'Echo: two')"),
                     2);
    ck_assert_int_eq(count("llmq_session_messages WHERE type = 'run.status'"), 6);
    ck_assert_int_eq(count("llmq_session_messages WHERE type = 'run.error'"), 1);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(an_end_that_nobody_told_is_told)
{
    llmq_run_t run;
    llmq_job_t job;

    open_rig();
    run = insert("r1", "m1", LLMQ_RUN_RUNNING);
    insert("r2", "m2", LLMQ_RUN_QUEUED);
    llmq_run_job(&job, &run, 0, STORE_TEST_T0, test_pool);
    dispatch_rig_store(&job);
    store_test_sql(
        "UPDATE llmq_jobs SET status = 2, result = '{\"content\":\"stored\"}', "
        "finished_at = 9, started_at = 8, updated_at = 9");
    store_test_sql("UPDATE llmq_runs SET status = 4, finished_at = 7 WHERE id = 'r2'");
    dispatch_rig_create(rig);
    ck_assert_int_eq(
        llmq_agents_end_sweep(rig->d, store_test.store, apr_time_now(), test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(count(RUNS_DONE), 1);
    ck_assert_int_eq(count("llmq_session_messages WHERE content = 'stored'"), 1);
    ck_assert_int_eq(count("llmq_runs WHERE told = 1 AND status = 4 AND finished_at = 7"),
                     1);
    ck_assert_int_eq(count("llmq_session_messages"), 3 + 3 + 1);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(only_attempts_that_ended_a_run_are_settled)
{
    llmq_run_t run;
    llmq_attempt_t of_run = {.run = &run};
    llmq_attempt_t of_task = {0};
    llmq_attempt_t *as[4] = {&of_task, &of_run, &of_run, &of_run};
    llmq_outcome_t o[4] = {{.accepted = 1, .status = LLMQ_STATUS_COMPLETED},
                           {.accepted = 1, .status = LLMQ_STATUS_PENDING},
                           {.accepted = 0, .status = LLMQ_STATUS_COMPLETED},
                           {.accepted = 1, .status = LLMQ_STATUS_FAILED}};
    llmq_batch_t batch = {.as = as, .o = o, .p = test_pool};

    open_rig();
    batch.store = store_test.store;
    run = insert("r1", "m1", LLMQ_RUN_RUNNING);
    dispatch_rig_create(rig);
    batch.d = rig->d;
    batch.n = 3;
    llmq_agents_end_attempts(&batch);
    ck_assert_int_eq(count("llmq_session_messages"), 3);
    batch.n = 4;
    llmq_agents_end_attempts(&batch);
    ck_assert_int_eq(count("llmq_session_messages"), 3 + 3);
    ck_assert_int_eq(count("llmq_runs WHERE told = 1 AND status = 3"), 1);
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_agents_end(void)
{
    TCase *tc = test_case("agents_end");

    tcase_add_test(tc, runs_left_without_a_job_are_done_one_after_the_other);
    tcase_add_test(tc, an_end_that_nobody_told_is_told);
    tcase_add_test(tc, only_attempts_that_ended_a_run_are_settled);
    return tc;
}
