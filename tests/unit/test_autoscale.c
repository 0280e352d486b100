#include "support.h"

#include "core/autoscale.h"

#include <string.h>

#define LATENCY 200000 /* usec of a call that is alone */
#define SECOND  1000000

/* A backend with a knee: up to so many calls at once each takes LATENCY, beyond they share
 * what it can do. */
typedef struct {
    double knee;
    double latency;
    double carry; /* fraction of a call that is done already */
} model_t;

static const llmq_autoscale_conf_t bounds = {2, 100};

/* One second under a load of that many calls; the sample the dispatcher would take. */
static llmq_autoscale_sample_t second_of(model_t *m, int limit, int offered)
{
    llmq_autoscale_sample_t s;
    int n = offered < limit ? offered : limit;
    double latency = m->latency * (n > m->knee ? n / m->knee : 1);
    double done = n * SECOND / latency + m->carry;

    memset(&s, 0, sizeof(s));
    s.ended = s.good = (int)done;
    m->carry = done - s.ended;
    s.usec = (apr_interval_time_t)(s.good * latency);
    s.running = n;
    s.waiting = offered > limit ? offered - limit : 0;
    return s;
}

static void run(llmq_autoscale_t *a, model_t *m, int offered, int seconds)
{
    while (seconds-- > 0) {
        llmq_autoscale_sample_t s = second_of(m, a->limit, offered);
        int limit = llmq_autoscale_step(a, &bounds, &s);

        ck_assert_int_ge(limit, bounds.min);
        ck_assert_int_le(limit, bounds.max);
        ck_assert_int_eq(limit, a->limit);
    }
}

START_TEST(an_idle_level_keeps_its_maximum)
{
    model_t m = {10, LATENCY, 0};
    llmq_autoscale_t a;

    llmq_autoscale_init(&a, &bounds);
    ck_assert_int_eq(a.limit, bounds.max);
    run(&a, &m, 0, 1000);
    ck_assert_int_eq(a.limit, bounds.max);
    /* Some calls, never in one another's way. */
    run(&a, &m, 5, 1000);
    ck_assert_int_eq(a.limit, bounds.max);
}
END_TEST

START_TEST(a_backend_without_a_knee_keeps_its_maximum)
{
    model_t m = {1000, LATENCY, 0};
    llmq_autoscale_t a;
    int below = 0, i;

    llmq_autoscale_init(&a, &bounds);
    for (i = 0; i < 2000; i++) {
        run(&a, &m, 500, 1);
        below += a.limit < bounds.max;
    }
    ck_assert_int_eq(a.limit, bounds.max);
    ck_assert_int_lt(below, 20); /* probes */
}
END_TEST

/* Knees, whether the load rises before it floods, and how long it floods. */
static const struct {
    double knee;
    int gentle;
} knees[] = {{5, 1}, {10, 1}, {20, 1}, {40, 1}, {60, 1},
             {5, 0}, {10, 0}, {20, 0}, {40, 0}, {60, 0}};
#define KNEES (int)(sizeof(knees) / sizeof(knees[0]))

START_TEST(it_comes_near_the_knee_and_stays)
{
    model_t m = {knees[_i].knee, LATENCY, 0};
    llmq_autoscale_t a;
    int low, high, outside = 0, i;

    llmq_autoscale_init(&a, &bounds);
    if (knees[_i].gentle)
        run(&a, &m, 2, 600);
    run(&a, &m, 500, 400);
    low = high = a.limit;
    for (i = 0; i < 400; i++) {
        run(&a, &m, 500, 1);
        low = a.limit < low ? a.limit : low;
        high = a.limit > high ? a.limit : high;
        outside += a.limit < m.knee * 0.7 || a.limit > m.knee * 2;
    }
    ck_assert_msg(outside < 20, "knee %g: between %d and %d, %d outside", m.knee, low,
                  high, outside);
    ck_assert_msg(high <= m.knee * 2 + 2, "knee %g: up to %d", m.knee, high);
}
END_TEST

START_TEST(it_follows_a_backend_that_recovers)
{
    model_t m = {10, LATENCY, 0};
    llmq_autoscale_t a;

    llmq_autoscale_init(&a, &bounds);
    run(&a, &m, 3, 300);
    run(&a, &m, 500, 300);
    ck_assert_int_le(a.limit, 20);
    m.knee = 60;
    run(&a, &m, 500, 300);
    ck_assert_int_ge(a.limit, 45);
}
END_TEST

START_TEST(longer_answers_of_another_day_are_learned)
{
    model_t m = {1000, LATENCY, 0};
    llmq_autoscale_t a;

    llmq_autoscale_init(&a, &bounds);
    run(&a, &m, 50, 600);
    m.latency = 5.0 * LATENCY;
    run(&a, &m, 500, 3000);
    ck_assert_int_eq(a.limit, bounds.max);
}
END_TEST

START_TEST(overloads_shrink_it_to_the_minimum_and_no_further)
{
    llmq_autoscale_sample_t s = {100, 80, 0, 0, 50, 100};
    llmq_autoscale_t a;
    int before, i;

    llmq_autoscale_init(&a, &bounds);
    for (i = 0; i < 50; i++) {
        before = a.limit;
        llmq_autoscale_step(&a, &bounds, &s);
        ck_assert_int_le(a.limit, before);
        ck_assert_int_ge(a.limit, before * 6 / 10);
    }
    ck_assert_int_eq(a.limit, bounds.min);
}
END_TEST

START_TEST(failures_that_are_no_overload_change_nothing)
{
    llmq_autoscale_sample_t s = {100, 10, 0, 0, 50, 100};
    llmq_autoscale_t a;
    int i;

    llmq_autoscale_init(&a, &bounds);
    for (i = 0; i < 50; i++)
        ck_assert_int_eq(llmq_autoscale_step(&a, &bounds, &s), bounds.max);
}
END_TEST

START_TEST(changed_bounds_hold_at_once)
{
    llmq_autoscale_sample_t nothing = {0, 0, 0, 0, 0, 0};
    llmq_autoscale_conf_t narrow = {3, 4};
    llmq_autoscale_t a;

    llmq_autoscale_init(&a, &bounds);
    ck_assert_int_eq(llmq_autoscale_step(&a, &narrow, &nothing), 4);
    a.limit = 1;
    ck_assert_int_eq(llmq_autoscale_step(&a, &narrow, &nothing), 3);
}
END_TEST

TCase *case_autoscale(void)
{
    TCase *tc = test_case("autoscale");

    tcase_add_test(tc, an_idle_level_keeps_its_maximum);
    tcase_add_test(tc, a_backend_without_a_knee_keeps_its_maximum);
    tcase_add_loop_test(tc, it_comes_near_the_knee_and_stays, 0, KNEES);
    tcase_add_test(tc, it_follows_a_backend_that_recovers);
    tcase_add_test(tc, longer_answers_of_another_day_are_learned);
    tcase_add_test(tc, overloads_shrink_it_to_the_minimum_and_no_further);
    tcase_add_test(tc, failures_that_are_no_overload_change_nothing);
    tcase_add_test(tc, changed_bounds_hold_at_once);
    return tc;
}
