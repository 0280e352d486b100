#include "queue/queue.h"

#include "support_queue.h"

#include <apr_strings.h>

#include <string.h>

START_TEST(put_skips_an_id_that_is_there)
{
    llmq_queue_t *q = queue_rig(2, 10)->q;
    llmq_entry_t again = queue_entry("a", _i, 9, 0);
    int i;

    queue_put(q, "a", _i, 1, 0);
    for (i = 0; i < 5; i++) {
        ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
        ck_assert_int_eq(llmq_queue_put(q, &again, 1, LLMQ_PUT_ADMITTED), APR_SUCCESS);
    }
    ck_assert_uint_eq(queue_found(q, "a")->key, 1);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
    ck_assert_int_eq(llmq_queue_put(q, &again, 1, 0), APR_SUCCESS);
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_RUNNING);
    ck_assert_int_eq(llmq_queue_needs_rebuild(q), 0);
    ck_queue(q);
}
END_TEST

START_TEST(put_refuses_what_has_no_id_or_level_and_takes_the_rest)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_entry_t e[5];

    e[0] = queue_entry("", _i, 1, 0);
    e[1] = queue_entry("none", LLMQ_LEVEL_NONE, 1, 0);
    e[2] = queue_entry("above", LLMQ_LEVEL_COUNT, 1, 0);
    e[3] = queue_entry("x", _i, 1, 0);
    memset(e[3].id, 'x', sizeof(e[3].id));
    e[4] = queue_entry("good", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_put(q, e, 5, LLMQ_PUT_ADMITTED), APR_EINVAL);
    ck_assert_str_eq(queue_take_ids(q, 9), "good");
    ck_queue(q);
}
END_TEST

START_TEST(put_takes_ids_of_the_greatest_length)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    char id[LLMQ_ID_MAX + 1];

    memset(id, 'y', LLMQ_ID_MAX);
    id[LLMQ_ID_MAX] = '\0';
    queue_put(q, id, _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), id);
    ck_assert_int_eq(llmq_queue_find(NULL, q, apr_pstrcat(test_pool, id, "y", NULL)),
                     APR_NOTFOUND);
}
END_TEST

START_TEST(put_without_a_place_stops_at_the_bound_and_asks_for_a_walk_later)
{
    llmq_queue_t *q = queue_rig(4, 10)->q;
    llmq_entry_t e = queue_entry("more", _i, 1, 0);

    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    queue_put(q, "c", _i, 1, 0);
    queue_put(q, "d", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
    ck_assert_int_eq(queue_state(q, "more"), LLMQ_ENTRY_FREE);
    ck_assert_int_eq(llmq_queue_needs_rebuild(q), 0);
    ck_assert_str_eq(queue_take_ids(q, 1), "a");
    ck_assert_int_ne(llmq_queue_needs_rebuild(q), 0);
    llmq_queue_rebuild_begin(q);
    queue_put(q, "more", _i, 1, 0);
    llmq_queue_rebuild_end(q, 1);
    ck_assert_int_eq(llmq_queue_needs_rebuild(q), 0);
    ck_queue(q);
}
END_TEST

START_TEST(put_into_a_full_segment_is_remembered_and_gives_the_place_back)
{
    llmq_queue_t *q = queue_rig(1, 1)->q;
    apr_uint32_t i, capacity = 4 * 2 + 1 + 1024;
    llmq_entry_t e;

    /* Places are forgotten and used after all: the only way beyond the bound. */
    for (i = 0; i < capacity + 5; i++) {
        e = queue_entry(apr_psprintf(test_pool, "e%u", i), _i, i, i % 3);
        ck_assert_int_eq(llmq_queue_put(q, &e, 1, LLMQ_PUT_ADMITTED), APR_SUCCESS);
    }
    ck_queue(q);
    ck_assert_int_eq(queue_state(q, e.id), LLMQ_ENTRY_FREE);
    ck_assert_int_eq(llmq_queue_needs_rebuild(q), 0);
    for (i = 0; i < capacity; i++)
        ck_assert_int_eq(llmq_queue_cancel(q, apr_psprintf(test_pool, "e%u", i)), 0);
    ck_queue(q);
    ck_assert_int_ne(llmq_queue_needs_rebuild(q), 0);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
}
END_TEST

START_TEST(running_entries_are_put_as_they_are)
{
    llmq_queue_t *q = queue_rig(2, 2)->q;
    llmq_entry_t e = queue_entry("run", _i, 1, 5), again = queue_entry("run2", _i, 1, 5);
    llmq_queue_ack_t ack = {.id = "run", .attempt = 4, .how = LLMQ_ACK_COMPLETED};

    e.owner = again.owner = 99;
    e.taken_at = again.taken_at = QUEUE_NOW;
    e.attempt = 4;
    queue_put(q, "next", _i, 1, 5);
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, LLMQ_PUT_RUNNING), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_put(q, &again, 1, LLMQ_PUT_RUNNING), APR_SUCCESS);
    ck_queue(q);
    ck_assert_int_eq(queue_state(q, "next"), LLMQ_ENTRY_BLOCKED);
    ck_assert_int_eq(queue_state(q, "run2"), LLMQ_ENTRY_FREE);
    ck_assert_int_eq(queue_found(q, "run")->taken_at, QUEUE_NOW);
    ck_assert_uint_eq(queue_found(q, "run")->owner, 99);
    ck_assert_int_eq(llmq_queue_ack(q, &ack, 1), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "next");
    ck_queue(q);
}
END_TEST

TCase *case_queue_put(void)
{
    TCase *tc = test_case("queue_put");

    tcase_add_loop_test(tc, put_skips_an_id_that_is_there, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, put_refuses_what_has_no_id_or_level_and_takes_the_rest, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, put_takes_ids_of_the_greatest_length, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc,
                        put_without_a_place_stops_at_the_bound_and_asks_for_a_walk_later,
                        1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc,
                        put_into_a_full_segment_is_remembered_and_gives_the_place_back, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, running_entries_are_put_as_they_are, 1, LLMQ_LEVEL_COUNT);
    return tc;
}
