#include "support.h"

#include "core/balance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PICKS 60000

typedef llmq_balance_candidate_t candidate_t;

static apr_uint64_t seed;

/* Repeatable and good enough: xorshift64* (S. Vigna, ACM TOMS 42(4), 2016). */
static apr_uint64_t chance(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * APR_UINT64_C(2685821657736338717);
}

static void set_up(candidate_t *c, int n)
{
    int i;

    seed = 88172645463325252u;
    memset(c, 0, sizeof(*c) * LLMQ_BALANCE_MAX);
    for (i = 0; i < n; i++) {
        c[i].usable = 1;
        c[i].weight = 1;
        c[i].max_concurrent = 1000000;
    }
}

static void count(int *counts, llmq_balance_e algorithm, const candidate_t *c, int n,
                  int picks)
{
    llmq_balance_state_t state = {0};
    int i;

    memset(counts, 0, sizeof(*counts) * LLMQ_BALANCE_MAX);
    for (i = 0; i < picks; i++) {
        int at = llmq_balance_pick(&state, algorithm, c, n, chance());

        if (at < 0 || at >= n) /* each assertion costs a write to a pipe */
            ck_abort_msg("picked %d of %d", at, n);
        counts[at]++;
    }
}

/* The usual statistic against shares in proportion to weight; degrees of freedom n - 1. */
static double chi_square(const int *counts, const candidate_t *c, int n, int picks)
{
    double sum = 0, x = 0;
    int i;

    for (i = 0; i < n; i++)
        sum += c[i].weight;
    for (i = 0; i < n; i++) {
        double expected = picks * c[i].weight / sum;

        x += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    return x;
}

/* ---- all of them ---- */

START_TEST(balance_every_algorithm_has_a_word)
{
    llmq_balance_e got = LLMQ_BALANCE_COUNT;

    ck_assert_int_eq(llmq_balance_parse(&got, llmq_balance_name((llmq_balance_e)_i)),
                     APR_SUCCESS);
    ck_assert_int_eq((int)got, _i);
}
END_TEST

START_TEST(balance_refuses_other_words)
{
    llmq_balance_e got = LLMQ_BALANCE_COUNT;

    ck_assert_int_eq(llmq_balance_parse(&got, "random"), APR_EINVAL);
    ck_assert_int_eq(llmq_balance_parse(&got, NULL), APR_EINVAL);
    ck_assert_int_eq((int)got, LLMQ_BALANCE_COUNT);
    ck_assert_str_eq(llmq_balance_name(LLMQ_BALANCE_COUNT), "unknown");
}
END_TEST

/* Whatever the list: of its eligible ones, never another; and none if there is none. */
START_TEST(balance_picks_only_eligible_ones)
{
    candidate_t c[LLMQ_BALANCE_MAX];
    llmq_balance_state_t state = {0};
    int round, i;

    set_up(c, 0);
    for (round = 0; round < 20000; round++) {
        int n = (int)(chance() >> 33) % LLMQ_BALANCE_MAX + 1;
        int eligible = 0;
        int at;

        for (i = 0; i < n; i++) {
            c[i].usable = chance() >> 40 & 1;
            c[i].weight = (int)(chance() >> 33) % LLMQ_BALANCE_WEIGHT_MAX + 1;
            c[i].max_concurrent = 3;
            c[i].in_flight = (int)(chance() >> 33) % 4;
            c[i].latency = (apr_interval_time_t)(chance() >> 34);
            eligible += c[i].usable && c[i].in_flight < 3;
        }
        at = llmq_balance_pick(&state, (llmq_balance_e)_i, c, n, chance());
        if (eligible == 0) {
            ck_assert_int_eq(at, -1);
            continue;
        }
        ck_assert(at >= 0 && at < n);
        ck_assert(llmq_balance_eligible(&c[at]));
    }
}
END_TEST

START_TEST(balance_refuses_lists_of_no_length)
{
    candidate_t c[LLMQ_BALANCE_MAX];
    llmq_balance_state_t state = {0};

    set_up(c, 1);
    ck_assert_int_eq(llmq_balance_pick(&state, (llmq_balance_e)_i, c, 0, 5), -1);
    ck_assert_int_eq(
        llmq_balance_pick(&state, (llmq_balance_e)_i, c, LLMQ_BALANCE_MAX + 1, 5), -1);
    ck_assert_int_eq(llmq_balance_pick(&state, LLMQ_BALANCE_COUNT, c, 1, 5), -1);
    ck_assert_int_eq(llmq_balance_pick(&state, (llmq_balance_e)_i, c, 1, 5), 0);
}
END_TEST

/* ---- one by one ---- */

START_TEST(balance_round_robin_is_even_whatever_the_weights)
{
    candidate_t c[LLMQ_BALANCE_MAX];
    int counts[LLMQ_BALANCE_MAX];
    int i;

    set_up(c, 7);
    c[3].weight = 1000;
    count(counts, LLMQ_BALANCE_ROUND_ROBIN, c, 7, 7000);
    for (i = 0; i < 7; i++)
        ck_assert_int_eq(counts[i], 1000);
}
END_TEST

/* The published example: weights 5, 1, 1 give a a b a c a a. */
START_TEST(balance_weighted_round_robin_is_smooth)
{
    static const int order[] = {0, 0, 1, 0, 2, 0, 0};
    candidate_t c[LLMQ_BALANCE_MAX];
    llmq_balance_state_t state = {0};
    int i;

    set_up(c, 3);
    c[0].weight = 5;
    for (i = 0; i < 21; i++)
        ck_assert_int_eq(
            llmq_balance_pick(&state, LLMQ_BALANCE_WEIGHTED_ROUND_ROBIN, c, 3, 0),
            order[i % 7]);
}
END_TEST

/* After any number of picks each has had its share, to within one pick. */
START_TEST(balance_weighted_round_robin_never_strays)
{
    candidate_t c[LLMQ_BALANCE_MAX];
    llmq_balance_state_t state = {0};
    int counts[LLMQ_BALANCE_MAX] = {0};
    double worst = 0;
    int n = _i, sum = 0, i, k;

    set_up(c, n);
    for (i = 0; i < n; i++) {
        c[i].weight = (int)(chance() >> 33) % LLMQ_BALANCE_WEIGHT_MAX + 1;
        sum += c[i].weight;
    }
    for (k = 1; k <= 5000; k++) {
        counts[llmq_balance_pick(&state, LLMQ_BALANCE_WEIGHTED_ROUND_ROBIN, c, n, 0)]++;
        for (i = 0; i < n; i++)
            worst = fmax(worst, fabs(counts[i] - (double)k * c[i].weight / sum));
    }
    ck_assert_double_lt(worst, n); /* once: each assertion writes to a pipe */
    for (; k <= sum; k++)
        counts[llmq_balance_pick(&state, LLMQ_BALANCE_WEIGHTED_ROUND_ROBIN, c, n, 0)]++;
    for (i = 0; i < n && k == sum + 1; i++)
        ck_assert_int_eq(counts[i], c[i].weight);
}
END_TEST

START_TEST(balance_least_connections_counts_calls_by_weight)
{
    candidate_t c[LLMQ_BALANCE_MAX];
    llmq_balance_state_t state = {0};
    int i;

    set_up(c, 4);
    c[1].weight = 2;
    c[2].weight = 1000;
    c[3].weight = 37;
    for (i = 0; i < 1040 * 5; i++)
        c[llmq_balance_pick(&state, LLMQ_BALANCE_LEAST_CONNECTIONS, c, 4, 0)].in_flight++;
    for (i = 0; i < 4; i++)
        ck_assert_int_eq(c[i].in_flight, 5 * c[i].weight);
    c[1].in_flight -= 3;
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(
            llmq_balance_pick(&state, LLMQ_BALANCE_LEAST_CONNECTIONS, c, 4, 0), 1);
        c[1].in_flight++;
    }
}
END_TEST

