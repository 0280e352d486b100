#include "queue/queue_ready.h"

#include "support_queue.h"

#include <apr_strings.h>

START_TEST(keys_of_a_level_take_turns)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    queue_put(q, "a1", _i, 1, 0);
    queue_put(q, "a2", _i, 1, 0);
    queue_put(q, "a3", _i, 1, 0);
    queue_put(q, "b1", _i, 2, 0);
    queue_put(q, "b2", _i, 2, 0);
    queue_put(q, "c1", _i, 3, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a1 b1 c1 a2 b2 a3");
}
END_TEST

START_TEST(turns_go_on_from_take_to_take)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    queue_put(q, "a1", _i, 1, 0);
    queue_put(q, "a2", _i, 1, 0);
    queue_put(q, "b1", _i, 2, 0);
    queue_put(q, "b2", _i, 2, 0);
    ck_assert_str_eq(queue_take_ids(q, 1), "a1");
    ck_assert_str_eq(queue_take_ids(q, 1), "b1");
    ck_assert_str_eq(queue_take_ids(q, 1), "a2");
    ck_assert_str_eq(queue_take_ids(q, 1), "b2");
}
END_TEST

START_TEST(a_key_that_comes_back_queues_up_last)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    queue_put(q, "a1", _i, 1, 0);
    queue_put(q, "b1", _i, 2, 0);
    queue_put(q, "b2", _i, 2, 0);
    queue_put(q, "c1", _i, 3, 0);
    ck_assert_str_eq(queue_take_ids(q, 1), "a1");
    queue_put(q, "a2", _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "b1 c1 a2 b2");
}
END_TEST

START_TEST(a_thousand_of_one_key_delay_others_by_turns_only)
{
    llmq_queue_t *q = queue_rig(2000, 2000)->q;
    int i, served = 0;

    for (i = 0; i < 1000; i++)
        queue_put(q, apr_psprintf(test_pool, "a%d", i), _i, 1, 0);
    for (i = 0; i < 10; i++) {
        queue_put(q, apr_psprintf(test_pool, "b%d", i), _i, 2, 0);
        queue_put(q, apr_psprintf(test_pool, "c%d", i), _i, 3, 0);
    }
    for (i = 0; i < 40; i++)
        served += queue_take_ids(q, 1)[0] != 'a';
    ck_assert_int_eq(served, 20);
    ck_queue(q);
}
END_TEST

TCase *case_queue_ready(void)
{
    TCase *tc = test_case("queue_ready");

    tcase_add_loop_test(tc, keys_of_a_level_take_turns, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, turns_go_on_from_take_to_take, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_key_that_comes_back_queues_up_last, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_thousand_of_one_key_delay_others_by_turns_only, 1,
                        LLMQ_LEVEL_COUNT);
    return tc;
}
