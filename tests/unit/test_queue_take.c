#include "queue/queue.h"

#include "base/clock.h"
#include "support_queue.h"

#include <string.h>

START_TEST(take_of_an_empty_queue_gives_nothing)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_entry_t e;
    int n = 5;

    ck_assert_int_eq(llmq_queue_take(&e, &n, q, 1, 7), APR_SUCCESS);
    ck_assert_int_eq(n, 0);
}
END_TEST

START_TEST(take_serves_levels_strictly)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    queue_put(q, "low", LLMQ_LEVEL_LOW, 1, 0);
    queue_put(q, "normal", LLMQ_LEVEL_NORMAL, 1, 0);
    queue_put(q, "high", LLMQ_LEVEL_HIGH, 1, 0);
    queue_put(q, "realtime", LLMQ_LEVEL_REALTIME, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 3), "realtime high normal");
    ck_assert_str_eq(queue_take_ids(q, 3), "low");
    ck_queue(q);
}
END_TEST

START_TEST(take_keeps_order_inside_a_key)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    queue_put(q, "c", _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a b c");
}
END_TEST

START_TEST(a_level_at_its_concurrency_is_skipped)
{
    llmq_queue_t *q = queue_rig(10, 2)->q;
    int other = _i == LLMQ_LEVEL_LOW ? LLMQ_LEVEL_REALTIME : _i + 1;

    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    queue_put(q, "c", _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a b");
    queue_put(q, "other", other, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "other");
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "c");
}
END_TEST

START_TEST(taken_entries_show_owner_time_and_attempt)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_entry_t in, out;
    int n;

    llmq_clock_set(QUEUE_NOW);
    in = queue_entry("a", _i, 11, 22);
    in.attempt = 3;
    ck_assert_int_eq(llmq_queue_put(q, &in, 1, 0), APR_SUCCESS);
    llmq_clock_set(QUEUE_NOW + 5);
    ck_assert_int_eq(llmq_queue_take(&out, &n, q, 1, 4242), APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(out.id, "a");
    ck_assert_uint_eq(out.key, 11);
    ck_assert_uint_eq(out.chain, 22);
    ck_assert_int_eq(out.put_at, QUEUE_NOW);
    ck_assert_int_eq(out.taken_at, QUEUE_NOW + 5);
    ck_assert_uint_eq(out.attempt, 3);
    ck_assert_uint_eq(out.owner, 4242);
    ck_assert_uint_eq(out.level, _i);
    ck_assert_uint_eq(out.kind, LLMQ_KIND_MESSAGE);
    ck_assert_uint_eq(out.state, LLMQ_ENTRY_RUNNING);
    ck_assert_uint_eq(out.canceled, 0);
    ck_assert_int_eq(memcmp(&out, queue_found(q, "a"), sizeof(out)), 0);
}
END_TEST

START_TEST(a_level_of_no_concurrency_is_paused)
{
    queue_rig_t *rig = queue_rig(5, 5);
    llmq_queue_conf_t conf = rig->conf;

    conf.level[_i].max_concurrent = 0;
    queue_put(rig->q, "a", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_configure(rig->q, &conf), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(rig->q, 9), "");
    ck_assert_int_eq(llmq_queue_configure(rig->q, &rig->conf), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(rig->q, 9), "a");
}
END_TEST

START_TEST(an_answered_entry_frees_its_level_but_not_its_chain)
{
    llmq_queue_t *q = queue_rig(10, 1)->q;

    queue_put(q, "a", _i, 1, 5);
    queue_put(q, "next", _i, 1, 5);
    queue_put(q, "b", _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
    ck_assert_int_eq(llmq_queue_answered(q, "a", 1), APR_NOTFOUND);
    ck_assert_int_eq(llmq_queue_answered(q, "b", 0), APR_NOTFOUND);
    ck_assert_str_eq(queue_take_ids(q, 9), "");
    ck_assert_int_eq(llmq_queue_answered(q, "a", 0), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_answered(q, "a", 0), APR_SUCCESS);
    ck_queue(q);
    ck_assert_str_eq(queue_take_ids(q, 9), "b");
    ck_assert_int_eq(queue_state(q, "next"), LLMQ_ENTRY_BLOCKED);
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_queue(q);
    /* "b" still runs. */
    ck_assert_str_eq(queue_take_ids(q, 9), "");
    queue_ack(q, "b", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "next");
}
END_TEST

TCase *case_queue_take(void)
{
    TCase *tc = test_case("queue_take");

    tcase_add_test(tc, take_of_an_empty_queue_gives_nothing);
    tcase_add_test(tc, take_serves_levels_strictly);
    tcase_add_loop_test(tc, take_keeps_order_inside_a_key, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_level_at_its_concurrency_is_skipped, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, taken_entries_show_owner_time_and_attempt, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_level_of_no_concurrency_is_paused, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, an_answered_entry_frees_its_level_but_not_its_chain, 1,
                        LLMQ_LEVEL_COUNT);
    return tc;
}
