#include "store_support.h"

#include "store/store_limit.h"

#include <string.h>

#define T0     STORE_TEST_T0
#define MINUTE apr_time_from_sec(60)
#define ANNE   0xfedcba9876543210ull /* negative in the table */
#define BOB    42

static llmq_ledger_state_t state;

static void save(llmq_store_t *store, apr_uint64_t account, apr_int64_t used,
                 apr_int64_t level, apr_time_t window)
{
    llmq_ledger_state_t s = {
        .account = account, .used = used, .level = level, .window = window};

    ck_assert_int_eq(llmq_store_limit_save(store, &s, 1, T0, test_pool), APR_SUCCESS);
}

static void load(apr_uint64_t account)
{
    memset(&state, 0xff, sizeof(state));
    state.account = account;
    ck_assert_int_eq(llmq_store_limit_load(&state, store_test.store, test_pool),
                     APR_SUCCESS);
}

START_TEST(an_account_nobody_has_used_is_empty)
{
    store_test_open(_i);
    load(ANNE);
    ck_assert_int_eq(state.used, 0);
    ck_assert_int_eq(state.others, 0);
    ck_assert_int_eq(state.level, 0);
    ck_assert_int_eq(state.window, 0);
    store_test_close();
}
END_TEST

START_TEST(own_and_others_are_told_apart)
{
    llmq_store_t *other;
    llmq_store_t *third;

    store_test_open(_i);
    other = store_test_node("node_b");
    third = store_test_node("node_c");
    save(store_test.store, ANNE, 5, 5, T0);
    save(store_test.store, ANNE, 7, 9, T0); /* overwrites */
    save(other, ANNE, 11, 12, T0);
    save(third, ANNE, 100, 99, T0 - MINUTE);
    load(ANNE);
    ck_assert_int_eq(state.used, 7);
    ck_assert_int_eq(state.others, 111);
    ck_assert_int_eq(state.window, T0);
    ck_assert_int_eq(state.level, 12);
    store_test_close();
}
END_TEST

