#include "support.h"

#include "backend/endpoint.h"
#include "base/clock.h"

#define NOW apr_time_from_sec(1700000000)

static const llmq_backend_conf_t conf_a = {.name = "a", .max_concurrent = 1};
static const llmq_backend_conf_t conf_b = {.name = "b", .max_concurrent = 2};
static const llmq_backend_conf_t conf_c = {.name = "c", .max_concurrent = 3};
static const llmq_backend_conf_t *const three[] = {&conf_a, &conf_b, &conf_c};

static llmq_endpoints_t *create(int n)
{
    llmq_endpoints_t *e = NULL;

    llmq_clock_set(NOW);
    ck_assert_int_eq(llmq_endpoint_create(&e, three, n, test_pool), APR_SUCCESS);
    return e;
}

static llmq_failure_t busy_for(apr_interval_time_t pause)
{
    return (llmq_failure_t){
        .kind = LLMQ_FAILURE_STATUS, .http_status = 429, .retry_after = pause};
}

START_TEST(endpoint_create_refuses_an_empty_set)
{
    llmq_endpoints_t *e = NULL;

    ck_assert_int_eq(llmq_endpoint_create(&e, three, 0, test_pool), APR_EINVAL);
    ck_assert_ptr_null(e);
}
END_TEST

START_TEST(endpoint_pick_goes_round_those_with_a_free_place)
{
    static const char order[] = "abcbcc";
    llmq_endpoints_t *e = create(3);
    int i;

    for (i = 0; order[i]; i++) {
        const llmq_backend_conf_t *backend = llmq_endpoint_pick(e);

        ck_assert_ptr_nonnull(backend);
        ck_assert_int_eq(backend->name[0], order[i]);
    }
    ck_assert_ptr_null(llmq_endpoint_pick(e));
}
END_TEST

START_TEST(endpoint_free_counts_every_place)
{
    llmq_endpoints_t *e = create(3);
    int left;

    for (left = 6; left > 0; left--) {
        ck_assert_int_eq(llmq_endpoint_free(e), left);
        ck_assert_ptr_nonnull(llmq_endpoint_pick(e));
    }
    ck_assert_int_eq(llmq_endpoint_free(e), 0);
}
END_TEST

START_TEST(endpoint_done_gives_the_place_back)
{
    llmq_endpoints_t *e = create(1);
    llmq_failure_t failure = {.kind = LLMQ_FAILURE_CONNECT};

    ck_assert_ptr_eq(llmq_endpoint_pick(e), &conf_a);
    ck_assert_ptr_null(llmq_endpoint_pick(e));
    llmq_endpoint_done(e, &conf_a, NULL);
    ck_assert_ptr_eq(llmq_endpoint_pick(e), &conf_a);
    llmq_endpoint_done(e, &conf_a, &failure);
    ck_assert_ptr_eq(llmq_endpoint_pick(e), &conf_a);
}
END_TEST

START_TEST(endpoint_done_never_makes_places)
{
    llmq_endpoints_t *e = create(3);

    llmq_endpoint_done(e, &conf_a, NULL);
    llmq_endpoint_done(e, &(llmq_backend_conf_t){.name = "stranger"}, NULL);
    ck_assert_int_eq(llmq_endpoint_free(e), 6);
}
END_TEST

START_TEST(endpoint_pauses_as_long_as_retry_after_says)
{
    llmq_endpoints_t *e = create(2);
    llmq_failure_t failure = busy_for(apr_time_from_sec(7));

    ck_assert_ptr_eq(llmq_endpoint_pick(e), &conf_a);
    llmq_endpoint_done(e, &conf_a, &failure);
    ck_assert_int_eq(llmq_endpoint_free(e), 2);
    ck_assert_ptr_eq(llmq_endpoint_pick(e), &conf_b);
    ck_assert_ptr_eq(llmq_endpoint_pick(e), &conf_b);
    ck_assert_ptr_null(llmq_endpoint_pick(e));
    llmq_clock_set(NOW + apr_time_from_sec(7) - 1);
    ck_assert_ptr_null(llmq_endpoint_pick(e));
    llmq_clock_set(NOW + apr_time_from_sec(7));
    ck_assert_int_eq(llmq_endpoint_free(e), 1);
    ck_assert_ptr_eq(llmq_endpoint_pick(e), &conf_a);
}
END_TEST

START_TEST(endpoint_pause_is_at_most_five_minutes)
{
    llmq_endpoints_t *e = create(1);
    llmq_failure_t failure = busy_for(APR_INT64_MAX / 2);

    llmq_endpoint_done(e, llmq_endpoint_pick(e), &failure);
    llmq_clock_set(NOW + apr_time_from_sec(300) - 1);
    ck_assert_int_eq(llmq_endpoint_free(e), 0);
    llmq_clock_set(NOW + apr_time_from_sec(300));
    ck_assert_int_eq(llmq_endpoint_free(e), 1);
}
END_TEST

