#include "support.h"

#include "backend/endpoint.h"
#include "base/clock.h"

#define NOW apr_time_from_sec(1700000000)

static const llmq_backend_conf_t conf_a = {.name = "a", .max_concurrent = 1};
static const llmq_backend_conf_t conf_b = {.name = "b", .max_concurrent = 2};
static const llmq_backend_conf_t conf_c = {.name = "c", .max_concurrent = 3};
static const llmq_backend_conf_t *const three[] = {&conf_a, &conf_b, &conf_c};
static const llmq_endpoint_conf_t plain; /* round robin, no affinity, no board */

static llmq_endpoints_t *create_with(const llmq_backend_conf_t *const *backends, int n,
                                     const llmq_endpoint_conf_t *conf)
{
    llmq_endpoints_t *e = NULL;

    llmq_clock_set(NOW);
    ck_assert_int_eq(llmq_endpoint_create(&e, backends, n, conf, test_pool), APR_SUCCESS);
    return e;
}

static llmq_endpoints_t *create(int n)
{
    return create_with(three, n, &plain);
}

static llmq_endpoint_place_t pick_for(llmq_endpoints_t *e, const char *id,
                                      apr_uint64_t chain)
{
    llmq_endpoint_place_t place;

    llmq_endpoint_pick(&place, e, id, chain);
    return place;
}

static llmq_endpoint_place_t pick(llmq_endpoints_t *e)
{
    return pick_for(e, NULL, 0);
}

static const llmq_backend_conf_t *picked(llmq_endpoints_t *e)
{
    return pick(e).backend;
}

/* Ends the call of a place; NULL: answered, after a millisecond. */
static llmq_failure_t end(llmq_endpoints_t *e, llmq_endpoint_place_t place,
                          const llmq_failure_t *failure)
{
    llmq_call_t call = {.backend = place.backend, .ok = !failure};

    call.ended_at = llmq_clock_now();
    call.started_at = call.ended_at - 1000;
    call.first_at = call.ended_at - 500;
    if (failure)
        call.failure = *failure;
    llmq_endpoint_done(e, &place, &call);
    return call.failure;
}

static const llmq_failure_t away = {.kind = LLMQ_FAILURE_UNREACHABLE};
static const llmq_failure_t broken = {.kind = LLMQ_FAILURE_STATUS, .http_status = 500};

static llmq_failure_t busy_for(apr_interval_time_t pause)
{
    return (llmq_failure_t){
        .kind = LLMQ_FAILURE_STATUS, .http_status = 429, .retry_after = pause};
}

/* ---- places ---- */

START_TEST(endpoint_create_refuses_an_empty_set)
{
    llmq_endpoints_t *e = NULL;

    ck_assert_int_eq(llmq_endpoint_create(&e, three, 0, &plain, test_pool), APR_EINVAL);
    ck_assert_int_eq(
        llmq_endpoint_create(&e, three, LLMQ_BALANCE_MAX + 1, &plain, test_pool),
        APR_EINVAL);
    ck_assert_ptr_null(e);
}
END_TEST

START_TEST(endpoint_pick_goes_round_those_with_a_free_place)
{
    static const char order[] = "abcbcc";
    llmq_endpoints_t *e = create(3);
    int i;

    for (i = 0; order[i]; i++)
        ck_assert_int_eq(picked(e)->name[0], order[i]);
    ck_assert_ptr_null(picked(e));
}
END_TEST

START_TEST(endpoint_free_counts_every_place)
{
    llmq_endpoints_t *e = create(3);
    int left;

    for (left = 6; left > 0; left--) {
        ck_assert_int_eq(llmq_endpoint_free(e), left);
        ck_assert_ptr_nonnull(picked(e));
    }
    ck_assert_int_eq(llmq_endpoint_free(e), 0);
}
END_TEST

