#include "support.h"

#include "base/utf8.h"
#include "core/matcher.h"
#include "core/ruleset.h"

#include <apr_strings.h>

#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static llmq_ruleset_t *set;

static void add(llmq_level_e level, const char *text)
{
    llmq_rule_t rule = {NULL, text, level, 0};

    llmq_ruleset_add(set, &rule);
}

static int hits_of(const char *content, llmq_level_e level)
{
    int hits[LLMQ_MATCHER_LABELS] = {0};
    llmq_text_t t;

    llmq_text_init(&t, 16, test_pool);
    llmq_utf8_fold(&t, content, strlen(content));
    ck_assert_int_eq(llmq_ruleset_build(set), APR_SUCCESS);
    llmq_ruleset_count(hits, set, t.data, t.len, test_pool);
    return hits[level];
}

START_TEST(rules_are_found_whatever_their_case)
{
    set = llmq_ruleset_create(test_pool);
    add(LLMQ_LEVEL_LOW, "NewsLetter");
    add(LLMQ_LEVEL_LOW, "WERBUNG für");
    add(LLMQ_LEVEL_HIGH, "Срочно");
    ck_assert_int_eq(hits_of("our newsLETTER; werbung FÜR alle", LLMQ_LEVEL_LOW), 2);
    ck_assert_int_eq(hits_of("СРОЧНО!", LLMQ_LEVEL_HIGH), 1);
    ck_assert_int_eq(hits_of("СРОЧНО!", LLMQ_LEVEL_LOW), 0);
}
END_TEST

static const struct {
    const char *word;
    llmq_level_e level;
} keywords[] = {
    {"immediate", LLMQ_LEVEL_REALTIME}, {"EMERGENCY", LLMQ_LEVEL_REALTIME},
    {"asap", LLMQ_LEVEL_REALTIME},      {"Right Now", LLMQ_LEVEL_REALTIME},
    {"立即", LLMQ_LEVEL_REALTIME},      {"马上", LLMQ_LEVEL_REALTIME},
    {"紧急", LLMQ_LEVEL_REALTIME},      {"Urgent", LLMQ_LEVEL_HIGH},
    {"important", LLMQ_LEVEL_HIGH},     {"priority", LLMQ_LEVEL_HIGH},
    {"Critical", LLMQ_LEVEL_HIGH},      {"soon", LLMQ_LEVEL_HIGH},
    {"重要", LLMQ_LEVEL_HIGH},          {"尽快", LLMQ_LEVEL_HIGH},
    {"优先", LLMQ_LEVEL_HIGH},
};

START_TEST(the_contracts_keywords_are_built_in)
{
    int l;

    set = llmq_ruleset_create(test_pool);
    llmq_ruleset_add_keywords(set);
    LLMQ_EACH_LEVEL (l)
        ck_assert_int_eq(hits_of(keywords[_i].word, (llmq_level_e)l),
                         l == (int)keywords[_i].level);
}
END_TEST

START_TEST(a_user_has_the_level_that_was_given_last)
{
    int n;
    const llmq_rule_user_t *users;

    set = llmq_ruleset_create(test_pool);
    llmq_ruleset_set_user(set, "bob", LLMQ_LEVEL_LOW);
    llmq_ruleset_set_user(set, "ann", LLMQ_LEVEL_REALTIME);
    llmq_ruleset_set_user(set, "bob", LLMQ_LEVEL_HIGH);
    ck_assert_int_eq(llmq_ruleset_user(set, "bob"), LLMQ_LEVEL_HIGH);
    ck_assert_int_eq(llmq_ruleset_user(set, "ann"), LLMQ_LEVEL_REALTIME);
    ck_assert_int_eq(llmq_ruleset_user(set, "Bob"), LLMQ_LEVEL_NONE);
    users = llmq_ruleset_users(&n, set, test_pool);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(users[0].user, "ann");
    ck_assert_str_eq(users[1].user, "bob");
    ck_assert_int_eq(users[1].level, LLMQ_LEVEL_HIGH);
}
END_TEST

START_TEST(rules_keep_their_order_and_their_names)
{
    llmq_rule_t rule = {"rule_1", "Zebra", LLMQ_LEVEL_LOW, 17};
    const llmq_rule_t *rules;
    int n;

    set = llmq_ruleset_create(test_pool);
    llmq_ruleset_add(set, &rule);
    add(LLMQ_LEVEL_HIGH, "Ape");
    llmq_ruleset_build(set);
    rules = llmq_ruleset_rules(&n, set);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(rules[0].id, "rule_1");
    ck_assert_str_eq(rules[0].text, "Zebra");
    ck_assert_int_eq(rules[0].created_at, 17);
    ck_assert_ptr_null(rules[1].id);
    ck_assert_str_eq(rules[1].text, "Ape");
}
END_TEST

START_TEST(a_text_may_be_refused)
{
    char *longest = apr_pcalloc(test_pool, LLMQ_RULE_MAX + 2);

    memset(longest, 'x', LLMQ_RULE_MAX);
    ck_assert_ptr_null(llmq_ruleset_refusal(longest));
    longest[LLMQ_RULE_MAX] = 'x';
    ck_assert_ptr_nonnull(llmq_ruleset_refusal(longest));
    ck_assert_ptr_nonnull(llmq_ruleset_refusal(""));
    ck_assert_ptr_nonnull(llmq_ruleset_refusal(" \t\xE3\x80\x80"));
    ck_assert_ptr_nonnull(llmq_ruleset_refusal("\xC3("));
    ck_assert_ptr_null(llmq_ruleset_refusal("'; DROP TABLE llmq_jobs; --"));
}
END_TEST

TCase *case_ruleset(void)
{
    TCase *tc = test_case("ruleset");

    tcase_add_test(tc, rules_are_found_whatever_their_case);
    tcase_add_loop_test(tc, the_contracts_keywords_are_built_in, 0, COUNT(keywords));
    tcase_add_test(tc, a_user_has_the_level_that_was_given_last);
    tcase_add_test(tc, rules_keep_their_order_and_their_names);
    tcase_add_test(tc, a_text_may_be_refused);
    return tc;
}
