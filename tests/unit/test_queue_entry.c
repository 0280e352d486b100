#include "queue/queue_entry.h"

#include "base/clock.h"
#include "support_queue.h"

START_TEST(delayed_entries_wait_until_they_are_due)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    ck_assert_int_eq(llmq_queue_next_due(q), -1);
    queue_put_at(q, "late", _i, QUEUE_NOW + 200);
    queue_put_at(q, "soon", _i, QUEUE_NOW + 100);
    queue_put_at(q, "past", _i, QUEUE_NOW - 100);
    queue_put_at(q, "now", _i, QUEUE_NOW);
    ck_assert_int_eq(queue_state(q, "late"), LLMQ_ENTRY_DELAYED);
    ck_assert_int_eq(llmq_queue_next_due(q), 100);
    ck_assert_str_eq(queue_take_ids(q, 9), "past now");
    llmq_clock_set(QUEUE_NOW + 99);
    ck_assert_int_eq(llmq_queue_next_due(q), 1);
    ck_assert_str_eq(queue_take_ids(q, 9), "");
    llmq_clock_set(QUEUE_NOW + 100);
    ck_assert_int_eq(llmq_queue_next_due(q), 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "soon");
    ck_assert_int_eq(llmq_queue_next_due(q), 100);
    llmq_clock_set(QUEUE_NOW + 1000);
    ck_assert_str_eq(queue_take_ids(q, 9), "late");
    ck_assert_int_eq(llmq_queue_next_due(q), -1);
    ck_queue(q);
}
END_TEST

START_TEST(a_new_entry_counts_as_put_when_it_is_due)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    queue_put_at(q, "delayed", _i, QUEUE_NOW + 100);
    queue_put(q, "a", _i, 1, 0);
    llmq_clock_set(QUEUE_NOW + 100);
    ck_assert_str_eq(queue_take_ids(q, 1), "a");
    queue_put(q, "b", _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "delayed b");
}
END_TEST

START_TEST(requeued_entries_keep_the_order_of_their_key)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    queue_put(q, "c", _i, 1, 0);
    queue_put(q, "d", _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 3), "a b c");
    ck_assert_int_eq(llmq_queue_requeue(q, "b", 0, 1, 0), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_requeue(q, "c", 0, 1, 0), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_requeue(q, "a", 0, 1, 0), APR_SUCCESS);
    ck_queue(q);
    ck_assert_uint_eq(queue_found(q, "a")->attempt, 1);
    ck_assert_uint_eq(queue_found(q, "a")->owner, 0);
    ck_assert_int_eq(queue_found(q, "a")->taken_at, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a b c d");
    ck_queue(q);
}
END_TEST

START_TEST(requeued_entries_may_wait_and_come_back_first)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 1), "a");
    ck_assert_int_eq(llmq_queue_requeue(q, "a", 0, 2, QUEUE_NOW + 10), APR_SUCCESS);
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_DELAYED);
    ck_assert_int_eq(llmq_queue_next_due(q), 10);
    llmq_clock_set(QUEUE_NOW + 10);
    ck_assert_str_eq(queue_take_ids(q, 9), "a b");
    ck_queue(q);
}
END_TEST

START_TEST(requeue_of_another_attempt_or_state_is_not_found)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    ck_assert_int_eq(llmq_queue_requeue(q, "a", 0, 1, 0), APR_NOTFOUND);
    queue_put(q, "a", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_requeue(q, "a", 0, 1, 0), APR_NOTFOUND);
    queue_take_ids(q, 1);
    ck_assert_int_eq(llmq_queue_requeue(q, "a", 1, 2, 0), APR_NOTFOUND);
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_RUNNING);
    ck_assert_int_eq(llmq_queue_requeue(q, "a", 0, 1, 0), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_requeue(q, "a", 0, 1, 0), APR_NOTFOUND);
}
END_TEST

START_TEST(requeue_comes_back_into_a_full_level)
{
    llmq_queue_t *q = queue_rig(1, 1)->q;

    queue_put(q, "a", _i, 1, 0);
    queue_take_ids(q, 1);
    queue_put(q, "b", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_requeue(q, "a", 0, 1, 0), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), LLMQ_EFULL);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), LLMQ_EFULL);
    queue_ack(q, "a", LLMQ_ACK_FAILED); /* its attempt is 1: nothing */
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_RUNNING);
    ck_queue(q);
}
END_TEST

START_TEST(cancel_removes_what_waits_in_any_state)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    queue_put(q, "ready", _i, 1, 5);
    queue_put(q, "blocked", _i, 1, 5);
    queue_put_at(q, "delayed", _i, QUEUE_NOW + 1);
    ck_assert_int_eq(llmq_queue_cancel(q, "blocked"), APR_SUCCESS);
    ck_queue(q);
    ck_assert_int_eq(llmq_queue_cancel(q, "ready"), APR_SUCCESS);
    ck_queue(q);
    ck_assert_int_eq(llmq_queue_cancel(q, "delayed"), APR_SUCCESS);
    ck_queue(q);
    ck_assert_int_eq(llmq_queue_cancel(q, "delayed"), APR_NOTFOUND);
    llmq_clock_set(QUEUE_NOW + 10);
    ck_assert_str_eq(queue_take_ids(q, 9), "");
    ck_assert_int_eq(llmq_queue_next_due(q), -1);
}
END_TEST