START_TEST(endpoint_done_gives_the_place_back)
{
    llmq_endpoints_t *e = create(1);
    llmq_endpoint_place_t place = pick(e);

    ck_assert_ptr_eq(place.backend, &conf_a);
    ck_assert_ptr_null(picked(e));
    end(e, place, NULL);
    place = pick(e);
    ck_assert_ptr_eq(place.backend, &conf_a);
    end(e, place, &broken);
    place = pick(e);
    ck_assert_ptr_eq(place.backend, &conf_a);
    llmq_endpoint_back(e, &place);
    ck_assert_int_eq(llmq_endpoint_free(e), 1);
    llmq_endpoint_back(e, &place);
    ck_assert_int_eq(llmq_endpoint_free(e), 1); /* never makes places */
}
END_TEST

/* ---- Retry-After ---- */

START_TEST(endpoint_pauses_as_long_as_retry_after_says)
{
    llmq_endpoints_t *e = create(2);
    llmq_failure_t failure = busy_for(apr_time_from_sec(7));

    end(e, pick(e), &failure);
    ck_assert_int_eq(llmq_endpoint_free(e), 2);
    ck_assert_ptr_eq(picked(e), &conf_b);
    ck_assert_ptr_eq(picked(e), &conf_b);
    ck_assert_ptr_null(picked(e));
    llmq_clock_set(NOW + apr_time_from_sec(7) - 1);
    ck_assert_ptr_null(picked(e));
    llmq_clock_set(NOW + apr_time_from_sec(7));
    ck_assert_int_eq(llmq_endpoint_free(e), 1);
    ck_assert_ptr_eq(picked(e), &conf_a);
}
END_TEST

START_TEST(endpoint_pause_is_at_most_five_minutes)
{
    llmq_endpoints_t *e = create(1);
    llmq_failure_t failure = busy_for(APR_INT64_MAX / 2);

    end(e, pick(e), &failure);
    llmq_clock_set(NOW + apr_time_from_sec(300) - 1);
    ck_assert_int_eq(llmq_endpoint_free(e), 0);
    llmq_clock_set(NOW + apr_time_from_sec(300));
    ck_assert_int_eq(llmq_endpoint_free(e), 1);
}
END_TEST

START_TEST(endpoint_pause_is_not_cut_by_a_shorter_one_or_a_success)
{
    llmq_endpoints_t *e = create_with(&three[2], 1, &plain);
    llmq_failure_t longer = busy_for(apr_time_from_sec(60));
    llmq_failure_t shorter = busy_for(apr_time_from_sec(1));
    llmq_endpoint_place_t places[3];
    int i;

    for (i = 0; i < 3; i++)
        places[i] = pick(e);
    end(e, places[0], &longer);
    end(e, places[1], &shorter);
    end(e, places[2], NULL);
    llmq_clock_set(NOW + apr_time_from_sec(59));
    ck_assert_int_eq(llmq_endpoint_free(e), 0);
}
END_TEST

START_TEST(endpoint_failure_without_retry_after_does_not_pause)
{
    llmq_endpoints_t *e = create(1);
    llmq_failure_t failure = busy_for(0);

    end(e, pick(e), &failure);
    ck_assert_int_eq(llmq_endpoint_free(e), 1);
    failure = busy_for(-5);
    end(e, pick(e), &failure);
    ck_assert_int_eq(llmq_endpoint_free(e), 1);
}
END_TEST

START_TEST(endpoint_retry_after_sends_the_job_elsewhere)
{
    llmq_endpoints_t *e = create(3);
    llmq_failure_t minute = busy_for(apr_time_from_sec(60));
    llmq_failure_t hour = busy_for(apr_time_from_sec(3600));
    llmq_failure_t got = end(e, pick(e), &minute); /* a */

    ck_assert_int_eq(got.elsewhere, 1);
    ck_assert_int_eq(got.retry_after, 0);
    got = end(e, pick(e), &minute); /* b; c is left */
    ck_assert_int_eq(got.elsewhere, 1);
    got = end(e, pick(e), &hour); /* c; a and b are back before it */
    ck_assert_int_eq(got.elsewhere, 0);
    ck_assert_int_eq(got.retry_after, apr_time_from_sec(60));
    e = create(1);
    got = end(e, pick(e), &hour);
    ck_assert_int_eq(got.elsewhere, 0);
    ck_assert_int_eq(got.retry_after, apr_time_from_sec(3600));
}
END_TEST

