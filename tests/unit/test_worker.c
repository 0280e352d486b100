#include "support.h"

#include "core/worker.h"

#define T0      APR_INT64_C(1735727400000000) /* 2025-01-01T10:30:00Z */
#define TIMEOUT (90 * APR_USEC_PER_SEC)

START_TEST(it_has_stopped_once_it_was_silent_for_the_time)
{
    llmq_worker_t w = {.seen = T0, .waits_until = T0 + 10};

    ck_assert(!llmq_worker_has_stopped(&w, T0 + TIMEOUT + 9, TIMEOUT));
    ck_assert(llmq_worker_has_stopped(&w, T0 + TIMEOUT + 10, TIMEOUT));
}
END_TEST

START_TEST(a_claim_that_waits_is_a_sign_of_life_until_it_ends)
{
    llmq_worker_t w = {.seen = T0, .waits_until = T0 + 10};

    ck_assert_int_eq(llmq_worker_sign(&w, T0 + 5), T0 + 5);
    ck_assert_int_eq(llmq_worker_sign(&w, T0 + 15), T0 + 10);
    w.seen = T0 + 12;
    ck_assert_int_eq(llmq_worker_sign(&w, T0 + 15), T0 + 12);
}
END_TEST

START_TEST(it_is_busy_while_it_holds_tasks_under_a_lease)
{
    llmq_worker_t w = {.seen = T0, .tasks = 1, .holds_until = T0 + 10};

    ck_assert_int_eq(llmq_worker_state(&w, T0 + 9, TIMEOUT), LLMQ_WORKER_BUSY);
    ck_assert_int_eq(llmq_worker_state(&w, T0 + 10, TIMEOUT), LLMQ_WORKER_IDLE);
    w.holds_until = T0 + 2 * TIMEOUT;
    ck_assert_int_eq(llmq_worker_state(&w, T0 + TIMEOUT, TIMEOUT), LLMQ_WORKER_STOPPED);
    w.seen = T0 + 1;
    w.tasks = 0;
    ck_assert_int_eq(llmq_worker_state(&w, T0 + TIMEOUT, TIMEOUT), LLMQ_WORKER_IDLE);
}
END_TEST

START_TEST(each_state_has_a_word)
{
    ck_assert_str_eq(llmq_worker_state_name(LLMQ_WORKER_STOPPED), "stopped");
    ck_assert_str_eq(llmq_worker_state_name(LLMQ_WORKER_IDLE), "idle");
    ck_assert_str_eq(llmq_worker_state_name(LLMQ_WORKER_BUSY), "busy");
}
END_TEST

TCase *case_worker(void)
{
    TCase *tc = test_case("worker");

    tcase_add_test(tc, it_has_stopped_once_it_was_silent_for_the_time);
    tcase_add_test(tc, a_claim_that_waits_is_a_sign_of_life_until_it_ends);
    tcase_add_test(tc, it_is_busy_while_it_holds_tasks_under_a_lease);
    tcase_add_test(tc, each_state_has_a_word);
    return tc;
}
