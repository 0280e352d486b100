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

static apr_int64_t usec_of(const struct timespec *t)
{
    return (apr_int64_t)t->tv_sec * 1000000 + t->tv_nsec / 1000;
}

START_TEST(a_deadline_counts_from_now)
{
    static const apr_interval_time_t waits[] = {0, 1, 999999, 1000000, 2500000};
    struct timespec before;
    struct timespec until;
    struct timespec after;

    clock_gettime(CLOCK_MONOTONIC, &before);
    llmq_clock_deadline(&until, waits[_i]);
    clock_gettime(CLOCK_MONOTONIC, &after);
    ck_assert_int_lt(until.tv_nsec, 1000000000L);
    ck_assert_int_ge(usec_of(&until) - waits[_i], usec_of(&before));
    ck_assert_int_le(usec_of(&until) - waits[_i], usec_of(&after));
}
END_TEST

START_TEST(the_steady_clock_runs_while_the_other_stands)
{
    struct timespec before;
    struct timespec after;
    apr_interval_time_t now;

    llmq_clock_set(1);
    clock_gettime(CLOCK_MONOTONIC, &before);
    now = llmq_clock_steady();
    clock_gettime(CLOCK_MONOTONIC, &after);
    ck_assert_int_ge(now, usec_of(&before));
    ck_assert_int_le(now, usec_of(&after));
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
    tcase_add_loop_test(tc, a_deadline_counts_from_now, 0, 5);
    tcase_add_test(tc, the_steady_clock_runs_while_the_other_stands);
    return tc;
}