/* ---- health ---- */

START_TEST(endpoint_that_cannot_be_reached_is_tried_by_one_call_after_growing_pauses)
{
    static const int pauses[] = {1, 2, 4, 8, 16, 30, 30};
    llmq_endpoints_t *e = create_with(&three[2], 1, &plain);
    apr_time_t now = NOW;
    size_t i;

    for (i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
        llmq_endpoint_place_t place = pick(e);

        ck_assert_ptr_nonnull(place.backend);
        ck_assert_int_eq(place.trial, i > 0);
        ck_assert_int_eq(llmq_endpoint_free(e), i ? 0 : 2); /* one call proves it */
        end(e, place, &away);
        now += apr_time_from_sec(pauses[i]);
        llmq_clock_set(now - 1);
        ck_assert_ptr_null(picked(e));
        llmq_clock_set(now);
    }
    end(e, pick(e), NULL);
    ck_assert_int_eq(llmq_endpoint_free(e), 3);
}
END_TEST

START_TEST(endpoint_goes_away_once_however_many_calls_tell)
{
    llmq_endpoints_t *e = create_with(&three[2], 1, &plain);
    llmq_endpoint_place_t places[3];
    int i;

    for (i = 0; i < 3; i++)
        places[i] = pick(e);
    for (i = 0; i < 3; i++)
        end(e, places[i], &away);
    llmq_clock_set(NOW + apr_time_from_sec(1));
    end(e, pick(e), &broken); /* an error is an answer */
    ck_assert_int_eq(llmq_endpoint_free(e), 3);
}
END_TEST

/* What we ended ourselves, or never began, does not prove that it can be reached. */
START_TEST(endpoint_learns_nothing_from_calls_that_were_withdrawn)
{
    const llmq_failure_t aborted = {.kind = LLMQ_FAILURE_CONNECT, .ours = 1};
    llmq_endpoints_t *e = create_with(&three[2], 1, &plain);
    llmq_endpoint_place_t place;

    end(e, pick(e), &away);
    llmq_clock_set(NOW + apr_time_from_sec(1));
    if (_i) {
        end(e, pick(e), &aborted);
    }
    else {
        place = pick(e);
        llmq_endpoint_back(e, &place);
    }
    ck_assert_int_eq(llmq_endpoint_free(e), 1); /* still one call that proves it */
    place = pick(e);
    ck_assert_int_eq(place.trial, 1);
    ck_assert_int_eq(llmq_endpoint_free(e), 0);
    end(e, place, NULL);
    ck_assert_int_eq(llmq_endpoint_free(e), 3);
}
END_TEST

#define CAREFUL .health = {2, 10000000, 300000000}

static const llmq_backend_conf_t one = {.name = "one", .max_concurrent = 9, CAREFUL};
static const llmq_backend_conf_t two = {.name = "two", .max_concurrent = 9, CAREFUL};
static const llmq_backend_conf_t *const pair[] = {&one, &two};

START_TEST(endpoint_that_fails_is_ejected_and_comes_back_by_a_trial)
{
    llmq_endpoints_t *e = create_with(pair, 2, &plain);
    llmq_endpoint_place_t place;
    int i;

    for (i = 0; i < 4; i++) {
        place = pick(e);
        end(e, place, place.backend == &one ? &broken : NULL);
    }
    for (i = 0; i < 5; i++)
        ck_assert_ptr_eq(picked(e), &two);
    llmq_clock_set(NOW + apr_time_from_sec(10));
    place = pick(e);
    ck_assert_ptr_eq(place.backend, &one);
    ck_assert_int_eq(place.trial, 1);
    ck_assert_ptr_eq(picked(e), &two);
    ck_assert_ptr_eq(picked(e), &two);
    end(e, place, NULL);
    ck_assert_ptr_eq(picked(e), &one);
}
END_TEST

