#include "queue/queue_claim.h"

#include "base/clock.h"
#include "support_queue.h"

START_TEST(the_next_due_time_is_that_of_the_first)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    ck_assert_int_eq(llmq_queue_next_due(q), -1);
    queue_put_at(q, "late", _i, QUEUE_NOW + 20);
    queue_put_at(q, "soon", _i, QUEUE_NOW + 10);
    ck_assert_int_eq(llmq_queue_next_due(q), 10);
    llmq_clock_set(QUEUE_NOW + 15);
    ck_assert_int_eq(llmq_queue_next_due(q), 0);
}
END_TEST

START_TEST(the_next_lease_is_that_which_ends_first)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_entry_t e;

    llmq_clock_set(QUEUE_NOW);
    ck_assert_int_eq(llmq_queue_next_lease(q), -1);
    queue_put(q, "late", _i, 1, 0);
    queue_put(q, "soon", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_take_id(&e, q, "late", 7, QUEUE_NOW + 20), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_take_id(&e, q, "soon", 7, QUEUE_NOW + 10), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_next_lease(q), 10);
    llmq_clock_set(QUEUE_NOW + 15);
    ck_assert_int_eq(llmq_queue_next_lease(q), 0);
    queue_ack(q, "soon", LLMQ_ACK_GONE);
    ck_assert_int_eq(llmq_queue_next_lease(q), 5);
}
END_TEST

TCase *case_queue_next(void)
{
    TCase *tc = test_case("queue_next");

    tcase_add_loop_test(tc, the_next_due_time_is_that_of_the_first, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, the_next_lease_is_that_which_ends_first, 1, LLMQ_LEVEL_COUNT);
    return tc;
}
