#include "support.h"

#include "backend/endpoint_spot.h"

#define NOW apr_time_from_sec(1700000000)

static const llmq_backend_conf_t near_conf = {.max_concurrent = 2, .weight = 7};
static const llmq_backend_conf_t spill_conf = {.max_concurrent = 2, .spill = 1};
static const llmq_backend_conf_t far_conf = {.max_concurrent = 3, .group = 9};

START_TEST(spot_groups_come_in_order_of_their_numbers)
{
    llmq_endpoint_spot_t spots[3] = {
        {.backend = &far_conf}, {.backend = &near_conf}, {.backend = &near_conf}};
    llmq_endpoint_group_t g = {.number = -1};

    spots[1].busy = 1;
    ck_assert(llmq_endpoint_spot_group(&g, spots, 3, -1, NOW));
    ck_assert_int_eq(g.number, 0);
    ck_assert_int_eq(g.room, 3);
    ck_assert_int_eq(g.holds, 1);
    ck_assert(!g.c[0].usable && g.c[1].usable && g.c[2].usable);
    ck_assert_int_eq(g.c[1].weight, 7);
    ck_assert_int_eq(g.c[1].in_flight, 1);
    ck_assert(llmq_endpoint_spot_group(&g, spots, 3, g.number, NOW));
    ck_assert_int_eq(g.number, 9);
    ck_assert_int_eq(g.room, 3);
    ck_assert(g.c[0].usable && !g.c[1].usable);
    ck_assert(!llmq_endpoint_spot_group(&g, spots, 3, g.number, NOW));
}
END_TEST

/* What each state of a backend means for its group: places, and does it hold the group? */
static const struct {
    llmq_endpoint_spot_t spot;
    int room;
    int holds;
} states[] = {
    {{.backend = &near_conf}, 2, 1},
    {{.backend = &spill_conf}, 2, 0},
    {{.backend = &near_conf, .busy = 2}, 0, 1},
    {{.backend = &spill_conf, .busy = 2}, 0, 0},
    {{.backend = &near_conf, .drained = 1}, 0, 0},
    {{.backend = &near_conf, .paused_until = NOW + 1}, 0, 0},
    {{.backend = &near_conf, .paused_until = NOW}, 2, 1},
    {{.backend = &near_conf, .health = {LLMQ_HEALTH_CAUSE_FAILING, 3, 0, NOW + 1, 1}},
     0,
     0},
    {{.backend = &near_conf, .health = {LLMQ_HEALTH_CAUSE_FAILING, 3, 0, NOW, 1}}, 1, 1},
    {{.backend = &near_conf, .health = {LLMQ_HEALTH_CAUSE_FAILING, 3, 1, NOW, 1}}, 0, 0},
};

START_TEST(spot_state_decides_what_its_group_can_take)
{
    llmq_endpoint_group_t g = {.number = -1};

    ck_assert(llmq_endpoint_spot_group(&g, &states[_i].spot, 1, -1, NOW));
    ck_assert_int_eq(g.room, states[_i].room);
    ck_assert_int_eq(g.holds, states[_i].holds);
    ck_assert_int_eq(llmq_balance_eligible(&g.c[0]), states[_i].room > 0);
}
END_TEST

START_TEST(spot_wait_is_that_of_the_soonest_other_one)
{
    llmq_endpoint_spot_t spots[4] = {{.backend = &near_conf},
                                     {.backend = &near_conf, .paused_until = NOW + 50},
                                     {.backend = &far_conf, .paused_until = NOW + 20},
                                     {.backend = &far_conf, .drained = 1}};

    ck_assert_int_eq(llmq_endpoint_spot_wait(spots, 4, 1, 0, NOW), 0);
    ck_assert_int_eq(llmq_endpoint_spot_wait(spots, 4, 0, 0, NOW), 20);
    spots[2].health = (llmq_health_t){LLMQ_HEALTH_CAUSE_FAILING, 3, 0, NOW + 1, 1};
    ck_assert_int_eq(llmq_endpoint_spot_wait(spots, 4, 0, 0, NOW), 50);
    spots[1].drained = 1;
    ck_assert_int_eq(llmq_endpoint_spot_wait(spots, 4, 0, 0, NOW), -1);
}
END_TEST

START_TEST(spot_learns_latency_from_answers_and_time_outs_only)
{
    llmq_endpoint_spot_t spot = {.backend = &near_conf};
    llmq_call_t call = {.started_at = NOW, .first_at = NOW + 100, .ended_at = NOW + 8000};

    call.failure.kind = LLMQ_FAILURE_STATUS;
    llmq_endpoint_spot_learn(&spot, &call, NOW);
    ck_assert_int_eq(spot.latency, 0);
    ck_assert_int_eq(spot.first, 0);
    call.failure.kind = LLMQ_FAILURE_TIMEOUT;
    llmq_endpoint_spot_learn(&spot, &call, NOW);
    ck_assert_int_eq(spot.latency, 8000);
    ck_assert_int_eq(spot.first, 0);
    call.ok = 1;
    call.ended_at = NOW + 16000;
    llmq_endpoint_spot_learn(&spot, &call, NOW);
    ck_assert_int_eq(spot.latency, 12000);
    ck_assert_int_eq(spot.first, 100);
    call.ended_at = NOW + 4000; /* ten seconds later the mean counts half */
    llmq_endpoint_spot_learn(&spot, &call, NOW + apr_time_from_sec(10));
    ck_assert_int_eq(spot.latency, 5750);
}
END_TEST

TCase *case_endpoint_spot(void)
{
    TCase *tc = test_case("endpoint_spot");

    tcase_add_test(tc, spot_groups_come_in_order_of_their_numbers);
    tcase_add_loop_test(tc, spot_state_decides_what_its_group_can_take, 0,
                        (int)(sizeof(states) / sizeof(states[0])));
    tcase_add_test(tc, spot_learns_latency_from_answers_and_time_outs_only);
    tcase_add_test(tc, spot_wait_is_that_of_the_soonest_other_one);
    return tc;
}