START_TEST(cancel_marks_what_runs_until_its_ack)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    queue_put(q, "a", _i, 1, 5);
    queue_put(q, "b", _i, 1, 5);
    queue_take_ids(q, 1);
    ck_assert_int_eq(llmq_queue_cancel(q, "a"), LLMQ_EBUSY);
    ck_assert_int_eq(llmq_queue_cancel(q, "a"), LLMQ_EBUSY);
    ck_assert_uint_eq(queue_found(q, "a")->canceled, 1);
    ck_assert_int_eq(queue_state(q, "b"), LLMQ_ENTRY_BLOCKED);
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_FREE);
    ck_assert_int_eq(queue_state(q, "b"), LLMQ_ENTRY_READY);
    ck_queue(q);
}
END_TEST

START_TEST(requeue_of_a_cancelled_entry_removes_it)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    queue_put(q, "a", _i, 1, 5);
    queue_put(q, "b", _i, 1, 5);
    queue_take_ids(q, 1);
    ck_assert_int_eq(llmq_queue_cancel(q, "a"), LLMQ_EBUSY);
    ck_assert_int_eq(llmq_queue_requeue(q, "a", 0, 1, 0), APR_NOTFOUND);
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_FREE);
    ck_assert_str_eq(queue_take_ids(q, 1), "b");
    ck_queue(q);
}
END_TEST

START_TEST(an_id_may_come_back_after_it_left)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    queue_put(q, "a", _i, 1, 0);
    queue_take_ids(q, 1);
    ck_assert_int_eq(llmq_queue_cancel(q, "a"), LLMQ_EBUSY);
    queue_ack(q, "a", LLMQ_ACK_GONE);
    queue_put(q, "a", _i, 1, 0);
    ck_assert_uint_eq(queue_found(q, "a")->canceled, 0);
    ck_assert_int_eq(queue_found(q, "a")->taken_at, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
}
END_TEST

START_TEST(reprioritise_moves_to_the_end_of_the_key_in_another_level)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    int to = _i == LLMQ_LEVEL_LOW ? LLMQ_LEVEL_REALTIME : _i + 1;

    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    queue_put(q, "x", to, 1, 0);
    ck_assert_int_eq(llmq_queue_reprioritise(q, "a", to), APR_SUCCESS);
    ck_queue(q);
    ck_assert_uint_eq(queue_found(q, "a")->level, to);
    ck_assert_str_eq(queue_take_ids(q, 9), to < _i ? "x a b" : "b x a");
    ck_assert_int_eq(llmq_queue_reprioritise(q, "a", _i), LLMQ_EBUSY);
    ck_assert_int_eq(llmq_queue_reprioritise(q, "none", to), APR_NOTFOUND);
    ck_assert_int_eq(llmq_queue_reprioritise(q, "a", LLMQ_LEVEL_COUNT), APR_EINVAL);
}
END_TEST

START_TEST(reprioritise_keeps_a_delay_and_a_place_in_the_chain)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    int to = _i == LLMQ_LEVEL_LOW ? LLMQ_LEVEL_REALTIME : _i + 1;

    llmq_clock_set(QUEUE_NOW);
    queue_put_at(q, "delayed", _i, QUEUE_NOW + 5);
    queue_put(q, "head", _i, 1, 5);
    queue_put(q, "b", _i, 1, 5);
    queue_put(q, "c", _i, 1, 5);
    ck_assert_int_eq(llmq_queue_reprioritise(q, "delayed", to), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_reprioritise(q, "b", to), APR_SUCCESS);
    ck_queue(q);
    ck_assert_int_eq(queue_state(q, "delayed"), LLMQ_ENTRY_DELAYED);
    ck_assert_int_eq(queue_state(q, "b"), LLMQ_ENTRY_BLOCKED);
    ck_assert_str_eq(queue_take_ids(q, 9), "head");
    queue_ack(q, "head", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "b");
    ck_queue(q);
}
END_TEST

START_TEST(reprioritise_into_a_full_level_is_refused)
{
    llmq_queue_t *q = queue_rig(1, 10)->q;
    int to = _i == LLMQ_LEVEL_LOW ? LLMQ_LEVEL_REALTIME : _i + 1;

    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", to, 1, 0);
    ck_assert_int_eq(llmq_queue_reprioritise(q, "a", to), LLMQ_EFULL);
    ck_assert_int_eq(llmq_queue_reprioritise(q, "a", _i), APR_SUCCESS);
    ck_assert_uint_eq(queue_found(q, "a")->level, _i);
    ck_queue(q);
    ck_assert_str_eq(queue_take_ids(q, 1), to < _i ? "b" : "a");
}
END_TEST

TCase *case_queue_entry(void)
{
    TCase *tc = test_case("queue_entry");

    tcase_add_loop_test(tc, delayed_entries_wait_until_they_are_due, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_new_entry_counts_as_put_when_it_is_due, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, requeued_entries_keep_the_order_of_their_key, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, requeued_entries_may_wait_and_come_back_first, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, requeue_of_another_attempt_or_state_is_not_found, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, requeue_comes_back_into_a_full_level, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, cancel_removes_what_waits_in_any_state, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, cancel_marks_what_runs_until_its_ack, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, requeue_of_a_cancelled_entry_removes_it, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, an_id_may_come_back_after_it_left, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, reprioritise_moves_to_the_end_of_the_key_in_another_level, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, reprioritise_keeps_a_delay_and_a_place_in_the_chain, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, reprioritise_into_a_full_level_is_refused, 1,
                        LLMQ_LEVEL_COUNT);
    return tc;
}
