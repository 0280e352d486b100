#include "support.h"

#include "core/retry.h"

#define NOW    1735727400000000
#define CHANCE 0xFFFFu

static const llmq_retry_conf_t conf = {1000000, 60000000};

/* The verdict on a failure after @a retries of at most three retries. */
static llmq_verdict_t decide(llmq_failure_e kind, int http_status, int retries,
                             unsigned int chance)
{
    llmq_failure_t failure = {.kind = kind, .http_status = http_status};
    llmq_job_t job = {.retry_count = retries, .max_retries = 3};
    llmq_verdict_t verdict = {LLMQ_STATUS_COUNT, -1, -1};

    llmq_retry_decide(&verdict, &conf, &failure, &job, NOW, chance);
    return verdict;
}

/* The delay after @a retries of any number of retries. */
static apr_interval_time_t delay_of(const llmq_retry_conf_t *c, int retries,
                                    apr_interval_time_t retry_after, unsigned int chance)
{
    llmq_failure_t failure = {
        .kind = LLMQ_FAILURE_STATUS, .http_status = 503, .retry_after = retry_after};
    llmq_job_t job = {.retry_count = retries, .max_retries = APR_INT32_MAX};
    llmq_verdict_t verdict;

    llmq_retry_decide(&verdict, c, &failure, &job, NOW, chance);
    ck_assert_int_eq(verdict.status, LLMQ_STATUS_PENDING);
    return verdict.run_at - NOW;
}

static int is_retried_status(int http_status)
{
    return http_status == 408 || http_status == 409 || http_status == 425
           || http_status == 429 || http_status >= 500;
}

START_TEST(of_the_4xx_only_408_409_425_429_are_tried_again)
{
    int s;

    for (s = 400; s < 600; s++)
        ck_assert_msg(
            decide(LLMQ_FAILURE_STATUS, s, 0, 0).status
                == (is_retried_status(s) ? LLMQ_STATUS_PENDING : LLMQ_STATUS_FAILED),
            "status %d", s);
}
END_TEST

static const struct {
    llmq_failure_e kind;
    llmq_status_e first; /* while retries are left */
    llmq_status_e last;  /* when none is */
} kinds[] = {
    {LLMQ_FAILURE_UNREACHABLE, LLMQ_STATUS_PENDING, LLMQ_STATUS_PENDING},
    {LLMQ_FAILURE_CONNECT, LLMQ_STATUS_PENDING, LLMQ_STATUS_FAILED},
    {LLMQ_FAILURE_TIMEOUT, LLMQ_STATUS_PENDING, LLMQ_STATUS_TIMEOUT},
    {LLMQ_FAILURE_STATUS, LLMQ_STATUS_PENDING, LLMQ_STATUS_FAILED},
    {LLMQ_FAILURE_PROTOCOL, LLMQ_STATUS_PENDING, LLMQ_STATUS_FAILED},
    {LLMQ_FAILURE_REQUEST, LLMQ_STATUS_FAILED, LLMQ_STATUS_FAILED},
};

START_TEST(each_failure_is_tried_until_max_retries_unless_it_is_final)
{
    int http_status = kinds[_i].kind == LLMQ_FAILURE_STATUS ? 500 : 0;
    llmq_verdict_t verdict;
    int n;

    for (n = 0; n < 6; n++) {
        verdict = decide(kinds[_i].kind, http_status, n, 0);
        ck_assert_int_eq(verdict.status, n < 3 ? kinds[_i].first : kinds[_i].last);
        ck_assert_int_eq(verdict.counts,
                         verdict.status == LLMQ_STATUS_PENDING
                             && kinds[_i].kind != LLMQ_FAILURE_UNREACHABLE);
        if (kinds[_i].kind == LLMQ_FAILURE_UNREACHABLE)
            ck_assert_int_eq(verdict.run_at, NOW);
        else if (verdict.status == LLMQ_STATUS_PENDING)
            ck_assert_int_gt(verdict.run_at, NOW);
        else
            ck_assert_int_eq(verdict.run_at, 0);
    }
}
END_TEST

START_TEST(without_retries_the_first_failure_is_the_last)
{
    llmq_failure_t failure = {.kind = LLMQ_FAILURE_CONNECT};
    llmq_job_t job = {.retry_count = 0, .max_retries = 0};
    llmq_verdict_t verdict;

    llmq_retry_decide(&verdict, &conf, &failure, &job, NOW, 0);
    ck_assert_int_eq(verdict.status, LLMQ_STATUS_FAILED);
}
END_TEST