START_TEST(endpoint_pause_is_not_cut_by_a_shorter_one_or_a_success)
{
    llmq_endpoints_t *e = create(3);
    llmq_failure_t longer = busy_for(apr_time_from_sec(60));
    llmq_failure_t shorter = busy_for(apr_time_from_sec(1));

    llmq_endpoint_done(e, &conf_c, &longer);
    llmq_endpoint_done(e, &conf_c, &shorter);
    llmq_endpoint_done(e, &conf_c, NULL);
    llmq_clock_set(NOW + apr_time_from_sec(59));
    ck_assert_int_eq(llmq_endpoint_free(e), 3);
}
END_TEST

START_TEST(endpoint_that_cannot_be_reached_is_tried_by_one_call_after_growing_pauses)
{
    static const int pauses[] = {1, 2, 4, 8, 16, 30, 30};
    llmq_failure_t failure = {.kind = LLMQ_FAILURE_UNREACHABLE};
    llmq_endpoints_t *e = NULL;
    apr_time_t now = NOW;
    size_t i;

    llmq_clock_set(NOW);
    ck_assert_int_eq(llmq_endpoint_create(&e, &three[2], 1, test_pool), APR_SUCCESS);
    for (i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
        ck_assert_ptr_nonnull(llmq_endpoint_pick(e));
        ck_assert_int_eq(llmq_endpoint_free(e), i ? 0 : 2); /* one call proves it */
        llmq_endpoint_done(e, &conf_c, &failure);
        now += apr_time_from_sec(pauses[i]);
        llmq_clock_set(now - 1);
        ck_assert_ptr_null(llmq_endpoint_pick(e));
        llmq_clock_set(now);
    }
    ck_assert_ptr_nonnull(llmq_endpoint_pick(e));
    llmq_endpoint_done(e, &conf_c, NULL);
    ck_assert_int_eq(llmq_endpoint_free(e), 3);
}
END_TEST

START_TEST(endpoint_goes_away_once_however_many_calls_tell)
{
    llmq_failure_t away = {.kind = LLMQ_FAILURE_UNREACHABLE};
    llmq_failure_t answered = {.kind = LLMQ_FAILURE_STATUS, .http_status = 500};
    llmq_endpoints_t *e = NULL;
    int i;

    llmq_clock_set(NOW);
    ck_assert_int_eq(llmq_endpoint_create(&e, &three[2], 1, test_pool), APR_SUCCESS);
    for (i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(llmq_endpoint_pick(e));
    for (i = 0; i < 3; i++)
        llmq_endpoint_done(e, &conf_c, &away);
    llmq_clock_set(NOW + apr_time_from_sec(1));
    ck_assert_ptr_nonnull(llmq_endpoint_pick(e));
    llmq_endpoint_done(e, &conf_c, &answered); /* an error is an answer */
    ck_assert_int_eq(llmq_endpoint_free(e), 3);
}
END_TEST

START_TEST(endpoint_failure_without_retry_after_does_not_pause)
{
    llmq_endpoints_t *e = create(1);
    llmq_failure_t failure = busy_for(0);

    llmq_endpoint_done(e, llmq_endpoint_pick(e), &failure);
    ck_assert_int_eq(llmq_endpoint_free(e), 1);
    failure = busy_for(-5);
    llmq_endpoint_done(e, llmq_endpoint_pick(e), &failure);
    ck_assert_int_eq(llmq_endpoint_free(e), 1);
}
END_TEST

TCase *case_endpoint(void)
{
    TCase *tc = test_case("endpoint");

    tcase_add_test(tc, endpoint_create_refuses_an_empty_set);
    tcase_add_test(tc, endpoint_pick_goes_round_those_with_a_free_place);
    tcase_add_test(tc, endpoint_free_counts_every_place);
    tcase_add_test(tc, endpoint_done_gives_the_place_back);
    tcase_add_test(tc, endpoint_done_never_makes_places);
    tcase_add_test(tc, endpoint_pauses_as_long_as_retry_after_says);
    tcase_add_test(tc, endpoint_pause_is_at_most_five_minutes);
    tcase_add_test(tc, endpoint_pause_is_not_cut_by_a_shorter_one_or_a_success);
    tcase_add_test(tc, endpoint_failure_without_retry_after_does_not_pause);
    tcase_add_test(
        tc, endpoint_that_cannot_be_reached_is_tried_by_one_call_after_growing_pauses);
    tcase_add_test(tc, endpoint_goes_away_once_however_many_calls_tell);
    return tc;
}
