#include "queue/queue.h"

#include "support_queue.h"

START_TEST(totals_are_set_for_a_tenant_and_add_up)
{
    llmq_queue_t *q = queue_rig_tenants(5, 5, 3)->q;
    llmq_queue_totals_t a = {10, 1}, b = {20, 2};
    llmq_queue_stats_t all[LLMQ_LEVEL_COUNT], own[LLMQ_LEVEL_COUNT];

    ck_assert_int_eq(llmq_queue_set_totals(q, 1, _i, &a), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_set_totals(q, 2, _i, &a), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_set_totals(q, 2, _i, &b), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_stats(all, q), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_tenant_stats(own, q, 2), APR_SUCCESS);
    ck_assert_uint_eq(all[_i].total_completed, 30);
    ck_assert_uint_eq(all[_i].total_failed, 3);
    ck_assert_uint_eq(own[_i].total_completed, 20);
    ck_assert_uint_eq(own[_i].total_failed, 2);
}
END_TEST

START_TEST(an_unknown_level_is_refused)
{
    llmq_queue_t *q = queue_rig(5, 5)->q;
    llmq_queue_totals_t none = {0, 0};
    llmq_level_e level = _i ? LLMQ_LEVEL_COUNT : LLMQ_LEVEL_NONE;

    ck_assert_int_eq(llmq_queue_set_totals(q, 0, level, &none), APR_EINVAL);
    ck_assert_int_eq(llmq_queue_set_concurrency(q, level, 1), APR_EINVAL);
}
END_TEST

START_TEST(flags_are_a_tenants_own)
{
    llmq_queue_t *q = queue_rig_tenants(5, 5, 3)->q;

    llmq_queue_set_flags(q, 1, LLMQ_TENANT_MAINTENANCE);
    llmq_queue_set_flags(q, 2, 0);
    ck_assert_uint_eq(llmq_queue_flags(q, 1), LLMQ_TENANT_MAINTENANCE);
    ck_assert_uint_eq(llmq_queue_flags(q, 2), 0);
    ck_assert_uint_eq(llmq_queue_flags(q, 3), 0);
}
END_TEST

TCase *case_queue_set(void)
{
    TCase *tc = test_case("queue_set");

    tcase_add_loop_test(tc, totals_are_set_for_a_tenant_and_add_up, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, an_unknown_level_is_refused, 0, 2);
    tcase_add_test(tc, flags_are_a_tenants_own);
    return tc;
}
