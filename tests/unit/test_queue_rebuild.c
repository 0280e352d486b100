#include "queue/queue_rebuild.h"

#include "support_queue.h"

START_TEST(a_suspicion_during_a_walk_asks_for_another)
{
    llmq_queue_t *q = queue_rig(5, 5)->q;

    llmq_queue_suspect(q);
    ck_assert_int_ne(llmq_queue_needs_rebuild(q), 0);
    llmq_queue_rebuild_begin(q);
    llmq_queue_suspect(q);
    llmq_queue_rebuild_end(q, 1);
    ck_assert_int_ne(llmq_queue_needs_rebuild(q), 0);
    llmq_queue_rebuild_begin(q);
    llmq_queue_rebuild_end(q, 1);
    ck_assert_int_eq(llmq_queue_needs_rebuild(q), 0);
}
END_TEST

START_TEST(a_walk_that_broke_off_is_asked_for_again)
{
    llmq_queue_t *q = queue_rig(5, 5)->q;

    llmq_queue_rebuild_begin(q); /* and its process dies */
    ck_assert_int_ne(llmq_queue_needs_rebuild(q), 0);
    llmq_queue_rebuild_begin(q);
    llmq_queue_rebuild_end(q, 0); /* the store went away */
    ck_assert_int_ne(llmq_queue_needs_rebuild(q), 0);
}
END_TEST

START_TEST(a_walk_that_found_no_room_is_repeated_when_there_is_some)
{
    llmq_queue_t *q = queue_rig(2, 9)->q;
    llmq_entry_t e = queue_entry("more", _i, 1, 0);

    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    llmq_queue_rebuild_begin(q);
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
    llmq_queue_rebuild_end(q, 0);
    ck_assert_int_eq(llmq_queue_needs_rebuild(q), 0);
    queue_take_ids(q, 1);
    ck_assert_int_ne(llmq_queue_needs_rebuild(q), 0);
}
END_TEST

/* The old dispatcher's walk ends after the new one's has begun. */
START_TEST(the_end_of_an_older_walk_does_not_answer_a_younger_one)
{
    llmq_queue_t *q = queue_rig(5, 5)->q;
    llmq_queue_t old = *q;

    llmq_queue_rebuild_begin(&old);
    llmq_queue_suspect(q);
    llmq_queue_rebuild_begin(q);
    llmq_queue_rebuild_end(&old, 1);
    ck_assert_int_ne(llmq_queue_needs_rebuild(q), 0);
    llmq_queue_rebuild_end(q, 1);
    ck_assert_int_eq(llmq_queue_needs_rebuild(q), 0);
    llmq_queue_rebuild_end(&old, 1);
    ck_assert_int_eq(llmq_queue_needs_rebuild(q), 0);
}
END_TEST

TCase *case_queue_rebuild(void)
{
    TCase *tc = test_case("queue_rebuild");

    tcase_add_test(tc, a_suspicion_during_a_walk_asks_for_another);
    tcase_add_test(tc, a_walk_that_broke_off_is_asked_for_again);
    tcase_add_loop_test(tc, a_walk_that_found_no_room_is_repeated_when_there_is_some, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, the_end_of_an_older_walk_does_not_answer_a_younger_one);
    return tc;
}
