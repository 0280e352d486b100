#include "support.h"

#include "core/priority.h"

#include <string.h>

static const struct {
    llmq_level_e level;
    const char *word;
    const char *queue;
} words[] = {
    {LLMQ_LEVEL_REALTIME, "realtime", "realtime_priority"},
    {LLMQ_LEVEL_HIGH, "high", "high_priority"},
    {LLMQ_LEVEL_NORMAL, "normal", "normal_priority"},
    {LLMQ_LEVEL_LOW, "low", "low_priority"},
};

START_TEST(each_level_has_its_word_and_queue)
{
    llmq_level_e level = LLMQ_LEVEL_NONE;

    ck_assert_str_eq(llmq_priority_name(words[_i].level), words[_i].word);
    ck_assert_str_eq(llmq_priority_queue_name(words[_i].level), words[_i].queue);
    ck_assert_int_eq(llmq_priority_parse(&level, words[_i].word), APR_SUCCESS);
    ck_assert_int_eq(level, words[_i].level);
}
END_TEST

START_TEST(other_words_are_einval)
{
    static const char *const others[] = {"",    "none",  "Normal", "urgent", "normal ",
                                         "hig", "highx", "1",      "0",      NULL};
    llmq_level_e level = LLMQ_LEVEL_LOW;
    apr_size_t i;

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ck_assert_int_eq(llmq_priority_parse(&level, others[i]), APR_EINVAL);
        ck_assert_int_eq(level, LLMQ_LEVEL_LOW);
    }
}
END_TEST

START_TEST(a_level_out_of_range_has_a_word_that_is_no_level)
{
    static const int odd[] = {LLMQ_LEVEL_NONE, LLMQ_LEVEL_COUNT, -1, 99};
    llmq_level_e level;
    apr_size_t i;

    for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        ck_assert_int_eq(
            llmq_priority_parse(&level, llmq_priority_name((llmq_level_e)odd[i])),
            APR_EINVAL);
        ck_assert_ptr_nonnull(llmq_priority_queue_name((llmq_level_e)odd[i]));
    }
}
END_TEST

START_TEST(the_walk_over_the_levels_begins_with_the_most_urgent)
{
    int l, n = 0;

    LLMQ_EACH_LEVEL (l) {
        ck_assert_str_eq(llmq_priority_name((llmq_level_e)l), words[n].word);
        n++;
    }
    ck_assert_int_eq(n, 4);
}
END_TEST

START_TEST(a_queue_has_two_names)
{
    static const char *const bad[] = {
        "", "_priority", "High", "high_", "urgent", "high_priority_priority", "priority"};
    llmq_level_e level = LLMQ_LEVEL_NONE;
    apr_size_t i;

    ck_assert_int_eq(llmq_priority_parse_queue(&level, "high"), APR_SUCCESS);
    ck_assert_int_eq(level, LLMQ_LEVEL_HIGH);
    ck_assert_int_eq(llmq_priority_parse_queue(&level, "low_priority"), APR_SUCCESS);
    ck_assert_int_eq(level, LLMQ_LEVEL_LOW);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(llmq_priority_parse_queue(&level, bad[i]), APR_EINVAL);
    ck_assert_int_eq(level, LLMQ_LEVEL_LOW);
}
END_TEST

TCase *case_priority(void)
{
    TCase *tc = test_case("priority");

    tcase_add_loop_test(tc, each_level_has_its_word_and_queue, 0, 4);
    tcase_add_test(tc, other_words_are_einval);
    tcase_add_test(tc, a_level_out_of_range_has_a_word_that_is_no_level);
    tcase_add_test(tc, the_walk_over_the_levels_begins_with_the_most_urgent);
    tcase_add_test(tc, a_queue_has_two_names);
    return tc;
}