/* It costs a retry all the same, so that a round of busy backends ends. */
START_TEST(where_another_backend_can_be_used_there_is_no_delay)
{
    llmq_failure_t failure = {.kind = LLMQ_FAILURE_STATUS,
                              .http_status = 429,
                              .retry_after = 60000000,
                              .elsewhere = 1};
    llmq_job_t job = {.retry_count = 2, .max_retries = 3};
    llmq_verdict_t verdict;

    llmq_retry_decide(&verdict, &conf, &failure, &job, NOW, CHANCE);
    ck_assert_int_eq(verdict.status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(verdict.run_at, NOW);
    ck_assert_int_eq(verdict.counts, 1);
    job.retry_count = 3;
    llmq_retry_decide(&verdict, &conf, &failure, &job, NOW, CHANCE);
    ck_assert_int_eq(verdict.status, LLMQ_STATUS_FAILED);
}
END_TEST

START_TEST(delays_double_up_to_the_longest)
{
    static const apr_interval_time_t full[] = {1000000,  2000000,  4000000,  8000000,
                                               16000000, 32000000, 60000000, 60000000};
    int n;

    for (n = 0; n < 8; n++) {
        ck_assert_int_eq(delay_of(&conf, n, 0, CHANCE), full[n]);
        ck_assert_int_eq(delay_of(&conf, n, 0, 0), full[n] / 2);
    }
    ck_assert_int_eq(delay_of(&conf, 1000000000, 0, CHANCE), conf.max);
}
END_TEST

START_TEST(the_jitter_spreads_evenly_over_the_upper_half)
{
    apr_interval_time_t last = 0, delay;
    unsigned int chance;

    for (chance = 0; chance <= 0xFFFF; chance += 0x1111) {
        delay = delay_of(&conf, 2, 0, chance);
        ck_assert_int_ge(delay, 2000000);
        ck_assert_int_le(delay, 4000000);
        ck_assert_int_gt(delay, last);
        last = delay;
    }
    ck_assert_int_eq(delay_of(&conf, 2, 0, 0x7FFF) / 1000, 2999);
}
END_TEST

START_TEST(only_the_low_16_bits_are_the_jitter)
{
    ck_assert_int_eq(delay_of(&conf, 3, 0, 0xABCD1234), delay_of(&conf, 3, 0, 0x1234));
}
END_TEST

START_TEST(retry_after_is_a_lower_bound)
{
    ck_assert_int_eq(delay_of(&conf, 0, 500000, CHANCE), 1000000);
    ck_assert_int_eq(delay_of(&conf, 0, 7000000, CHANCE), 7000000);
    /* Beyond the longest delay of our own too. */
    ck_assert_int_eq(delay_of(&conf, 0, 90000000, CHANCE), 90000000);
}
END_TEST

START_TEST(retry_after_is_at_most_a_day)
{
    ck_assert_int_eq(delay_of(&conf, 0, APR_INT64_MAX, 0), apr_time_from_sec(86400));
}
END_TEST

START_TEST(extreme_delays_do_not_overflow)
{
    llmq_retry_conf_t wide = {1, APR_INT64_MAX - NOW};
    llmq_retry_conf_t flat = {5, 5};

    ck_assert_int_eq(delay_of(&wide, 200, 0, CHANCE), wide.max);
    ck_assert_int_ge(delay_of(&wide, 200, 0, 0), wide.max / 2);
    ck_assert_int_eq(delay_of(&flat, 0, 0, CHANCE), 5);
    ck_assert_int_eq(delay_of(&flat, 9, 0, CHANCE), 5);
}
END_TEST

static llmq_verdict_t decide_notice(llmq_failure_t failure, int tries)
{
    llmq_retry_notice_t notice = {.delay = conf, .max = 3};
    llmq_verdict_t verdict = {LLMQ_STATUS_COUNT, -1, -1};

    llmq_retry_notice(&verdict, &notice, &failure, tries, NOW, CHANCE);
    return verdict;
}

START_TEST(notices_are_tried_again_whatever_the_receiver_says)
{
    static const int statuses[] = {301, 400, 401, 404, 422, 429, 500, 503};
    llmq_failure_t unreachable = {.kind = LLMQ_FAILURE_UNREACHABLE};
    size_t i;

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        llmq_failure_t f = {.kind = LLMQ_FAILURE_STATUS, .http_status = statuses[i]};

        ck_assert_int_eq(decide_notice(f, 1).status, LLMQ_STATUS_PENDING);
        ck_assert_int_eq(decide_notice(f, 4).status, LLMQ_STATUS_FAILED);
    }
    ck_assert_int_eq(decide_notice(unreachable, 3).status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(decide_notice(unreachable, 4).status, LLMQ_STATUS_FAILED);
    ck_assert_int_eq(decide_notice(unreachable, 1).run_at - NOW, 1000000);
    ck_assert_int_eq(decide_notice(unreachable, 3).run_at - NOW, 4000000);
    unreachable.retry_after = 9000000;
    ck_assert_int_eq(decide_notice(unreachable, 1).run_at - NOW, 9000000);
}
END_TEST

START_TEST(notices_end_where_nobody_wants_or_may_have_them)
{
    llmq_failure_t gone = {.kind = LLMQ_FAILURE_STATUS, .http_status = 410};
    llmq_failure_t refused = {.kind = LLMQ_FAILURE_REQUEST, .ours = 1};

    ck_assert_int_eq(decide_notice(gone, 1).status, LLMQ_STATUS_FAILED);
    ck_assert_int_eq(decide_notice(refused, 1).status, LLMQ_STATUS_FAILED);
}
END_TEST

TCase *case_retry(void)
{
    TCase *tc = test_case("retry");

    tcase_add_test(tc, of_the_4xx_only_408_409_425_429_are_tried_again);
    tcase_add_loop_test(tc, each_failure_is_tried_until_max_retries_unless_it_is_final, 0,
                        (int)(sizeof(kinds) / sizeof(kinds[0])));
    tcase_add_test(tc, without_retries_the_first_failure_is_the_last);
    tcase_add_test(tc, where_another_backend_can_be_used_there_is_no_delay);
    tcase_add_test(tc, delays_double_up_to_the_longest);
    tcase_add_test(tc, the_jitter_spreads_evenly_over_the_upper_half);
    tcase_add_test(tc, only_the_low_16_bits_are_the_jitter);
    tcase_add_test(tc, retry_after_is_a_lower_bound);
    tcase_add_test(tc, retry_after_is_at_most_a_day);
    tcase_add_test(tc, extreme_delays_do_not_overflow);
    tcase_add_test(tc, notices_are_tried_again_whatever_the_receiver_says);
    tcase_add_test(tc, notices_end_where_nobody_wants_or_may_have_them);
    return tc;
}
