#include "store_support.h"

#include "store/store_page.h"

START_TEST(a_page_is_a_limit_and_an_offset)
{
    const char *args[2];

    llmq_store_page_args(args, 1, 20, test_pool);
    ck_assert_str_eq(args[0], "20");
    ck_assert_str_eq(args[1], "0");
    llmq_store_page_args(args, APR_INT32_MAX, 100, test_pool);
    ck_assert_str_eq(args[0], "100");
    ck_assert_str_eq(args[1], "214748364600");
}
END_TEST

START_TEST(a_count_is_the_number_of_the_one_row)
{
    const char *args[] = {"nobody", "0"};
    apr_int64_t n = -1;

    store_test_open(_i);
    ck_assert_int_eq(llmq_store_page_count(&n, store_test.store, LLMQ_SQL_CENSUS_DEAD,
                                           args, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 0);
    store_test_close();
}
END_TEST

TCase *case_store_page(void)
{
    TCase *tc = test_case("store_page");

    tcase_add_test(tc, a_page_is_a_limit_and_an_offset);
    tcase_add_loop_test(tc, a_count_is_the_number_of_the_one_row, 0,
                        store_test_dialects());
    return tc;
}
