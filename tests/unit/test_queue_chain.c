#include "queue/queue_chain.h"

#include "base/clock.h"
#include "support_queue.h"

#include <apr_strings.h>

#define CHAIN 5

static void put_accepted_at(llmq_queue_t *q, const char *id, int level, apr_time_t put_at)
{
    llmq_entry_t e = queue_entry(id, level, 1, CHAIN);

    e.put_at = put_at;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
}

START_TEST(only_the_head_of_a_chain_can_be_taken)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    int how;

    for (how = LLMQ_ACK_COMPLETED; how <= LLMQ_ACK_GONE; how++) {
        queue_put(q, "a", _i, 1, CHAIN);
        queue_put(q, "b", _i, 2, CHAIN);
        queue_put(q, "c", _i, 3, CHAIN);
        ck_assert_str_eq(queue_take_ids(q, 9), "a");
        ck_assert_str_eq(queue_take_ids(q, 9), "");
        queue_ack(q, "a", how);
        ck_assert_str_eq(queue_take_ids(q, 9), "b");
        queue_ack(q, "b", how);
        ck_assert_str_eq(queue_take_ids(q, 9), "c");
        queue_ack(q, "c", how);
        ck_queue(q);
    }
}
END_TEST

START_TEST(a_more_urgent_entry_waits_for_its_predecessor)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    queue_put(q, "first", LLMQ_LEVEL_LOW, 1, CHAIN);
    queue_put(q, "second", LLMQ_LEVEL_REALTIME, 1, CHAIN);
    ck_assert_str_eq(queue_take_ids(q, 9), "first");
    queue_ack(q, "first", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "second");
}
END_TEST

START_TEST(a_delayed_head_holds_its_chain)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    queue_put(q, "a", _i, 1, CHAIN);
    queue_put(q, "b", _i, 1, CHAIN);
    queue_take_ids(q, 1);
    ck_assert_int_eq(llmq_queue_requeue(q, "a", 0, 1, QUEUE_NOW + 10), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "");
    ck_assert_int_eq(queue_state(q, "b"), LLMQ_ENTRY_BLOCKED);
    llmq_clock_set(QUEUE_NOW + 10);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
    ck_queue(q);
}
END_TEST

START_TEST(a_successor_that_lies_ahead_is_delayed)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_entry_t e;

    llmq_clock_set(QUEUE_NOW);
    queue_put(q, "a", _i, 1, CHAIN);
    e = queue_entry("b", _i, 1, CHAIN);
    e.run_at = QUEUE_NOW + 10;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
    ck_assert_int_eq(queue_state(q, "b"), LLMQ_ENTRY_BLOCKED);
    ck_assert_int_eq(llmq_queue_cancel(q, "a"), APR_SUCCESS);
    ck_assert_int_eq(queue_state(q, "b"), LLMQ_ENTRY_DELAYED);
    ck_queue(q);
}
END_TEST

START_TEST(cancel_of_any_member_keeps_the_rest_in_order)
{
    static const char *rest[] = {"b c", "a c", "a b"};
    static const char *ids[] = {"a", "b", "c"};
    int i;

    for (i = 0; i < 3; i++) {
        llmq_queue_t *q = queue_rig(10, 10)->q;
        const char *one, *two;

        queue_put(q, "a", _i, 1, CHAIN);
        queue_put(q, "b", _i, 1, CHAIN);
        queue_put(q, "c", _i, 1, CHAIN);
        ck_assert_int_eq(llmq_queue_cancel(q, ids[i]), APR_SUCCESS);
        ck_queue(q);
        one = queue_take_ids(q, 9);
        queue_ack(q, one, LLMQ_ACK_COMPLETED);
        two = queue_take_ids(q, 9);
        ck_assert_str_eq(apr_pstrcat(test_pool, one, " ", two, NULL), rest[i]);
        ck_queue(q);
    }
}
END_TEST

START_TEST(a_successor_freed_keeps_the_order_of_its_key)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    queue_put(q, "a", _i, 1, CHAIN);
    queue_put(q, "x", _i, 1, 0);
    queue_put(q, "b", _i, 1, CHAIN);
    queue_put(q, "y", _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 1), "a");
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "x b y");
}
END_TEST

START_TEST(a_walk_puts_older_messages_before_younger_ones)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    put_accepted_at(q, "e", _i, QUEUE_NOW + 5);
    put_accepted_at(q, "a", _i, QUEUE_NOW + 1);
    put_accepted_at(q, "c", _i, QUEUE_NOW + 3);
    ck_queue(q);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
    /* Never before one that runs. */
    put_accepted_at(q, "0", _i, QUEUE_NOW);
    ck_queue(q);
    ck_assert_str_eq(queue_take_ids(q, 9), "");
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "0");
    /* Nor before one that has been tried. */
    ck_assert_int_eq(llmq_queue_requeue(q, "0", 0, 0, 0), APR_SUCCESS);
    put_accepted_at(q, "00", _i, QUEUE_NOW - 9);
    ck_assert_str_eq(queue_take_ids(q, 9), "0");
    queue_ack(q, "0", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "00");
    queue_ack(q, "00", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "c");
    queue_ack(q, "c", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "e");
    ck_queue(q);
}
END_TEST