START_TEST(balance_least_connections_shares_idle_ones_by_weight)
{
    candidate_t c[LLMQ_BALANCE_MAX];
    int counts[LLMQ_BALANCE_MAX];

    set_up(c, 3);
    c[2].weight = 2;
    count(counts, LLMQ_BALANCE_LEAST_CONNECTIONS, c, 3, 4000);
    ck_assert_int_eq(counts[0], 1000);
    ck_assert_int_eq(counts[1], 1000);
    ck_assert_int_eq(counts[2], 2000);
}
END_TEST

/* Chi-square over 64 and fewer candidates; the bound is mean plus five deviations. */
START_TEST(balance_weighted_random_follows_the_weights)
{
    candidate_t c[LLMQ_BALANCE_MAX];
    int counts[LLMQ_BALANCE_MAX];
    int n = _i, i;

    set_up(c, n);
    for (i = 0; i < n; i++)
        c[i].weight = (int)(chance() >> 33) % 50 + 10;
    count(counts, LLMQ_BALANCE_WEIGHTED_RANDOM, c, n, PICKS);
    ck_assert_double_lt(chi_square(counts, c, n, PICKS),
                        n - 1 + 5 * sqrt(2.0 * (n - 1) + 1));
}
END_TEST

START_TEST(balance_weighted_random_knows_extreme_weights)
{
    candidate_t c[LLMQ_BALANCE_MAX];
    int counts[LLMQ_BALANCE_MAX];

    set_up(c, 2);
    c[0].weight = 1000;
    count(counts, LLMQ_BALANCE_WEIGHTED_RANDOM, c, 2, 1001000);
    ck_assert_int_ge(counts[1], 840); /* 1,000 expected, deviation 32 */
    ck_assert_int_le(counts[1], 1160);
}
END_TEST

