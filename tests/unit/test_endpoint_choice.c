#include "support.h"

#include "backend/endpoint_choice.h"

static const llmq_balance_conf_t loyal = {LLMQ_BALANCE_ROUND_ROBIN, 1, 100};
static const llmq_balance_conf_t plain = {LLMQ_BALANCE_ROUND_ROBIN, 0, 100};

/* A group of two candidates that can take a call each. */
static int make(llmq_endpoint_choice_t *c, apr_uint64_t job, apr_uint64_t chain)
{
    llmq_endpoint_group_t g = {
        .c = {{.usable = 1, .max_concurrent = 1}, {.usable = 1, .max_concurrent = 1}}};

    return llmq_endpoint_choice_make(c, &g, 2, job, chain);
}

START_TEST(choice_brings_a_conversation_home)
{
    llmq_endpoint_choice_t *c = llmq_endpoint_choice_create(&loyal, test_pool);
    int home = make(c, 1, 7);

    ck_assert_int_eq(make(c, 2, 7), home);
    ck_assert_int_eq(make(c, 3, 8), 1 - home);
    ck_assert_int_eq(make(c, 4, 7), home);
}
END_TEST

START_TEST(choice_without_affinity_knows_no_home)
{
    llmq_endpoint_choice_t *c = llmq_endpoint_choice_create(&plain, test_pool);
    int first = make(c, 1, 7);

    ck_assert_int_eq(make(c, 2, 7), 1 - first);
}
END_TEST

START_TEST(choice_leaves_out_where_the_job_failed_until_it_is_done)
{
    llmq_endpoint_choice_t *c = llmq_endpoint_choice_create(&loyal, test_pool);
    int home = make(c, 1, 7);

    llmq_endpoint_choice_learn(c, 1, home, 0);
    ck_assert_int_eq(make(c, 1, 7), 1 - home);
    ck_assert_int_eq(make(c, 1, 9), 1 - home);
    llmq_endpoint_choice_learn(c, 1, 1 - home, 0); /* both: at least not the last one */
    ck_assert_int_eq(make(c, 1, 9), home);
    llmq_endpoint_choice_learn(c, 1, home, 1);
    ck_assert_int_eq(make(c, 1, 9), home);
    llmq_endpoint_choice_learn(c, 1, home, 0);
    ck_assert_int_eq(make(c, 1, 9), 1 - home);
}
END_TEST

START_TEST(choice_of_nothing_is_none)
{
    llmq_endpoint_choice_t *c = llmq_endpoint_choice_create(&loyal, test_pool);
    llmq_endpoint_group_t g = {.number = 0};

    ck_assert_int_eq(llmq_endpoint_choice_make(c, &g, 2, 1, 7), -1);
}
END_TEST

TCase *case_endpoint_choice(void)
{
    TCase *tc = test_case("endpoint_choice");

    tcase_add_test(tc, choice_brings_a_conversation_home);
    tcase_add_test(tc, choice_without_affinity_knows_no_home);
    tcase_add_test(tc, choice_leaves_out_where_the_job_failed_until_it_is_done);
    tcase_add_test(tc, choice_of_nothing_is_none);
    return tc;
}
