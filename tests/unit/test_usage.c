#include "core/usage.h"

#include "support.h"

static const llmq_usage_t usage = {
    .day = 20412,
    .tenant = "acme",
    .caller = "anne",
    .model = "small",
    .api_key = "",
    .sum = {.requests = 3, .prompt_tokens = 10, .completion_tokens = 5, .cost = 1500000}};

START_TEST(a_day_is_one_of_the_calendar)
{
    char day[LLMQ_USAGE_DAY_SIZE];

    llmq_usage_day(day, 0);
    ck_assert_str_eq(day, "1970-01-01");
    llmq_usage_day(day, 20412);
    ck_assert_str_eq(day, "2025-11-20");
}
END_TEST

START_TEST(a_row_tells_what_it_is_of)
{
    llmq_text_t t;

    llmq_text_init(&t, 256, test_pool);
    llmq_usage_write(&t, &usage, _i);
    ck_assert_str_eq(t.data,
                     _i ? "{\"day\":\"2025-11-20\",\"tenant\":\"acme\",\"key\":\"anne\","
                          "\"api_key\":null,\"model\":\"small\",\"requests\":3,"
                          "\"prompt_tokens\":10,\"completion_tokens\":5,"
                          "\"total_tokens\":15,\"cost\":1.5}"
                        : "{\"day\":\"2025-11-20\",\"key\":\"anne\",\"api_key\":null,"
                          "\"model\":\"small\",\"requests\":3,\"prompt_tokens\":10,"
                          "\"completion_tokens\":5,\"total_tokens\":15,\"cost\":1.5}");
}
END_TEST

TCase *case_usage(void)
{
    TCase *tc = test_case("usage");

    tcase_add_test(tc, a_day_is_one_of_the_calendar);
    tcase_add_loop_test(tc, a_row_tells_what_it_is_of, 0, 2);
    return tc;
}