/* Equal in everything: by weight's draw and symmetric, so each gets the same. */
START_TEST(balance_adaptive_load_is_even_among_equals)
{
    candidate_t c[LLMQ_BALANCE_MAX];
    int counts[LLMQ_BALANCE_MAX];
    int n = 2 + _i, i;

    set_up(c, n);
    for (i = 0; i < n; i++)
        c[i].latency = 1000;
    count(counts, LLMQ_BALANCE_ADAPTIVE_LOAD, c, n, PICKS);
    ck_assert_double_lt(chi_square(counts, c, n, PICKS),
                        n - 1 + 5 * sqrt(2.0 * (n - 1) + 1));
}
END_TEST

/* The costliest of three loses each comparison: it gets nothing, the cheapest two of
 * three draws. */
START_TEST(balance_adaptive_load_prefers_the_faster)
{
    candidate_t c[LLMQ_BALANCE_MAX];
    int counts[LLMQ_BALANCE_MAX];

    set_up(c, 3);
    c[0].latency = 100000;
    c[1].latency = 200000;
    c[2].latency = 800000;
    count(counts, LLMQ_BALANCE_ADAPTIVE_LOAD, c, 3, PICKS);
    ck_assert_int_eq(counts[2], 0);
    ck_assert(abs(counts[0] - PICKS * 2 / 3) < 600); /* five deviations of 115 */
}
END_TEST

/* Calls that stay under way make the fast one dearer until the slow one is worth it: in
 * the end the calls stand in proportion to speed. */
START_TEST(balance_adaptive_load_levels_the_cost)
{
    candidate_t c[LLMQ_BALANCE_MAX];
    llmq_balance_state_t state = {0};
    int i;

    set_up(c, 2);
    c[0].latency = 100000;
    c[1].latency = 300000;
    for (i = 0; i < 400; i++)
        c[llmq_balance_pick(&state, LLMQ_BALANCE_ADAPTIVE_LOAD, c, 2, chance())]
            .in_flight++;
    ck_assert(abs(c[0].in_flight - 300) <= 1);
}
END_TEST

