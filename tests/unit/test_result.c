#include "support.h"

#include "base/result.h"
#include "llmq.h"

#include <string.h>

START_TEST(set_fills_the_result_and_returns_ebody)
{
    llmq_result_t why = {0};

    ck_assert_int_eq(llmq_result_set(&why, LLMQ_PROBLEM_USER, "user_id", "is missing"),
                     LLMQ_EBODY);
    ck_assert_int_eq(why.problem, LLMQ_PROBLEM_USER);
    ck_assert_str_eq(why.field, "user_id");
    ck_assert_str_eq(why.reason, "is missing");
}
END_TEST

START_TEST(set_ignores_a_null_result)
{
    ck_assert_int_eq(llmq_result_set(NULL, LLMQ_PROBLEM_JSON, NULL, "x"), LLMQ_EBODY);
}
END_TEST

START_TEST(several_fields_are_blamed_in_one_result)
{
    llmq_result_t why = {0};
    const llmq_result_error_t *errors;

    ck_assert_int_eq(llmq_result_blame(&why, "role", "is missing", test_pool),
                     LLMQ_EBODY);
    ck_assert_int_eq(why.problem, LLMQ_PROBLEM_INVALID);
    llmq_result_blame(&why, "type", "is too long", test_pool);
    ck_assert_str_eq(why.field, "role");
    ck_assert_str_eq(why.reason, "is missing");
    ck_assert_int_eq(why.errors->nelts, 2);
    errors = (const llmq_result_error_t *)(const void *)why.errors->elts;
    ck_assert_str_eq(errors[1].field, "type");
    ck_assert_str_eq(errors[1].reason, "is too long");
    llmq_result_set(&why, LLMQ_PROBLEM_JSON, NULL, "x");
    ck_assert_ptr_null(why.errors);
}
END_TEST

START_TEST(each_problem_has_a_name_of_its_own)
{
    int i, j;

    for (i = 0; i < LLMQ_PROBLEM_COUNT; i++) {
        ck_assert_uint_gt(strlen(llmq_result_name((llmq_problem_e)i)), 0);
        for (j = 0; j < i; j++)
            ck_assert_str_ne(llmq_result_name((llmq_problem_e)i),
                             llmq_result_name((llmq_problem_e)j));
    }
    ck_assert_str_eq(llmq_result_name(LLMQ_PROBLEM_QUEUE_FULL), "queue_full");
}
END_TEST

START_TEST(a_number_that_is_no_problem_is_an_internal_error)
{
    ck_assert_str_eq(llmq_result_name(LLMQ_PROBLEM_COUNT), "internal_error");
    ck_assert_str_eq(llmq_result_name((llmq_problem_e)-1), "internal_error");
}
END_TEST

START_TEST(each_own_status_has_a_text_of_its_own)
{
    char text[100], other[100], unknown[100];
    apr_status_t rv, before;

    llmq_result_strerror(LLMQ_ESTART, unknown, sizeof(unknown));
    for (rv = LLMQ_EFULL; rv <= LLMQ_EDISK; rv++) {
        ck_assert_ptr_eq(llmq_result_strerror(rv, text, sizeof(text)), text);
        ck_assert_str_ne(text, unknown);
        for (before = LLMQ_EFULL; before < rv; before++)
            ck_assert_str_ne(text, llmq_result_strerror(before, other, sizeof(other)));
    }
}
END_TEST

START_TEST(other_statuses_have_the_text_of_apr)
{
    char text[100], apr[100];

    apr_strerror(APR_ENOENT, apr, sizeof(apr));
    ck_assert_str_eq(llmq_result_strerror(APR_ENOENT, text, sizeof(text)), apr);
}
END_TEST

START_TEST(a_text_never_leaves_its_buffer)
{
    char text[8];

    memset(text, 'x', sizeof(text));
    llmq_result_strerror(LLMQ_EFULL, text, 5);
    ck_assert_uint_eq(strlen(text), 4);
    ck_assert_mem_eq(text + 5, "xxx", 3);
    llmq_result_strerror(LLMQ_EFULL, text + 5, 0);
    ck_assert_mem_eq(text + 5, "xxx", 3);
}
END_TEST

TCase *case_result(void)
{
    TCase *tc = test_case("result");

    tcase_add_test(tc, set_fills_the_result_and_returns_ebody);
    tcase_add_test(tc, set_ignores_a_null_result);
    tcase_add_test(tc, several_fields_are_blamed_in_one_result);
    tcase_add_test(tc, each_problem_has_a_name_of_its_own);
    tcase_add_test(tc, a_number_that_is_no_problem_is_an_internal_error);
    tcase_add_test(tc, each_own_status_has_a_text_of_its_own);
    tcase_add_test(tc, other_statuses_have_the_text_of_apr);
    tcase_add_test(tc, a_text_never_leaves_its_buffer);
    return tc;
}
