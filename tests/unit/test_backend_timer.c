#include "support.h"

#include "backend/backend_timer.h"
#include "base/clock.h"

static llmq_backend_conf_t conf;
static llmq_call_t call;
static llmq_raw_t raw;
static apr_interval_time_t earliest;

static llmq_backend_timer_t begin(apr_interval_time_t first, apr_interval_time_t total)
{
    llmq_backend_timer_t timer = {.earliest = &earliest};

    conf = (llmq_backend_conf_t){.first_timeout = first, .total_timeout = total};
    call = (llmq_call_t){.backend = &conf};
    earliest = 0;
    llmq_backend_timer_begin(&timer, &call);
    return timer;
}

START_TEST(none_is_later_than_any_moment)
{
    ck_assert_int_eq(llmq_backend_timer_earlier(0, 0), 0);
    ck_assert_int_eq(llmq_backend_timer_earlier(0, 7), 7);
    ck_assert_int_eq(llmq_backend_timer_earlier(7, 0), 7);
    ck_assert_int_eq(llmq_backend_timer_earlier(7, 3), 3);
    ck_assert_int_eq(llmq_backend_timer_earlier(3, 7), 3);
}
END_TEST

START_TEST(a_first_byte_ends_the_first_time_out)
{
    llmq_backend_timer_t timer = begin(apr_time_from_sec(10), apr_time_from_sec(1000));

    ck_assert_int_eq(llmq_backend_timer_next(&timer), timer.first);
    ck_assert_int_eq(llmq_backend_timer_expired(&timer, timer.first - 1),
                     LLMQ_BACKEND_TROUBLE_NONE);
    ck_assert_int_eq(llmq_backend_timer_expired(&timer, timer.first),
                     LLMQ_BACKEND_TROUBLE_FIRST_TIME);
    timer.begun = 1;
    ck_assert_int_eq(llmq_backend_timer_next(&timer), timer.total);
    ck_assert_int_eq(llmq_backend_timer_expired(&timer, timer.first),
                     LLMQ_BACKEND_TROUBLE_NONE);
    ck_assert_int_eq(llmq_backend_timer_expired(&timer, timer.total),
                     LLMQ_BACKEND_TROUBLE_TOTAL_TIME);
}
END_TEST

START_TEST(no_time_out_is_none)
{
    llmq_backend_timer_t timer = begin(0, 0);

    ck_assert_int_eq(llmq_backend_timer_next(&timer), 0);
    ck_assert_int_eq(llmq_backend_timer_expired(&timer, APR_INT64_MAX),
                     LLMQ_BACKEND_TROUBLE_NONE);
}
END_TEST

START_TEST(what_the_configuration_leaves_out_is_the_business_of_who_waits)
{
    llmq_backend_timer_t timer = begin(LLMQ_BACKEND_NOT_SET, LLMQ_BACKEND_NOT_SET);

    ck_assert_int_gt(timer.first, 0);
    ck_assert_int_gt(timer.total, timer.first);
    call.raw = &raw;
    raw.stream = 1;
    llmq_backend_timer_begin(&timer, &call);
    ck_assert_int_gt(timer.first, 0);
    ck_assert_int_eq(timer.total, 0);
    raw.stream = 0;
    call.timeout = apr_time_from_sec(5);
    llmq_backend_timer_begin(&timer, &call);
    ck_assert_int_eq(timer.first, 0);
    ck_assert_int_gt(timer.total, 0);
}
END_TEST

START_TEST(a_pause_grows_until_there_is_room)
{
    llmq_backend_timer_t timer = begin(0, 0);
    apr_interval_time_t last;
    int i;

    timer.begun = 1;
    llmq_backend_timer_pause(&timer, 0);
    last = timer.pause_for;
    ck_assert_int_eq(llmq_backend_timer_next(&timer), timer.pause);
    ck_assert_int_eq(earliest, timer.pause);
    for (i = 0; i < 20; i++) {
        llmq_backend_timer_pause(&timer, 1);
        ck_assert_int_ge(timer.pause_for, last);
        last = timer.pause_for;
    }
    ck_assert_int_eq(last, apr_time_from_msec(250));
    llmq_backend_timer_pause(&timer, 0);
    ck_assert_int_lt(timer.pause_for, last);
}
END_TEST

START_TEST(a_piece_is_expected_when_it_was_asked_for)
{
    llmq_backend_timer_t timer = begin(0, 0);

    timer.begun = 1;
    llmq_backend_timer_expect_piece(&timer, -1);
    ck_assert_int_eq(llmq_backend_timer_next(&timer), 0);
    llmq_backend_timer_expect_piece(&timer, apr_time_from_sec(100));
    ck_assert_int_gt(llmq_backend_timer_next(&timer), llmq_clock_steady());
    ck_assert_int_eq(earliest, timer.piece);
    llmq_backend_timer_expect_piece(&timer, -1);
    ck_assert_int_eq(earliest, timer.piece);
    llmq_backend_timer_expect_piece(&timer, 0);
    ck_assert_int_eq(llmq_backend_timer_next(&timer), 0);
}
END_TEST

START_TEST(who_has_said_all_may_not_stay_long)
{
    llmq_backend_timer_t timer = begin(0, apr_time_from_sec(1000));
    apr_interval_time_t total = timer.total;

    timer.begun = 1;
    llmq_backend_timer_linger(&timer);
    ck_assert_int_lt(timer.total, total);
    ck_assert_int_eq(earliest, timer.total);
    total = timer.total;
    llmq_backend_timer_linger(&timer);
    ck_assert_int_eq(timer.total, total);
}
END_TEST

TCase *case_backend_timer(void)
{
    TCase *tc = test_case("backend_timer");

    tcase_add_test(tc, none_is_later_than_any_moment);
    tcase_add_test(tc, a_first_byte_ends_the_first_time_out);
    tcase_add_test(tc, no_time_out_is_none);
    tcase_add_test(tc, what_the_configuration_leaves_out_is_the_business_of_who_waits);
    tcase_add_test(tc, a_pause_grows_until_there_is_room);
    tcase_add_test(tc, a_piece_is_expected_when_it_was_asked_for);
    tcase_add_test(tc, who_has_said_all_may_not_stay_long);
    return tc;
}