START_TEST(endpoint_last_one_is_not_ejected_for_failing)
{
    llmq_endpoints_t *e = create_with(pair, 2, &plain);
    int i;

    llmq_endpoint_drain(e, "two", 1);
    for (i = 0; i < 10; i++)
        end(e, pick(e), &broken);
    ck_assert_int_eq(llmq_endpoint_free(e), 9);
}
END_TEST

/* ---- what failed a job ---- */

START_TEST(endpoint_avoids_what_failed_this_job)
{
    llmq_endpoints_t *e = create(3);
    int i;

    ck_assert_ptr_eq(pick_for(e, "other", 0).backend, &conf_a);
    e = create(3);
    end(e, pick_for(e, "job", 0), &broken); /* a */
    end(e, pick_for(e, "other", 0), NULL);  /* b; c would follow, then a */
    end(e, pick_for(e, "job", 0), &broken); /* c */
    ck_assert_ptr_eq(pick_for(e, "other", 0).backend, &conf_a);
    e = create(3);
    end(e, pick_for(e, "job", 0), &broken); /* a */
    for (i = 0; i < 5; i++) {               /* all other places */
        ck_assert_ptr_ne(pick_for(e, "job", 0).backend, &conf_a);
    }
    ck_assert_ptr_eq(pick_for(e, "job", 0).backend, &conf_a); /* better than nothing */
}
END_TEST

START_TEST(endpoint_avoids_the_last_one_once_all_have_failed)
{
    llmq_endpoints_t *e = create_with(pair, 2, &plain);
    llmq_endpoint_place_t place = pick_for(e, "job", 0);
    int i;

    for (i = 0; i < 20; i++) {
        const llmq_backend_conf_t *before = place.backend;

        end(e, place, &(llmq_failure_t){.kind = LLMQ_FAILURE_STATUS, .http_status = 408});
        place = pick_for(e, "job", 0);
        ck_assert_ptr_ne(place.backend, before);
    }
}
END_TEST

/* ---- affinity ---- */

static const llmq_endpoint_conf_t loyal = {.balance = {LLMQ_BALANCE_ROUND_ROBIN, 1, 100}};

START_TEST(endpoint_conversation_stays_with_its_backend)
{
    llmq_endpoints_t *e = create_with(three, 3, &loyal);
    llmq_endpoint_place_t first = pick_for(e, "1", 77);
    llmq_endpoint_place_t place;
    int i;

    end(e, first, NULL);
    for (i = 0; i < 10; i++) {
        end(e, pick(e), NULL);
        place = pick_for(e, "2", 77);
        ck_assert_ptr_eq(place.backend, first.backend);
        end(e, place, NULL);
    }
    ck_assert_ptr_ne(pick_for(e, "3", 78).backend, NULL);
}
END_TEST

START_TEST(endpoint_conversation_moves_when_its_backend_is_full_and_stays_there)
{
    llmq_endpoints_t *e = create_with(three, 3, &loyal);
    llmq_endpoint_place_t first = pick_for(e, "1", 77); /* a, now full */
    llmq_endpoint_place_t second = pick_for(e, "2", 77);

    ck_assert_ptr_eq(first.backend, &conf_a);
    ck_assert_ptr_eq(second.backend, &conf_b);
    end(e, first, NULL);
    ck_assert_ptr_eq(pick_for(e, "3", 77).backend, &conf_b);
}
END_TEST

