#include "queue/queue_stats.h"

#include "base/clock.h"
#include "support_queue.h"

static llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];

static const llmq_queue_stats_t *stats_of(llmq_queue_t *q, int level)
{
    ck_assert_int_eq(llmq_queue_stats(stats, q), APR_SUCCESS);
    return &stats[level];
}

START_TEST(stats_count_states_and_limits)
{
    llmq_queue_t *q = queue_rig(10, 3)->q;
    llmq_entry_t e;
    const llmq_queue_stats_t *s;

    llmq_clock_set(QUEUE_NOW);
    queue_put(q, "run", _i, 1, 0);
    queue_take_ids(q, 1);
    queue_put(q, "ready", _i, 1, 5);
    queue_put(q, "blocked1", _i, 1, 5);
    queue_put(q, "blocked2", _i, 1, 5);
    e = queue_entry("delayed", _i, 1, 0);
    e.run_at = QUEUE_NOW + 1;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
    s = stats_of(q, _i);
    ck_assert_uint_eq(s->ready, 1);
    ck_assert_uint_eq(s->blocked, 2);
    ck_assert_uint_eq(s->delayed, 1);
    ck_assert_uint_eq(s->running, 1);
    ck_assert_uint_eq(s->max_size, 10);
    ck_assert_uint_eq(s->max_concurrent, 3);
    ck_assert_uint_eq(s->total_put, 5);
    ck_assert_uint_eq(s->total_taken, 1);
}
END_TEST

START_TEST(stats_count_ends_by_kind)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_queue_totals_t totals = {100, 200};
    const llmq_queue_stats_t *s;

    ck_assert_int_eq(llmq_queue_set_totals(q, 0, _i, &totals), APR_SUCCESS);
    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    queue_put(q, "c", _i, 1, 0);
    queue_put(q, "d", _i, 1, 0);
    queue_put(q, "e", _i, 1, 0);
    queue_take_ids(q, 4);
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    queue_ack(q, "b", LLMQ_ACK_FAILED);
    queue_ack(q, "c", LLMQ_ACK_GONE);
    ck_assert_int_eq(llmq_queue_cancel(q, "d"), LLMQ_EBUSY);
    queue_ack(q, "d", LLMQ_ACK_COMPLETED);
    ck_assert_int_eq(llmq_queue_cancel(q, "e"), APR_SUCCESS);
    s = stats_of(q, _i);
    ck_assert_uint_eq(s->total_completed, 101);
    ck_assert_uint_eq(s->total_failed, 201);
    ck_assert_uint_eq(s->total_put, 5);
    ck_assert_uint_eq(s->total_taken, 4);
    ck_assert_uint_eq(s->running + s->ready, 0);
}
END_TEST

START_TEST(waits_run_from_put_to_the_first_take)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    const llmq_queue_stats_t *s;

    llmq_clock_set(QUEUE_NOW);
    queue_put(q, "a", _i, 1, 0);
    llmq_clock_set(QUEUE_NOW + 1600);
    queue_take_ids(q, 1);
    s = stats_of(q, _i);
    ck_assert_int_eq(s->wait_sum, 1600);
    ck_assert_int_eq(s->wait_max, 1600);
    ck_assert_int_eq(s->wait_ewma, 1600);
    /* A retry is not a wait. */
    ck_assert_int_eq(llmq_queue_requeue(q, "a", 0, 1, QUEUE_NOW + 9000), APR_SUCCESS);
    llmq_clock_set(QUEUE_NOW + 9500);
    queue_take_ids(q, 1);
    s = stats_of(q, _i);
    ck_assert_int_eq(s->wait_sum, 1600);
    ck_assert_uint_eq(s->total_taken, 1);
    queue_put(q, "b", _i, 1, 0);
    queue_take_ids(q, 1);
    s = stats_of(q, _i);
    ck_assert_int_eq(s->wait_sum, 1600);
    ck_assert_int_eq(s->wait_ewma, 1500);
    ck_assert_uint_eq(s->total_taken, 2);
}
END_TEST

START_TEST(a_delay_asked_for_is_not_a_wait)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_entry_t e;

    llmq_clock_set(QUEUE_NOW);
    e = queue_entry("a", _i, 1, 0);
    e.run_at = QUEUE_NOW + 1000;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
    llmq_clock_set(QUEUE_NOW + 1010);
    queue_take_ids(q, 1);
    ck_assert_int_eq(stats_of(q, _i)->wait_sum, 10);
}
END_TEST

