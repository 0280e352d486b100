#include "core/usage_meter.h"

#include "support.h"

#include <apr_strings.h>

#include <string.h>

static llmq_usage_meter_t *meter;
static llmq_usage_figures_t got[LLMQ_USAGE_METER_MODELS + 1];

static void setup(void)
{
    meter = llmq_usage_meter_init(test_shared(llmq_usage_meter_size()));
}

static void use(const char *model, apr_uint64_t tokens)
{
    const llmq_usage_figures_t used = {
        .requests = 1, .prompt_tokens = tokens, .completion_tokens = 2, .cost = 3};

    llmq_usage_meter_add(meter, model, &used);
}

START_TEST(models_are_told_apart)
{
    ck_assert_int_eq(llmq_usage_meter_read(got, meter), 0);
    use("small", 10);
    use("big", 100);
    use("small", 5);
    ck_assert_int_eq(llmq_usage_meter_read(got, meter), 2);
    ck_assert_str_eq(got[0].model, "small");
    ck_assert_uint_eq(got[0].requests, 2);
    ck_assert_uint_eq(got[0].prompt_tokens, 15);
    ck_assert_uint_eq(got[0].completion_tokens, 4);
    ck_assert_uint_eq(got[0].cost, 6);
    ck_assert_str_eq(got[1].model, "big");
    llmq_usage_meter_init(meter);
    ck_assert_int_eq(llmq_usage_meter_read(got, meter), 2);
}
END_TEST

/* One of them may call itself so. */
START_TEST(more_than_so_many_are_others)
{
    char name[LLMQ_USAGE_METER_NAME + 1];
    int i;

    use("other", 1);
    for (i = 0; i < LLMQ_USAGE_METER_MODELS + 7; i++) {
        use(apr_itoa(test_pool, i), 1);
    }
    memset(name, 'm', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    use(name, 1);
    ck_assert_int_eq(llmq_usage_meter_read(got, meter), LLMQ_USAGE_METER_MODELS + 1);
    ck_assert_str_eq(got[LLMQ_USAGE_METER_MODELS].model, "other");
    ck_assert_uint_eq(got[LLMQ_USAGE_METER_MODELS].requests, 1 + 7 + 1);
}
END_TEST

START_TEST(who_is_limited_is_counted_by_reason_and_action)
{
    llmq_usage_meter_limit(NULL, LLMQ_LIMITED_RATE, 0);
    llmq_usage_meter_limit(meter, LLMQ_LIMITED_TOKENS, 0);
    llmq_usage_meter_limit(meter, LLMQ_LIMITED_TOKENS, 1);
    llmq_usage_meter_limit(meter, LLMQ_LIMITED_TOKENS, 1);
    ck_assert_uint_eq(llmq_usage_meter_limited(meter, LLMQ_LIMITED_TOKENS, 0), 1);
    ck_assert_uint_eq(llmq_usage_meter_limited(meter, LLMQ_LIMITED_TOKENS, 1), 2);
    ck_assert_uint_eq(llmq_usage_meter_limited(meter, LLMQ_LIMITED_RATE, 0), 0);
    ck_assert_str_eq(llmq_usage_meter_reason(LLMQ_LIMITED_TOKENS), "tokens");
}
END_TEST

TCase *case_usage_meter(void)
{
    TCase *tc = test_case("usage_meter");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, models_are_told_apart);
    tcase_add_test(tc, more_than_so_many_are_others);
    tcase_add_test(tc, who_is_limited_is_counted_by_reason_and_action);
    return tc;
}
