#include "store_support.h"

#include "store/store_node.h"

#include <apr_strings.h>

#define SECOND APR_USEC_PER_SEC

static apr_status_t beat(llmq_store_t *store, apr_time_t now)
{
    int adopted = 0;

    return llmq_store_node_beat(store, &adopted, now, test_pool);
}

static int adopts(llmq_store_t *store, apr_time_t now)
{
    int adopted = -1;

    ck_assert_int_eq(llmq_store_node_beat(store, &adopted, now, test_pool), APR_SUCCESS);
    return adopted;
}

START_TEST(heartbeat_is_stored_and_renewed)
{
    store_test_open(_i);
    ck_assert_int_eq(adopts(store_test.store, STORE_TEST_T0), 0);
    ck_assert_int_eq(adopts(store_test.store, STORE_TEST_T0 + SECOND), 0);
    ck_assert_int_eq(store_test_number("SELECT heartbeat FROM llmq_nodes"),
                     STORE_TEST_T0 + SECOND);
    ck_assert_int_eq(store_test_number("SELECT started FROM llmq_nodes"), STORE_TEST_T0);
    store_test_close();
}
END_TEST

START_TEST(jobs_of_a_silent_node_are_adopted_and_fenced)
{
    llmq_store_t *b;
    llmq_job_t *job;

    store_test_open(_i);
    b = store_test_node("node_b");
    ck_assert_int_eq(beat(b, STORE_TEST_T0), APR_SUCCESS);
    store_test_insert(b, store_test_job("msg_1"));
    store_test_insert(b, store_test_job("msg_2"));
    store_test_insert(store_test.store, store_test_job("msg_3"));
    store_test_sql("UPDATE llmq_jobs SET status = 1 WHERE id = 'msg_2'");
    ck_assert_int_eq(adopts(store_test.store, STORE_TEST_T0 + 31 * SECOND), 2);
    job = store_test_find("msg_2");
    ck_assert_str_eq(job->node, "node_a");
    ck_assert_int_eq(job->attempt, 1);
    ck_assert_int_eq(job->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(store_test_find("msg_3")->attempt, 0);
    ck_assert_int_eq(adopts(store_test.store, STORE_TEST_T0 + 32 * SECOND), 0);
    store_test_close();
}
END_TEST

START_TEST(final_removed_and_claimed_jobs_of_a_silent_node_stay)
{
    llmq_store_t *b;

    store_test_open(_i);
    b = store_test_node("node_b");
    ck_assert_int_eq(beat(b, STORE_TEST_T0), APR_SUCCESS);
    store_test_insert(b, store_test_job("msg_1"));
    store_test_insert(b, store_test_job("msg_2"));
    store_test_insert(b, store_test_job("msg_3"));
    store_test_sql("UPDATE llmq_jobs SET status = 2 WHERE id = 'msg_1'");
    store_test_sql("UPDATE llmq_jobs SET removed_at = 1 WHERE id = 'msg_2'");
    store_test_sql("UPDATE llmq_jobs SET owner = '', status = 1 WHERE id = 'msg_3'");
    ck_assert_int_eq(adopts(store_test.store, STORE_TEST_T0 + 31 * SECOND), 0);
    ck_assert_int_eq(store_test_find("msg_3")->status, LLMQ_STATUS_PROCESSING);
    store_test_close();
}
END_TEST

START_TEST(work_accepted_lately_by_a_node_without_heartbeat_is_not_adopted)
{
    llmq_job_t *job;

    store_test_open(_i);
    job = store_test_job("msg_1");
    job->created_at = STORE_TEST_T0 + 10 * SECOND;
    store_test_insert(store_test_node("node_b"), job);
    ck_assert_int_eq(adopts(store_test.store, STORE_TEST_T0 + 31 * SECOND), 0);
    ck_assert_int_eq(adopts(store_test.store, STORE_TEST_T0 + 41 * SECOND), 1);
    store_test_close();
}
END_TEST

START_TEST(nodes_of_postgresql_live_side_by_side)
{
    llmq_store_t *b;

    store_test_open(_i);
    b = store_test_node("node_b");
    store_test_insert(b, store_test_job("msg_1"));
    ck_assert_int_eq(adopts(b, STORE_TEST_T0 + 20 * SECOND), 0);
    ck_assert_int_eq(adopts(store_test.store, STORE_TEST_T0 + 45 * SECOND), 0);
    ck_assert_int_eq(adopts(b, STORE_TEST_T0 + 45 * SECOND), 0);
    ck_assert_str_eq(store_test_find("msg_1")->node, "node_b");
    store_test_close();
}
END_TEST

START_TEST(second_node_on_sqlite_is_refused_while_the_first_lives)
{
    llmq_store_t *b;

    store_test_open(_i);
    b = store_test_node("node_b");
    ck_assert_int_eq(beat(store_test.store, STORE_TEST_T0), APR_SUCCESS);
    ck_assert_int_eq(beat(b, STORE_TEST_T0 + SECOND), LLMQ_ESTATE);
    ck_assert_int_eq(beat(store_test.store, STORE_TEST_T0 + 2 * SECOND), APR_SUCCESS);
    ck_assert_int_eq(beat(b, STORE_TEST_T0 + 40 * SECOND), APR_SUCCESS);
    ck_assert_int_eq(beat(store_test.store, STORE_TEST_T0 + 41 * SECOND), LLMQ_ESTATE);
    store_test_close();
}
END_TEST

START_TEST(node_that_leaves_makes_room_at_once)
{
    llmq_store_t *other;
    int adopted = 0;

    store_test_open(_i);
    ck_assert_int_eq(
        llmq_store_node_beat(store_test.store, &adopted, STORE_TEST_T0, test_pool), 0);
    other = store_test_node("node_b");
    if (store_test.dialect == LLMQ_DIALECT_SQLITE3)
        ck_assert_int_eq(llmq_store_node_beat(other, &adopted, STORE_TEST_T0, test_pool),
                         LLMQ_ESTATE);
    ck_assert_int_eq(llmq_store_node_leave(store_test.store, test_pool), APR_SUCCESS);
    ck_assert_int_eq(llmq_store_node_beat(other, &adopted, STORE_TEST_T0, test_pool), 0);
    store_test_close();
}
END_TEST

TCase *case_store_node(void)
{
    TCase *tc = test_case("store_node");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, heartbeat_is_stored_and_renewed, 0, dialects);
    tcase_add_loop_test(tc, jobs_of_a_silent_node_are_adopted_and_fenced, 0, dialects);
    tcase_add_loop_test(tc, final_removed_and_claimed_jobs_of_a_silent_node_stay, 0,
                        dialects);
    tcase_add_loop_test(
        tc, work_accepted_lately_by_a_node_without_heartbeat_is_not_adopted, 0, dialects);
    tcase_add_loop_test(tc, nodes_of_postgresql_live_side_by_side, LLMQ_DIALECT_PGSQL,
                        dialects);
    tcase_add_loop_test(tc, second_node_on_sqlite_is_refused_while_the_first_lives,
                        LLMQ_DIALECT_SQLITE3, LLMQ_DIALECT_SQLITE3 + 1);
    tcase_add_loop_test(tc, node_that_leaves_makes_room_at_once, 0,
                        store_test_dialects());
    return tc;
}
