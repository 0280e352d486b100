#include "queue/queue_room.h"

#include "base/clock.h"
#include "support_queue.h"

#include <sys/wait.h>
#include <unistd.h>

#define AGE (30 * APR_USEC_PER_SEC)

START_TEST(places_of_the_dead_are_forgotten_when_nothing_moved_for_long)
{
    llmq_queue_t *q = queue_rig(2, 2)->q;

    llmq_clock_set(QUEUE_NOW);
    queue_put(q, "a", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    llmq_clock_set(QUEUE_NOW + AGE - 1);
    llmq_queue_forget_admissions(q, AGE);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), LLMQ_EFULL);
    /* That attempt was refused, but somebody lives: the time counts from there. */
    llmq_clock_set(QUEUE_NOW + AGE);
    llmq_queue_forget_admissions(q, AGE);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), LLMQ_EFULL);
    llmq_clock_set(QUEUE_NOW + 2 * AGE);
    llmq_queue_forget_admissions(q, AGE);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), LLMQ_EFULL);
    ck_queue(q);
}
END_TEST

START_TEST(a_forgotten_place_that_is_used_after_all_does_not_make_counts_drift)
{
    llmq_queue_t *q = queue_rig(2, 2)->q;
    llmq_entry_t a = queue_entry("a", _i, 1, 0);

    llmq_clock_set(QUEUE_NOW);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    llmq_clock_set(QUEUE_NOW + AGE);
    llmq_queue_forget_admissions(q, AGE);
    llmq_queue_dismiss(q, 0, _i);
    ck_assert_int_eq(llmq_queue_put(q, &a, 1, LLMQ_PUT_ADMITTED), APR_SUCCESS);
    ck_queue(q);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), LLMQ_EFULL);
}
END_TEST

START_TEST(places_are_of_one_level_only)
{
    llmq_queue_t *q = queue_rig(1, 1)->q;
    int l;

    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    LLMQ_EACH_LEVEL (l)
        ck_assert_int_eq(llmq_queue_admit(q, 0, l), l == _i ? LLMQ_EFULL : APR_SUCCESS);
}
END_TEST

START_TEST(a_level_of_no_size_admits_nobody)
{
    llmq_queue_t *q = queue_rig(0, 1)->q;
    llmq_entry_t e = queue_entry("a", _i, 1, 0);

    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), LLMQ_EFULL);
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_FREE);
    ck_assert_int_eq(llmq_queue_needs_rebuild(q), 0);
}
END_TEST

#define RACERS 4
#define ROUNDS 20000
#define BOUND  7

/* Processes admit and give back at once; no moment may show more places than the bound. */
START_TEST(the_bound_is_exact_between_processes)
{
    llmq_queue_t *q = queue_rig(BOUND, 1)->q;
    llmq_queue_lane_t *lane = lane_at(q, 1, LLMQ_LEVEL_NORMAL);
    int i, k, status;

    for (i = 0; i < RACERS; i++) {
        if (fork() != 0)
            continue;
        for (k = 0; k < ROUNDS; k++) {
            int given = 0, n;

            for (n = 0; n < 4; n++)
                given += llmq_queue_admit(q, 0, LLMQ_LEVEL_NORMAL) == APR_SUCCESS;
            if (llmq_queue_room_used(lane) > BOUND)
                _exit(1);
            while (given--)
                llmq_queue_dismiss(q, 0, LLMQ_LEVEL_NORMAL);
        }
        _exit(0);
    }
    for (i = 0; i < RACERS; i++) {
        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_uint_eq(llmq_queue_room_used(lane), 0);
}
END_TEST

TCase *case_queue_room(void)
{
    TCase *tc = test_case("queue_room");

    tcase_add_loop_test(tc, places_of_the_dead_are_forgotten_when_nothing_moved_for_long,
                        1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(
        tc, a_forgotten_place_that_is_used_after_all_does_not_make_counts_drift, 1,
        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, places_are_of_one_level_only, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_level_of_no_size_admits_nobody, 1, LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, the_bound_is_exact_between_processes);
    return tc;
}