START_TEST(balance_adaptive_load_tries_those_it_does_not_know)
{
    candidate_t c[LLMQ_BALANCE_MAX];
    int counts[LLMQ_BALANCE_MAX];

    set_up(c, 2);
    c[0].latency = 50000;
    c[0].in_flight = 1;
    count(counts, LLMQ_BALANCE_ADAPTIVE_LOAD, c, 2, 1000);
    ck_assert_int_eq(counts[1], 1000);
    c[0].in_flight = 0; /* as cheap as what it is taken for: knowledge decides */
    count(counts, LLMQ_BALANCE_ADAPTIVE_LOAD, c, 2, 1000);
    ck_assert_int_eq(counts[1], 1000);
}
END_TEST

/* ---- means ---- */

START_TEST(balance_latency_rises_fast_and_falls_slowly)
{
    apr_interval_time_t mean = llmq_balance_latency(0, 1000);
    int i;

    ck_assert_int_eq(mean, 1000);
    mean = llmq_balance_latency(mean, 9000);
    ck_assert_int_eq(mean, 5000);
    mean = llmq_balance_latency(mean, 1000);
    ck_assert_int_eq(mean, 4500);
    for (i = 0; i < 200; i++)
        mean = llmq_balance_latency(mean, 1000);
    ck_assert_int_eq(mean, 1000);
    ck_assert_int_eq(llmq_balance_latency(0, -5), 1);
    ck_assert_int_eq(llmq_balance_latency(1, 0), 1);
}
END_TEST

START_TEST(balance_fade_halves_and_never_reaches_zero)
{
    ck_assert_int_eq(llmq_balance_fade(8000, apr_time_from_sec(10) - 1), 8000);
    ck_assert_int_eq(llmq_balance_fade(8000, apr_time_from_sec(10)), 4000);
    ck_assert_int_eq(llmq_balance_fade(8000, apr_time_from_sec(35)), 1000);
    ck_assert_int_eq(llmq_balance_fade(8000, apr_time_from_sec(100000)), 1);
    ck_assert_int_eq(llmq_balance_fade(8000, -1), 8000);
    ck_assert_int_eq(llmq_balance_fade(0, 0), 0);
}
END_TEST

TCase *case_balance(void)
{
    TCase *tc = test_case("balance");

    tcase_add_loop_test(tc, balance_every_algorithm_has_a_word, 0, LLMQ_BALANCE_COUNT);
    tcase_add_test(tc, balance_refuses_other_words);
    tcase_add_loop_test(tc, balance_picks_only_eligible_ones, 0, LLMQ_BALANCE_COUNT);
    tcase_add_loop_test(tc, balance_refuses_lists_of_no_length, 0, LLMQ_BALANCE_COUNT);
    tcase_add_test(tc, balance_round_robin_is_even_whatever_the_weights);
    tcase_add_test(tc, balance_weighted_round_robin_is_smooth);
    tcase_add_loop_test(tc, balance_weighted_round_robin_never_strays, 1, 65);
    tcase_add_test(tc, balance_least_connections_counts_calls_by_weight);
    tcase_add_test(tc, balance_least_connections_shares_idle_ones_by_weight);
    tcase_add_loop_test(tc, balance_weighted_random_follows_the_weights, 1, 65);
    tcase_add_test(tc, balance_weighted_random_knows_extreme_weights);
    tcase_add_loop_test(tc, balance_adaptive_load_is_even_among_equals, 0, 6);
    tcase_add_test(tc, balance_adaptive_load_prefers_the_faster);
    tcase_add_test(tc, balance_adaptive_load_levels_the_cost);
    tcase_add_test(tc, balance_adaptive_load_tries_those_it_does_not_know);
    tcase_add_test(tc, balance_latency_rises_fast_and_falls_slowly);
    tcase_add_test(tc, balance_fade_halves_and_never_reaches_zero);
    return tc;
}