START_TEST(endpoint_new_conversations_are_shared_out_as_the_algorithm_says)
{
    llmq_endpoints_t *e = create_with(pair, 2, &loyal);
    int counts[2] = {0};
    int i;

    for (i = 1; i <= 1000; i++) {
        llmq_endpoint_place_t place = pick_for(e, NULL, (apr_uint64_t)i);

        counts[place.index]++;
        end(e, place, NULL);
    }
    ck_assert_int_eq(counts[0], 500);
}
END_TEST

START_TEST(endpoint_without_affinity_conversations_go_round)
{
    llmq_endpoints_t *e = create_with(pair, 2, &plain);

    ck_assert_ptr_eq(pick_for(e, "1", 77).backend, &one);
    ck_assert_ptr_eq(pick_for(e, "2", 77).backend, &two);
}
END_TEST

/* ---- groups ---- */

static const llmq_backend_conf_t near_one = {.name = "near", .max_concurrent = 2};
static const llmq_backend_conf_t near_spill = {
    .name = "near", .max_concurrent = 2, .spill = 1};
static const llmq_backend_conf_t far_one = {
    .name = "far", .max_concurrent = 3, .group = 4};
static const llmq_backend_conf_t *const groups[] = {&far_one, &near_one};
static const llmq_backend_conf_t *const spilling[] = {&far_one, &near_spill};

START_TEST(endpoint_later_group_waits_until_none_before_is_usable)
{
    llmq_endpoints_t *e = create_with(groups, 2, &plain);
    llmq_endpoint_place_t place;

    ck_assert_int_eq(llmq_endpoint_free(e), 2);
    place = pick(e);
    ck_assert_ptr_eq(place.backend, &near_one);
    ck_assert_ptr_eq(picked(e), &near_one);
    ck_assert_ptr_null(picked(e)); /* full is not gone */
    end(e, place, &away);
    ck_assert_int_eq(llmq_endpoint_free(e), 3);
    ck_assert_ptr_eq(picked(e), &far_one);
    llmq_clock_set(NOW + apr_time_from_sec(1));
    place = pick(e);
    ck_assert_ptr_eq(place.backend, &near_one);
    ck_assert_ptr_eq(picked(e), &far_one); /* while the trial is under way */
    end(e, place, NULL);
    ck_assert_int_eq(llmq_endpoint_free(e), 1);
    ck_assert_ptr_eq(picked(e), &near_one);
}
END_TEST

START_TEST(endpoint_full_group_spills_if_it_may)
{
    llmq_endpoints_t *e = create_with(spilling, 2, &plain);

    ck_assert_int_eq(llmq_endpoint_free(e), 5);
    ck_assert_ptr_eq(picked(e), &near_spill);
    ck_assert_ptr_eq(picked(e), &near_spill);
    ck_assert_ptr_eq(picked(e), &far_one);
}
END_TEST

/* ---- draining ---- */

START_TEST(endpoint_drained_gets_nothing_until_it_is_used_again)
{
    llmq_endpoints_t *e = create_with(pair, 2, &plain);
    llmq_endpoint_place_t place = pick(e);

    ck_assert_int_eq(llmq_endpoint_drain(e, "none", 1), APR_NOTFOUND);
    ck_assert_int_eq(llmq_endpoint_drain(e, "one", 1), APR_SUCCESS);
    ck_assert_int_eq(llmq_endpoint_free(e), 9);
    ck_assert_ptr_eq(picked(e), &two);
    ck_assert_ptr_eq(picked(e), &two);
    end(e, place, NULL);
    llmq_endpoint_drain_only(e, "{\"two\":true,\"one\":false,\"x\":true}", test_pool);
    ck_assert_ptr_eq(picked(e), &one);
    ck_assert_ptr_eq(picked(e), &one);
    llmq_endpoint_drain_only(e, "nonsense", test_pool);
    ck_assert_int_eq(llmq_endpoint_free(e), 14);
    llmq_endpoint_drain_only(e, NULL, test_pool);
    ck_assert_int_eq(llmq_endpoint_free(e), 14);
}
END_TEST