START_TEST(a_clock_that_steps_back_makes_no_negative_times)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    queue_put(q, "a", _i, 1, 0);
    llmq_clock_set(QUEUE_NOW - 1000);
    queue_take_ids(q, 1);
    llmq_clock_set(QUEUE_NOW - 2000);
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_int_eq(stats_of(q, _i)->wait_sum, 0);
    ck_assert_int_eq(stats_of(q, _i)->run_ewma, 0);
}
END_TEST

START_TEST(ends_that_the_queue_did_not_see_can_be_counted)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    ck_assert_int_eq(llmq_queue_count(q, 0, _i, LLMQ_ACK_COMPLETED), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_count(q, 0, _i, LLMQ_ACK_FAILED), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_count(q, 0, _i, LLMQ_ACK_FAILED), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_count(q, 0, LLMQ_LEVEL_COUNT, LLMQ_ACK_FAILED),
                     APR_EINVAL);
    ck_assert_uint_eq(stats_of(q, _i)->total_completed, 1);
    ck_assert_uint_eq(stats[_i].total_failed, 2);
    ck_assert_uint_eq(stats[0].total_completed, 1);
}
END_TEST

START_TEST(storing_an_outcome_is_not_run_time)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    queue_put(q, "a", _i, 1, 0);
    queue_take_ids(q, 1);
    llmq_clock_set(QUEUE_NOW + 300);
    ck_assert_int_eq(llmq_queue_answered(q, "a", 0), APR_SUCCESS);
    ck_assert_uint_eq(stats_of(q, _i)->running, 0);
    llmq_clock_set(QUEUE_NOW + 9000);
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_int_eq(stats_of(q, _i)->run_ewma, 300);
}
END_TEST

START_TEST(run_times_are_averaged)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    queue_put(q, "c", _i, 1, 0);
    queue_take_ids(q, 3);
    llmq_clock_set(QUEUE_NOW + 3200);
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_int_eq(stats_of(q, _i)->run_ewma, 3200);
    llmq_clock_set(QUEUE_NOW + 4800);
    queue_ack(q, "b", LLMQ_ACK_FAILED);
    ck_assert_int_eq(stats_of(q, _i)->run_ewma, 3300);
    queue_ack(q, "c", LLMQ_ACK_GONE);
    ck_assert_int_eq(stats_of(q, _i)->run_ewma, 3300);
}
END_TEST

START_TEST(slot_zero_sums_the_levels)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_queue_totals_t totals = {0, 1};
    char id[3] = "a";
    int l;

    llmq_clock_set(QUEUE_NOW);
    LLMQ_EACH_LEVEL (l) {
        id[0] = (char)('a' + l);
        id[1] = '\0';
        queue_put(q, id, l, 1, 0);
        id[1] = 'x';
        queue_put(q, id, l, 1, 0);
        totals.completed = (apr_uint64_t)l;
        ck_assert_int_eq(llmq_queue_set_totals(q, 0, l, &totals), APR_SUCCESS);
    }
    LLMQ_EACH_LEVEL (l) {
        llmq_clock_set(QUEUE_NOW + 100 * l);
        queue_take_ids(q, 2);
    }
    ck_assert_uint_eq(stats_of(q, 0)->total_put, 8);
    ck_assert_uint_eq(stats[0].running, 8);
    ck_assert_uint_eq(stats[0].total_taken, 8);
    ck_assert_uint_eq(stats[0].total_completed, 10);
    ck_assert_uint_eq(stats[0].total_failed, 4);
    ck_assert_uint_eq(stats[0].max_size, 40);
    ck_assert_uint_eq(stats[0].max_concurrent, 40);
    ck_assert_int_eq(stats[0].wait_sum, 2000);
    ck_assert_int_eq(stats[0].wait_max, 400);
    ck_assert_int_eq(stats[0].wait_ewma, 250);
    /* Of the run times only one level has any. */
    queue_ack(q, "b", LLMQ_ACK_COMPLETED);
    ck_assert_int_eq(stats_of(q, 0)->run_ewma, 300);
}
END_TEST

TCase *case_queue_stats(void)
{
    TCase *tc = test_case("queue_stats");

    tcase_add_loop_test(tc, stats_count_states_and_limits, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, stats_count_ends_by_kind, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, waits_run_from_put_to_the_first_take, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_delay_asked_for_is_not_a_wait, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_clock_that_steps_back_makes_no_negative_times, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, ends_that_the_queue_did_not_see_can_be_counted, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, storing_an_outcome_is_not_run_time, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, run_times_are_averaged, 1, LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, slot_zero_sums_the_levels);
    return tc;
}
