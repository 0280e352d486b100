#include "base/duration.h"

#include "support.h"

#include <math.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define SEC      APR_USEC_PER_SEC

static const struct {
    const char *text;
    apr_interval_time_t usec;
} good[] = {
    {"0", 0},
    {"0s", 0},
    {"1s", SEC},
    {"30s", 30 * SEC},
    {"1.5s", 1500000},
    {".5s", 500000},
    {"5.s", 5 * SEC},
    {"0.1s", 100000},
    {"0.3s", 300000},
    {"100ms", 100000},
    {"1us", 1},
    {"1\xC2\xB5s", 1},
    {"7\xCE\xBCs", 7},
    {"1500ns", 1},
    {"999ns", 0},
    {"2h45m", 2 * 3600 * SEC + 45 * 60 * SEC},
    {"72h35m20s", 72 * 3600 * SEC + 35 * 60 * SEC + 20 * SEC},
    {"1m1m", 120 * SEC},
    {"720h", 720 * 3600 * SEC},
    {"1h0m0.000001s", 3600 * SEC + 1},
    {"878400h", LLMQ_DURATION_MAX},
};

START_TEST(what_go_writes_is_understood)
{
    apr_interval_time_t d = -1;

    ck_assert_msg(llmq_duration_parse(&d, good[_i].text) == APR_SUCCESS, "%s",
                  good[_i].text);
    ck_assert_int_eq(d, good[_i].usec);
}
END_TEST

static const char *const bad[] = {
    "",     "s",    "1",  "-1s", "+1s", " 1s", "1s ", "1 s",  "1d", "1.2.3s",    ".s",
    "1e3s", "0x1s", "1S", "1sm", "1s2", "nan", "inf", "1,5s", "00", "\xC2\xB5s", "1\xC2s",
};

START_TEST(anything_else_is_refused)
{
    apr_interval_time_t d = 17;

    ck_assert_msg(llmq_duration_parse(&d, bad[_i]) == APR_EINVAL, "%s", bad[_i]);
    ck_assert_int_eq(d, 17);
}
END_TEST

START_TEST(what_is_too_long_is_told_apart)
{
    static const char *const lengthy[] = {
        "878401h", "99999999999999999999999h",
        "1111111111111111111111111111111111111111111111111111111111111111111111111h"};
    apr_interval_time_t d = 17;

    ck_assert_int_eq(llmq_duration_parse(&d, lengthy[_i]), APR_EGENERAL);
    ck_assert_int_eq(d, 17);
}
END_TEST

START_TEST(seconds_are_a_number_from_zero_up)
{
    apr_interval_time_t d = 17;

    ck_assert_int_eq(llmq_duration_of_seconds(&d, -0.5), APR_EINVAL);
    ck_assert_int_eq(llmq_duration_of_seconds(&d, NAN), APR_EINVAL);
    ck_assert_int_eq(llmq_duration_of_seconds(&d, INFINITY), APR_EGENERAL);
    ck_assert_int_eq(llmq_duration_of_seconds(&d, 1e300), APR_EGENERAL);
    ck_assert_int_eq(d, 17);
    ck_assert_int_eq(llmq_duration_of_seconds(&d, 0), APR_SUCCESS);
    ck_assert_int_eq(d, 0);
    ck_assert_int_eq(llmq_duration_of_seconds(&d, 1.5), APR_SUCCESS);
    ck_assert_int_eq(d, 1500000);
    ck_assert_int_eq(llmq_duration_of_seconds(&d, 0.3), APR_SUCCESS);
    ck_assert_int_eq(d, 300000);
}
END_TEST

TCase *case_duration(void)
{
    TCase *tc = test_case("duration");

    tcase_add_loop_test(tc, what_go_writes_is_understood, 0, COUNT(good));
    tcase_add_loop_test(tc, anything_else_is_refused, 0, COUNT(bad));
    tcase_add_loop_test(tc, what_is_too_long_is_told_apart, 0, 3);
    tcase_add_test(tc, seconds_are_a_number_from_zero_up);
    return tc;
}