/* ---- checks ---- */

static const llmq_backend_conf_t checked = {.name = "checked",
                                            .max_concurrent = 9,
                                            .check_path = "/models",
                                            .check_interval = 5000000,
                                            CAREFUL};

START_TEST(endpoint_check_is_due_after_each_interval_and_never_twice)
{
    const llmq_backend_conf_t *const list[] = {&one, &checked};
    llmq_endpoints_t *e = create_with(list, 2, &plain);
    llmq_endpoint_place_t place;
    llmq_endpoint_place_t none;

    llmq_endpoint_check(&place, e);
    ck_assert_ptr_null(place.backend);
    llmq_clock_set(NOW + apr_time_from_sec(5));
    llmq_endpoint_check(&place, e);
    ck_assert_ptr_eq(place.backend, &checked);
    llmq_endpoint_check(&none, e);
    ck_assert_ptr_null(none.backend);
    llmq_endpoint_checked(e, &place, NULL);
    llmq_endpoint_check(&none, e);
    ck_assert_ptr_null(none.backend);
    llmq_clock_set(NOW + apr_time_from_sec(10));
    llmq_endpoint_check(&place, e);
    ck_assert_ptr_eq(place.backend, &checked);
}
END_TEST

START_TEST(endpoint_check_ejects_and_brings_back)
{
    const llmq_backend_conf_t *const list[] = {&one, &checked};
    llmq_endpoints_t *e = create_with(list, 2, &plain);
    llmq_endpoint_place_t place = {.backend = &checked, .index = 1};

    llmq_endpoint_checked(e, &place, &away);
    ck_assert_int_eq(llmq_endpoint_free(e), 9);
    llmq_endpoint_checked(e, &place, NULL);
    ck_assert_int_eq(llmq_endpoint_free(e), 18);
}
END_TEST

/* ---- the board ---- */

START_TEST(endpoint_tells_the_board)
{
    llmq_endpoint_board_t *board = apr_pcalloc(test_pool, llmq_endpoint_board_size());
    llmq_endpoint_conf_t conf = {.board = board, .writer = 42};
    llmq_endpoint_figures_t f;
    llmq_endpoint_place_t place;
    llmq_endpoints_t *e;
    int at;

    llmq_endpoint_board_assign(board, pair, 2);
    e = create_with(pair, 2, &conf);
    at = llmq_endpoint_board_find(board, "one");
    place = pick(e);
    ck_assert_int_eq(llmq_endpoint_board_read(&f, board, at, NOW), APR_SUCCESS);
    ck_assert_int_eq(f.in_flight, 1);
    ck_assert_int_eq(f.calls, 0);
    end(e, place, NULL);
    llmq_endpoint_board_read(&f, board, at, NOW);
    ck_assert_int_eq(f.in_flight, 0);
    ck_assert_int_eq(f.calls, 1);
    ck_assert_int_eq(f.failures, 0);
    ck_assert_int_eq(f.latency, 1000);
    ck_assert_int_eq(f.first_latency, 500);
    ck_assert_int_eq(f.latencies.count, 1);
    end(e, pick(e), NULL); /* two */
    end(e, pick(e), &away);
    llmq_endpoint_drain(e, "one", 1);
    llmq_endpoint_board_read(&f, board, at, NOW);
    ck_assert_int_eq(f.calls, 2);
    ck_assert_int_eq(f.failures, 1);
    ck_assert_int_eq(f.state, LLMQ_HEALTH_EJECTED);
    ck_assert_int_eq(f.draining, 1);
    ck_assert_int_eq(f.ejected_until, NOW + apr_time_from_sec(1));
    llmq_endpoint_checked(e, &(llmq_endpoint_place_t){.backend = &one}, NULL);
    llmq_endpoint_board_read(&f, board, at, NOW);
    ck_assert_int_eq(f.state, LLMQ_HEALTH_HEALTHY);
    ck_assert_int_eq(f.checked_at, NOW);
    ck_assert_int_eq(f.check_ok, 1);
}
END_TEST