START_TEST(others_are_added_up_by_account)
{
    llmq_ledger_state_t states[3];
    llmq_store_t *other;
    llmq_store_t *third;

    store_test_open(_i);
    other = store_test_node("node_b");
    third = store_test_node("node_c");
    save(store_test.store, ANNE, 1000, 5, T0);
    save(other, ANNE, 1, 5, T0);
    save(third, ANNE, 2, 5, T0);
    save(third, BOB, 4, 5, T0);
    memset(states, 0xff, sizeof(states));
    states[0].account = BOB;
    states[1].account = 7;
    states[2].account = ANNE;
    ck_assert_int_eq(llmq_store_limit_others(states, 3, store_test.store, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(states[0].others, 4);
    ck_assert_int_eq(states[1].others, 0);
    ck_assert_int_eq(states[2].others, 3);
    store_test_close();
}
END_TEST

START_TEST(a_gauge_counts_what_has_not_ended)
{
    static const char *const ids[] = {"msg_1", "msg_2", "msg_3", "msg_4", "msg_5"};
    apr_int64_t n = -1;
    int i;

    store_test_open(_i);
    for (i = 0; i < 5; i++) {
        llmq_job_t *job = store_test_job(ids[i]);

        job->gauge = i < 4 ? ANNE : BOB;
        store_test_insert(store_test.store, job);
    }
    store_test_sql("UPDATE llmq_jobs SET status = 1 WHERE id = 'msg_1'");
    store_test_sql("UPDATE llmq_jobs SET status = 2 WHERE id = 'msg_2'");
    store_test_sql("UPDATE llmq_jobs SET removed_at = 1 WHERE id = 'msg_3'");
    ck_assert_int_eq(llmq_store_limit_count(&n, store_test.store, ANNE, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 2);
    ck_assert_int_eq(llmq_store_limit_count(&n, store_test.store, 7, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 0);
    store_test_close();
}
END_TEST

START_TEST(charges_come_back_with_the_job)
{
    llmq_job_t *job;

    store_test_open(_i);
    job = store_test_job("msg_1");
    job->charges = "r:1:1:1;";
    store_test_insert(store_test.store, job);
    store_test_insert(store_test.store, store_test_job("msg_2"));
    ck_assert_str_eq(store_test_find("msg_1")->charges, "r:1:1:1;");
    ck_assert_ptr_null(store_test_find("msg_2")->charges);
    store_test_close();
}
END_TEST

static llmq_unsettled_t *unsettled;

static int take_unsettled(void)
{
    int n = -1;

    ck_assert_int_eq(
        llmq_store_limit_unsettled(&unsettled, &n, store_test.store, 100, test_pool),
        APR_SUCCESS);
    return n;
}

static void charge(const char *id)
{
    llmq_job_t *job = store_test_job(id);

    job->charges = "t:1:5:1:9:9;";
    store_test_insert(store_test.store, job);
}

/* However it has ended, and once. */
START_TEST(what_is_over_is_settled_once)
{
    store_test_open(_i);
    charge("msg_1");
    charge("msg_2");
    charge("msg_3");
    store_test_insert(store_test.store, store_test_job("msg_4"));
    ck_assert_int_eq(take_unsettled(), 0);
    store_test_sql("UPDATE llmq_jobs SET removed_at = 1 WHERE id = 'msg_1'");
    store_test_sql("UPDATE llmq_jobs SET status = 2, result = '{}' WHERE id <> 'msg_1'");
    ck_assert_int_eq(take_unsettled(), 3);
    ck_assert_str_eq(unsettled[0].charges, "!t:1:5:1:9:9;");
    ck_assert_int_eq(take_unsettled(), 0);
    store_test_close();
}
END_TEST

static int finish(const char *id, int settles)
{
    llmq_outcome_t o = {.id = id,
                        .status = LLMQ_STATUS_COMPLETED,
                        .finished_at = T0,
                        .settles = settles,
                        .result = "{\"usage\":1}"};

    ck_assert_int_eq(llmq_store_job_finish(store_test.store, &o, 1, test_pool),
                     APR_SUCCESS);
    return o.accepted;
}

START_TEST(who_ends_it_may_settle_it)
{
    store_test_open(_i);
    charge("msg_1");
    charge("msg_2");
    ck_assert_int_eq(finish("msg_1", 1), 1);
    ck_assert_int_eq(finish("msg_1", 1), 1); /* it was not sure */
    ck_assert_str_eq(store_test_find("msg_1")->charges, "!t:1:5:1:9:9;");
    ck_assert_int_eq(take_unsettled(), 0);
    ck_assert_int_eq(finish("msg_2", 0), 1);
    ck_assert_int_eq(take_unsettled(), 1);
    ck_assert_str_eq(unsettled[0].result, "{\"usage\":1}");
    store_test_close();
}
END_TEST

START_TEST(what_runs_again_is_settled_again)
{
    llmq_job_change_t change = {.tenant = "default",
                                .kind = LLMQ_KIND_MESSAGE,
                                .id = "msg_1",
                                .from = LLMQ_STATUS_COMPLETED,
                                .to = LLMQ_STATUS_PENDING,
                                .now = T0,
                                .reset_retries = 1};
    int i;

    store_test_open(_i);
    charge("msg_1");
    for (i = 0; i < 3; i++) {
        store_test_sql("UPDATE llmq_jobs SET status = 2");
        ck_assert_int_eq(take_unsettled(), 1);
        ck_assert_str_eq(unsettled[0].charges, i ? "!+t:1:5:1:9:9;" : "!t:1:5:1:9:9;");
        ck_assert_ptr_nonnull(unsettled[0].result);
        change.attempt = i;
        ck_assert_int_eq(llmq_store_job_change(store_test.store, &change, test_pool),
                         APR_SUCCESS);
        ck_assert_str_eq(store_test_find("msg_1")->charges, "+t:1:5:1:9:9;");
    }
    store_test_close();
}
END_TEST

START_TEST(what_is_old_goes)
{
    store_test_open(_i);
    save(store_test.store, ANNE, 5, 5, T0);
    ck_assert_int_eq(llmq_store_limit_prune(store_test.store, T0, test_pool),
                     APR_SUCCESS);
    load(ANNE);
    ck_assert_int_eq(state.used, 5);
    ck_assert_int_eq(llmq_store_limit_prune(store_test.store, T0 + 1, test_pool),
                     APR_SUCCESS);
    load(ANNE);
    ck_assert_int_eq(state.used, 0);
    store_test_close();
}
END_TEST

TCase *case_store_limit(void)
{
    TCase *tc = test_case("store_limit");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, an_account_nobody_has_used_is_empty, 0, n);
    tcase_add_loop_test(tc, own_and_others_are_told_apart, 0, n);
    tcase_add_loop_test(tc, others_are_added_up_by_account, 0, n);
    tcase_add_loop_test(tc, a_gauge_counts_what_has_not_ended, 0, n);
    tcase_add_loop_test(tc, charges_come_back_with_the_job, 0, n);
    tcase_add_loop_test(tc, what_is_over_is_settled_once, 0, n);
    tcase_add_loop_test(tc, who_ends_it_may_settle_it, 0, n);
    tcase_add_loop_test(tc, what_runs_again_is_settled_again, 0, n);
    tcase_add_loop_test(tc, what_is_old_goes, 0, n);
    return tc;
}
