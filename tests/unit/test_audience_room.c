#include "support.h"

#include "core/audience_room.h"

static const llmq_audience_conf_t conf = {1000, NULL, NULL, NULL};

START_TEST(what_is_to_do_comes_before_what_is_stuck)
{
    const llmq_audience_key_t key = {5, 1, 0, "default", "a"};
    llmq_audience_t *a;
    llmq_subject_t *s;

    ck_assert_int_eq(llmq_audience_create(&a, &conf, test_pool), APR_SUCCESS);
    s = llmq_audience_room_make(a, &key);
    ck_assert_ptr_eq(llmq_audience_room_find(a, &key), s);
    ck_assert_ptr_eq(llmq_audience_room_first(a, 5), s);
    llmq_audience_room_list(a, s, LLMQ_AUDIENCE_STUCK);
    ck_assert_int_ne(llmq_audience_is_stuck(a), 0);
    llmq_audience_room_list(a, s, LLMQ_AUDIENCE_BEHIND);
    ck_assert_int_eq(llmq_audience_is_stuck(a), 0);
    llmq_audience_room_list(a, s, LLMQ_AUDIENCE_STUCK);
    ck_assert_int_ne(llmq_audience_has_todo(a), 0);
    llmq_audience_room_drop(a, s);
    ck_assert_int_eq(llmq_audience_has_todo(a), 0);
    ck_assert_ptr_null(llmq_audience_room_find(a, &key));
}
END_TEST

START_TEST(pinned_ones_stay)
{
    const llmq_audience_key_t key = {5, 1, 0, "default", "a"};
    llmq_audience_t *a;
    llmq_subject_t *s;

    ck_assert_int_eq(llmq_audience_create(&a, &conf, test_pool), APR_SUCCESS);
    s = llmq_audience_room_make(a, &key);
    s->pins = 1;
    llmq_audience_room_drop(a, s);
    ck_assert_ptr_eq(llmq_audience_room_find(a, &key), s);
    llmq_audience_release(a, s);
    ck_assert_ptr_null(llmq_audience_room_find(a, &key));
}
END_TEST

TCase *case_audience_room(void)
{
    TCase *tc = test_case("audience_room");

    tcase_add_test(tc, what_is_to_do_comes_before_what_is_stuck);
    tcase_add_test(tc, pinned_ones_stay);
    return tc;
}