START_TEST(endpoint_next_dispatcher_knows_what_the_one_before_learnt)
{
    llmq_endpoint_board_t *board = apr_pcalloc(test_pool, llmq_endpoint_board_size());
    llmq_endpoint_conf_t conf = {.board = board, .writer = 42};
    llmq_failure_t failure = busy_for(apr_time_from_sec(9));
    llmq_endpoint_figures_t f;
    llmq_endpoints_t *e;

    llmq_endpoint_board_assign(board, pair, 2);
    e = create_with(pair, 2, &conf);
    end(e, pick(e), NULL);     /* one */
    end(e, pick(e), &failure); /* two */
    pick(e);                   /* one, which the next one cannot know */
    conf.writer = 43;
    e = create_with(pair, 2, &conf);
    ck_assert_int_eq(llmq_endpoint_free(e), 9);
    llmq_endpoint_board_read(&f, board, llmq_endpoint_board_find(board, "one"), NOW);
    ck_assert_int_eq(f.latency, 1000);
    ck_assert_int_eq(f.in_flight, 0);
}
END_TEST

TCase *case_endpoint(void)
{
    TCase *tc = test_case("endpoint");

    tcase_add_test(tc, endpoint_create_refuses_an_empty_set);
    tcase_add_test(tc, endpoint_pick_goes_round_those_with_a_free_place);
    tcase_add_test(tc, endpoint_free_counts_every_place);
    tcase_add_test(tc, endpoint_done_gives_the_place_back);
    tcase_add_test(tc, endpoint_pauses_as_long_as_retry_after_says);
    tcase_add_test(tc, endpoint_pause_is_at_most_five_minutes);
    tcase_add_test(tc, endpoint_pause_is_not_cut_by_a_shorter_one_or_a_success);
    tcase_add_test(tc, endpoint_failure_without_retry_after_does_not_pause);
    tcase_add_test(tc, endpoint_retry_after_sends_the_job_elsewhere);
    tcase_add_test(
        tc, endpoint_that_cannot_be_reached_is_tried_by_one_call_after_growing_pauses);
    tcase_add_test(tc, endpoint_goes_away_once_however_many_calls_tell);
    tcase_add_loop_test(tc, endpoint_learns_nothing_from_calls_that_were_withdrawn, 0, 2);
    tcase_add_test(tc, endpoint_that_fails_is_ejected_and_comes_back_by_a_trial);
    tcase_add_test(tc, endpoint_last_one_is_not_ejected_for_failing);
    tcase_add_test(tc, endpoint_avoids_what_failed_this_job);
    tcase_add_test(tc, endpoint_avoids_the_last_one_once_all_have_failed);
    tcase_add_test(tc, endpoint_conversation_stays_with_its_backend);
    tcase_add_test(tc,
                   endpoint_conversation_moves_when_its_backend_is_full_and_stays_there);
    tcase_add_test(tc, endpoint_new_conversations_are_shared_out_as_the_algorithm_says);
    tcase_add_test(tc, endpoint_without_affinity_conversations_go_round);
    tcase_add_test(tc, endpoint_later_group_waits_until_none_before_is_usable);
    tcase_add_test(tc, endpoint_full_group_spills_if_it_may);
    tcase_add_test(tc, endpoint_drained_gets_nothing_until_it_is_used_again);
    tcase_add_test(tc, endpoint_check_is_due_after_each_interval_and_never_twice);
    tcase_add_test(tc, endpoint_check_ejects_and_brings_back);
    tcase_add_test(tc, endpoint_tells_the_board);
    tcase_add_test(tc, endpoint_next_dispatcher_knows_what_the_one_before_learnt);
    return tc;
}
