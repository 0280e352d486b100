#include "store_support.h"

#include "store/store_node.h"
#include "store/store_session.h"
#include "store/store_survey.h"

#include <apr_strings.h>

START_TEST(jobs_are_counted_by_tenant_level_and_status)
{
    llmq_survey_t *rows;
    llmq_job_t *job;
    int n = 0;

    store_test_open(_i);
    store_test_insert(store_test.store, store_test_job("msg_1"));
    store_test_insert(store_test.store, store_test_job("msg_2"));
    store_test_insert(store_test.store, store_test_job("msg_3"));
    store_test_insert(store_test.store, store_test_job("msg_4"));
    job = store_test_job("msg_5");
    job->tenant = "other";
    job->kind = LLMQ_KIND_TASK;
    store_test_insert(store_test.store, job);
    store_test_sql("UPDATE llmq_jobs SET status = 3, dead_letter = 1 WHERE id = 'msg_2'");
    store_test_sql("UPDATE llmq_jobs SET removed_at = 1 WHERE id = 'msg_3'");
    store_test_sql("UPDATE llmq_jobs SET created_at = 7 WHERE id = 'msg_4'");
    ck_assert_int_eq(llmq_store_survey_jobs(&rows, &n, store_test.store, NULL, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 3);
    ck_assert_int_eq(rows[0].count, 2);
    ck_assert_int_eq(rows[0].status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(rows[0].oldest, 7);
    ck_assert_int_eq(rows[1].count, 1);
    ck_assert_int_eq(rows[1].dead, 1);
    ck_assert_str_eq(rows[2].tenant, "other");
    ck_assert_int_eq(rows[0].kind, LLMQ_KIND_MESSAGE);
    ck_assert_int_eq(rows[2].kind, LLMQ_KIND_TASK);
    ck_assert_int_eq(
        llmq_store_survey_jobs(&rows, &n, store_test.store, "other", test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    store_test_close();
}
END_TEST

START_TEST(nodes_are_shown_and_an_onlooker_is_none)
{
    llmq_survey_node_t *nodes;
    int n = 0, adopted;

    store_test_open(_i);
    ck_assert_int_eq(
        llmq_store_node_beat(store_test.store, &adopted, STORE_TEST_T0, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(
        llmq_store_survey_nodes(&nodes, &n, store_test_node(NULL), test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(nodes[0].name, "node_a");
    ck_assert_int_eq(nodes[0].heartbeat, STORE_TEST_T0);
    store_test_close();
}
END_TEST

static void make_session(const char *tenant, const char *id, const char *change)
{
    const llmq_session_t s = {.id = id, .tenant = tenant, .owner = "u", .created_at = 1};

    ck_assert_int_eq(llmq_store_session_create(store_test.store, &s, test_pool),
                     APR_SUCCESS);
    if (change)
        store_test_sql(apr_psprintf(
            test_pool, "UPDATE llmq_sessions SET %s WHERE id = '%s'", change, id));
}

START_TEST(sessions_are_counted_by_tenant_and_status)
{
    llmq_survey_session_t *rows;
    int n = 0;

    store_test_open(_i);
    make_session("acme", "s1", "last_seq = 3, last_message_at = 7");
    make_session("acme", "s2", "last_seq = 4, last_message_at = 5");
    make_session("acme", "s3", "status = 2");
    make_session("acme", "s4", "removed_at = 1, last_seq = 100");
    make_session("other", "s5", NULL);
    ck_assert_int_eq(
        llmq_store_survey_sessions(&rows, &n, store_test.store, NULL, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 3);
    ck_assert_str_eq(rows[0].tenant, "acme");
    ck_assert_int_eq(rows[0].status, 0);
    ck_assert_int_eq(rows[0].count, 2);
    ck_assert_int_eq(rows[0].messages, 7);
    ck_assert_int_eq(rows[0].latest, 7);
    ck_assert_int_eq(rows[1].status, 2);
    ck_assert_int_eq(rows[1].messages, 0);
    ck_assert_str_eq(rows[2].tenant, "other");
    ck_assert_int_eq(
        llmq_store_survey_sessions(&rows, &n, store_test.store, "other", test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    store_test_close();
}
END_TEST

TCase *case_store_survey(void)
{
    TCase *tc = test_case("store_survey");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, jobs_are_counted_by_tenant_level_and_status, 0, dialects);
    tcase_add_loop_test(tc, sessions_are_counted_by_tenant_and_status, 0, dialects);
    tcase_add_loop_test(tc, nodes_are_shown_and_an_onlooker_is_none, 0, dialects);
    return tc;
}
