#include "queue/queue_rebuild.h"

#include "support_queue.h"

/* What a damaged one does is told in test_queue_lock.c. */
START_TEST(a_queue_that_is_whole_is_not_emptied)
{
    llmq_queue_t *q = queue_rig(5, 5)->q;

    queue_put(q, "a", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_reset(q), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_needs_rebuild(q), 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
    ck_queue(q);
}
END_TEST

TCase *case_queue_reset(void)
{
    TCase *tc = test_case("queue_reset");

    tcase_add_loop_test(tc, a_queue_that_is_whole_is_not_emptied, 1, LLMQ_LEVEL_COUNT);
    return tc;
}
