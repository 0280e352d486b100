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

/* ---- weights and caps ---- */

static void put_weighted(llmq_queue_t *q, const char *id, int level, apr_uint64_t key,
                         apr_uint32_t weight, apr_uint32_t cap)
{
    llmq_entry_t e = queue_entry(id, level, key, 0);

    e.weight = weight;
    e.key_cap = cap;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
}

START_TEST(a_key_is_served_as_often_in_a_turn_as_its_weight_says)
{
    llmq_queue_t *q = queue_rig(100, 100)->q;
    int i;

    for (i = 0; i < 8; i++) {
        put_weighted(q, apr_psprintf(test_pool, "a%d", i), _i, 1, 3, 0);
        put_weighted(q, apr_psprintf(test_pool, "b%d", i), _i, 2, 1, 0);
        put_weighted(q, apr_psprintf(test_pool, "c%d", i), _i, 3, 0, 0);
    }
    ck_assert_str_eq(queue_take_ids(q, 5), "a0 a1 a2 b0 c0");
    ck_assert_str_eq(queue_take_ids(q, 2), "a3 a4");
    ck_queue(q);
    ck_assert_str_eq(queue_take_ids(q, 9), "a5 b1 c1 a6 a7 b2 c2 b3 c3");
}
END_TEST

START_TEST(the_last_weight_seen_holds)
{
    llmq_queue_t *q = queue_rig(100, 100)->q;

    put_weighted(q, "a0", _i, 1, 5, 0);
    put_weighted(q, "a1", _i, 1, 5, 0);
    put_weighted(q, "b0", _i, 2, 1, 0);
    put_weighted(q, "a2", _i, 1, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a0 b0 a1 a2");
}
END_TEST

START_TEST(weights_of_one_to_three_share_four_thousand_takes)
{
    llmq_queue_t *q = queue_rig(8000, 8000)->q;
    int i, a = 0;

    for (i = 0; i < 3900; i++) {
        put_weighted(q, apr_psprintf(test_pool, "a%d", i), _i, 1, 1, 0);
        put_weighted(q, apr_psprintf(test_pool, "b%d", i), _i, 2, 3, 0);
    }
    for (i = 0; i < 4000; i++)
        a += queue_take_ids(q, 1)[0] == 'a';
    ck_assert_int_ge(a, 950);
    ck_assert_int_le(a, 1050);
}
END_TEST

START_TEST(a_key_at_its_cap_leaves_the_ring_until_one_ends)
{
    llmq_queue_t *q = queue_rig(100, 100)->q;
    int i;

    for (i = 0; i < 5; i++)
        put_weighted(q, apr_psprintf(test_pool, "a%d", i), _i, 1, 1, 2);
    put_weighted(q, "b0", _i, 2, 1, 2);
    ck_assert_str_eq(queue_take_ids(q, 9), "a0 b0 a1");
    ck_queue(q);
    ck_assert_int_eq(llmq_queue_answered(q, "a0", 0), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "a2");
    queue_ack(q, "a0", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "");
    ck_assert_int_eq(llmq_queue_requeue(q, "a1", 0, 1, 0), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "a1"); /* it keeps its place */
    queue_ack(q, "a2", LLMQ_ACK_FAILED);
    /* A cap that is lifted lets all go. */
    put_weighted(q, "a5", _i, 1, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a3 a4 a5");
    ck_queue(q);
}
END_TEST

START_TEST(a_cap_is_of_one_level)
{
    llmq_queue_t *q = queue_rig(100, 100)->q;

    put_weighted(q, "a0", 1, 1, 1, 1);
    put_weighted(q, "a1", 1, 1, 1, 1);
    put_weighted(q, "x0", 4, 1, 1, 1);
    ck_assert_str_eq(queue_take_ids(q, 9), "a0 x0");
    ck_assert_int_eq(llmq_queue_reprioritise(q, "a1", LLMQ_LEVEL_HIGH), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "a1");
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
    tcase_add_loop_test(tc, a_key_is_served_as_often_in_a_turn_as_its_weight_says, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, the_last_weight_seen_holds, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, weights_of_one_to_three_share_four_thousand_takes, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_key_at_its_cap_leaves_the_ring_until_one_ends, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, a_cap_is_of_one_level);
    return tc;
}