/* As a committer does: the place was asked for before. */
static void put_admitted_at(llmq_queue_t *q, const char *id, int level, apr_time_t put_at)
{
    llmq_entry_t e = queue_entry(id, level, 1, CHAIN);

    e.put_at = put_at;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, LLMQ_PUT_ADMITTED), APR_SUCCESS);
}

START_TEST(admitted_entries_stand_in_the_order_of_acceptance)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    int i;

    for (i = 0; i < 3; i++)
        ck_assert_int_eq(llmq_queue_admit(q, 0, (llmq_level_e)_i), APR_SUCCESS);
    put_accepted_at(q, "a", _i, QUEUE_NOW);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
    put_admitted_at(q, "d", _i, QUEUE_NOW + 3);
    put_admitted_at(q, "b", _i, QUEUE_NOW + 1);
    put_admitted_at(q, "c", _i, QUEUE_NOW + 2);
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "b");
    queue_ack(q, "b", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "c");
    ck_queue(q);
}
END_TEST

/* Two processes accept "older" and "younger"; the younger one's commit is faster. */
START_TEST(the_first_of_a_chain_waits_for_an_older_one_that_is_being_stored)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    ck_assert_int_eq(llmq_queue_admit(q, 0, (llmq_level_e)_i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, LLMQ_LEVEL_LOW), APR_SUCCESS);
    put_admitted_at(q, "younger", LLMQ_LEVEL_LOW, QUEUE_NOW);
    ck_assert_str_eq(queue_take_ids(q, 9), "");
    put_admitted_at(q, "older", _i, QUEUE_NOW - 1);
    ck_queue(q);
    ck_assert_str_eq(queue_take_ids(q, 9), "older");
    queue_ack(q, "older", LLMQ_ACK_COMPLETED);
    llmq_clock_set(QUEUE_NOW + LLMQ_QUEUE_SETTLE);
    ck_assert_str_eq(queue_take_ids(q, 9), "younger");
    ck_queue(q);
}
END_TEST

START_TEST(nothing_waits_where_no_older_one_can_come)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_entry_t e = queue_entry("alone", _i, 1, CHAIN + 1);

    llmq_clock_set(QUEUE_NOW);
    ck_assert_int_eq(llmq_queue_admit(q, 0, (llmq_level_e)_i), APR_SUCCESS);
    put_admitted_at(q, "only", _i, QUEUE_NOW);
    ck_assert_str_eq(queue_take_ids(q, 9), "only");
    e.alone = 1;
    ck_assert_int_eq(llmq_queue_admit(q, 0, (llmq_level_e)_i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, (llmq_level_e)_i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, LLMQ_PUT_ADMITTED), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "alone");
}
END_TEST

START_TEST(a_hold_ends_by_itself_and_counts_as_waiting)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];

    llmq_clock_set(QUEUE_NOW);
    ck_assert_int_eq(llmq_queue_admit(q, 0, (llmq_level_e)_i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, (llmq_level_e)_i), APR_SUCCESS);
    put_admitted_at(q, "held", _i, QUEUE_NOW);
    ck_assert_int_eq(queue_state(q, "held"), LLMQ_ENTRY_DELAYED);
    llmq_clock_set(QUEUE_NOW + LLMQ_QUEUE_SETTLE);
    ck_assert_str_eq(queue_take_ids(q, 9), "held");
    ck_assert_int_eq(llmq_queue_stats(stats, q), APR_SUCCESS);
    ck_assert_int_eq(stats[_i].wait_max, LLMQ_QUEUE_SETTLE);
}
END_TEST

START_TEST(chains_do_not_hold_each_other)
{
    llmq_queue_t *q = queue_rig(100, 100)->q;
    int i;

    for (i = 0; i < 20; i++)
        queue_put(q, apr_psprintf(test_pool, "m%d", i), _i, 1, 1 + (apr_uint64_t)i % 10);
    ck_assert_str_eq(queue_take_ids(q, 100), "m0 m1 m2 m3 m4 m5 m6 m7 m8 m9");
    queue_ack(q, "m3", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 100), "m13");
    ck_queue(q);
}
END_TEST

TCase *case_queue_chain(void)
{
    TCase *tc = test_case("queue_chain");

    tcase_add_loop_test(tc, only_the_head_of_a_chain_can_be_taken, 1, LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, a_more_urgent_entry_waits_for_its_predecessor);
    tcase_add_loop_test(tc, a_delayed_head_holds_its_chain, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_successor_that_lies_ahead_is_delayed, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, cancel_of_any_member_keeps_the_rest_in_order, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_successor_freed_keeps_the_order_of_its_key, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_walk_puts_older_messages_before_younger_ones, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, admitted_entries_stand_in_the_order_of_acceptance, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc,
                        the_first_of_a_chain_waits_for_an_older_one_that_is_being_stored,
                        1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, nothing_waits_where_no_older_one_can_come, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_hold_ends_by_itself_and_counts_as_waiting, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, chains_do_not_hold_each_other, 1, LLMQ_LEVEL_COUNT);
    return tc;
}
