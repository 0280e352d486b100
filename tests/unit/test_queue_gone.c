#include "queue/queue_gone.h"

#include "support_queue.h"

static void put_flags(llmq_queue_t *q, const char *id, int level, int flags)
{
    llmq_entry_t e = queue_entry(id, level, 1, 0);

    ck_assert_int_eq(llmq_queue_put(q, &e, 1, flags), APR_SUCCESS);
}

static void finish(llmq_queue_t *q, const char *id, int level)
{
    queue_put(q, id, level, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 1), id);
    queue_ack(q, id, LLMQ_ACK_COMPLETED);
}

START_TEST(a_walk_does_not_put_back_what_left_since_it_began)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_queue_rebuild_begin(q);
    finish(q, "done", _i);
    queue_put(q, "cancelled", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_cancel(q, "cancelled"), APR_SUCCESS);
    put_flags(q, "done", _i, LLMQ_PUT_WALK);
    put_flags(q, "cancelled", _i, LLMQ_PUT_WALK);
    put_flags(q, "other", _i, LLMQ_PUT_WALK);
    ck_assert_str_eq(queue_take_ids(q, 9), "other");
    ck_queue(q);
}
END_TEST

START_TEST(a_later_walk_puts_what_left_before_it_began)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_queue_rebuild_begin(q);
    finish(q, "a", _i);
    llmq_queue_rebuild_end(q, 1);
    llmq_queue_rebuild_begin(q);
    put_flags(q, "a", _i, LLMQ_PUT_WALK);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
}
END_TEST

START_TEST(only_walks_are_held_back)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_queue_rebuild_begin(q);
    finish(q, "a", _i);
    put_flags(q, "a", _i, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    put_flags(q, "a", _i, LLMQ_PUT_ADMITTED);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
}
END_TEST

TCase *case_queue_gone(void)
{
    TCase *tc = test_case("queue_gone");

    tcase_add_loop_test(tc, a_walk_does_not_put_back_what_left_since_it_began, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_later_walk_puts_what_left_before_it_began, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, only_walks_are_held_back, 1, LLMQ_LEVEL_COUNT);
    return tc;
}
