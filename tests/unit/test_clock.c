#include "support.h"

#include "base/clock.h"

START_TEST(the_system_clock_runs_by_default)
{
    apr_time_t before = apr_time_now();
    apr_time_t now = llmq_clock_now();

    ck_assert_int_ge(now, before);
    ck_assert_int_le(now, apr_time_now());
}
END_TEST

START_TEST(a_set_clock_stands_still)
{
    llmq_clock_set(1735727400000001);
    ck_assert_int_eq(llmq_clock_now(), 1735727400000001);
    ck_assert_int_eq(llmq_clock_now(), 1735727400000001);
    llmq_clock_set(1735727400000002);
    ck_assert_int_eq(llmq_clock_now(), 1735727400000002);
}
END_TEST

START_TEST(zero_gives_the_clock_back_to_the_system)
{
    apr_time_t before = apr_time_now();

    llmq_clock_set(1);
    llmq_clock_set(0);
    ck_assert_int_ge(llmq_clock_now(), before);
}
END_TEST

static void give_clock_back(void)
{
    llmq_clock_set(0);
}

TCase *case_clock(void)
{
    TCase *tc = test_case("clock");

    tcase_add_checked_fixture(tc, NULL, give_clock_back);
    tcase_add_test(tc, the_system_clock_runs_by_default);
    tcase_add_test(tc, a_set_clock_stands_still);
    tcase_add_test(tc, zero_gives_the_clock_back_to_the_system);
    return tc;
}
