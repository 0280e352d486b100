#include "core/price.h"

#include "support.h"

static const llmq_price_conf_t prices[] = {{"small", 0.15, 0.6}, {"*", 10, 30}};

START_TEST(a_price_is_of_one_name)
{
    ck_assert_ptr_eq(llmq_price_find(prices, 2, "small"), &prices[0]);
    ck_assert_ptr_eq(llmq_price_find(prices, 2, "*"), &prices[1]);
    ck_assert_ptr_null(llmq_price_find(prices, 2, "smaller"));
    ck_assert_ptr_null(llmq_price_find(prices, 2, NULL));
    ck_assert_ptr_null(llmq_price_find(prices, 0, "small"));
}
END_TEST

START_TEST(millionths_are_tokens_by_the_price_of_a_million)
{
    ck_assert_int_eq(llmq_price_cost(&prices[1], 1000, 100), 13000);
    ck_assert_int_eq(llmq_price_cost(&prices[0], 1000000, 1000000), 750000);
    ck_assert_int_eq(llmq_price_cost(&prices[0], 3, 0), 0); /* rounded */
    ck_assert_int_eq(llmq_price_cost(&prices[0], 4, 0), 1);
    ck_assert_int_eq(llmq_price_cost(&prices[1], -1, 2), 60);
    ck_assert_int_eq(llmq_price_cost(&prices[1], -1, -1), 0);
    ck_assert_int_eq(llmq_price_cost(NULL, 1000, 1000), 0);
}
END_TEST

TCase *case_price(void)
{
    TCase *tc = test_case("price");

    tcase_add_test(tc, a_price_is_of_one_name);
    tcase_add_test(tc, millionths_are_tokens_by_the_price_of_a_million);
    return tc;
}
