#include "support.h"

#include "core/rule_record.h"

#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

START_TEST(what_is_written_is_read_again)
{
    const llmq_rule_t written[] = {
        {"rule_1", "say \"hi\"\n\\", LLMQ_LEVEL_LOW, 1735727400000000},
        {"rule_2", "立即", LLMQ_LEVEL_REALTIME, 0},
    };
    const llmq_rule_user_t users[] = {{"o'neil \"x\"", LLMQ_LEVEL_HIGH},
                                      {"用户", LLMQ_LEVEL_LOW}};
    llmq_ruleset_t *set = llmq_ruleset_create(test_pool);
    const llmq_rule_t *rules;
    llmq_text_t t;
    int n;
    int i;

    llmq_text_init(&t, 16, test_pool);
    llmq_rule_record_write_rules(&t, written, 2);
    ck_assert_int_eq(llmq_rule_record_read_rules(set, t.data, test_pool), APR_SUCCESS);
    llmq_text_init(&t, 16, test_pool);
    llmq_rule_record_write_users(&t, users, 2);
    ck_assert_int_eq(llmq_rule_record_read_users(set, t.data, test_pool), APR_SUCCESS);
    rules = llmq_ruleset_rules(&n, set);
    ck_assert_int_eq(n, 2);
    for (i = 0; i < n; i++) {
        ck_assert_str_eq(rules[i].id, written[i].id);
        ck_assert_str_eq(rules[i].text, written[i].text);
        ck_assert_int_eq(rules[i].level, written[i].level);
        ck_assert_int_eq(rules[i].created_at, written[i].created_at);
    }
    ck_assert_int_eq(llmq_ruleset_user(set, "o'neil \"x\""), LLMQ_LEVEL_HIGH);
    ck_assert_int_eq(llmq_ruleset_user(set, "用户"), LLMQ_LEVEL_LOW);
}
END_TEST

START_TEST(nothing_is_written_as_nothing)
{
    llmq_text_t t;

    llmq_text_init(&t, 16, test_pool);
    llmq_rule_record_write_rules(&t, NULL, 0);
    llmq_rule_record_write_users(&t, NULL, 0);
    ck_assert_str_eq(t.data, "[]{}");
}
END_TEST

#define GOOD "{\"id\":\"rule_1\",\"priority\":\"low\",\"pattern\":\"x\"}"

static const char *const bad_rules[] = {
    "",
    "x",
    "null",
    "{}",
    "[1]",
    "[null]",
    "[[]]",
    "[" GOOD ",{}]",
    "[" GOOD ",{\"id\":\"r\",\"priority\":\"low\"}]",
    "[" GOOD ",{\"id\":\"r\",\"priority\":\"lowest\",\"pattern\":\"x\"}]",
    "[" GOOD ",{\"id\":\"r\",\"priority\":4,\"pattern\":\"x\"}]",
    "[" GOOD ",{\"id\":\"r\",\"priority\":\"low\",\"pattern\":\" \"}]",
    "[" GOOD ",{\"id\":\"r/\",\"priority\":\"low\",\"pattern\":\"x\"}]",
    "[" GOOD ",{\"id\":7,\"priority\":\"low\",\"pattern\":\"x\"}]",
};

START_TEST(rules_of_another_shape_are_refused_as_a_whole)
{
    llmq_ruleset_t *set = llmq_ruleset_create(test_pool);
    int n = -1;

    ck_assert_int_eq(llmq_rule_record_read_rules(set, bad_rules[_i], test_pool),
                     APR_EINVAL);
    llmq_ruleset_rules(&n, set);
    ck_assert_int_eq(n, 0);
}
END_TEST

static const char *const bad_users[] = {
    "",
    "[]",
    "null",
    "{\"ann\":\"low\",\"bob\":\"lowest\"}",
    "{\"ann\":\"low\",\"\":\"low\"}",
    "{\"ann\":\"low\",\"bob\":null}",
    "{\"ann\":\"low\"",
};

START_TEST(users_of_another_shape_are_refused_as_a_whole)
{
    llmq_ruleset_t *set = llmq_ruleset_create(test_pool);

    ck_assert_int_eq(llmq_rule_record_read_users(set, bad_users[_i], test_pool),
                     APR_EINVAL);
    ck_assert_int_eq(llmq_ruleset_user(set, "ann"), LLMQ_LEVEL_NONE);
}
END_TEST

TCase *case_rule_record(void)
{
    TCase *tc = test_case("rule_record");

    tcase_add_test(tc, what_is_written_is_read_again);
    tcase_add_test(tc, nothing_is_written_as_nothing);
    tcase_add_loop_test(tc, rules_of_another_shape_are_refused_as_a_whole, 0,
                        COUNT(bad_rules));
    tcase_add_loop_test(tc, users_of_another_shape_are_refused_as_a_whole, 0,
                        COUNT(bad_users));
    return tc;
}
