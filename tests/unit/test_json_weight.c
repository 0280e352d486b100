#include "base/json_weight.h"

#include "base/text.h"
#include "support.h"

#include <string.h>

static apr_uint64_t weigh(const char *text)
{
    return llmq_json_weight(text, strlen(text));
}

START_TEST(what_is_more_weighs_more)
{
    static const char *const rising[] = {"0",
                                         "[]",
                                         "[0,0]",
                                         "{}",
                                         "{\"a\":0}",
                                         "[{}]",
                                         "{\"a\":0,\"b\":0}",
                                         "{\"a\":{}}",
                                         "{\"a\":{},\"b\":{}}"};
    apr_size_t i;

    for (i = 1; i < sizeof(rising) / sizeof(rising[0]); i++) {
        ck_assert_uint_gt(weigh(rising[i]), weigh(rising[i - 1]));
    }
}
END_TEST

START_TEST(strings_weigh_what_a_value_does)
{
    apr_uint64_t one = weigh("0");

    ck_assert_uint_eq(weigh("\"\""), one);
    ck_assert_uint_eq(weigh("\"{[,:,]}\""), one);
    ck_assert_uint_eq(weigh("\"\\\"{[,:\""), one);
    ck_assert_uint_eq(weigh("\"\\\\\""), one);
    ck_assert_uint_gt(weigh("[\"\\\\\",0]"), weigh("[\"\\\\\"]"));
}
END_TEST

START_TEST(what_is_cut_is_weighed_up_to_there)
{
    ck_assert_uint_eq(weigh(""), weigh("0"));
    ck_assert_uint_eq(weigh("\"{"), weigh("0"));
    ck_assert_uint_eq(weigh("\"\\"), weigh("0"));
    ck_assert_uint_eq(llmq_json_weight("\"\\\"{", 2), weigh("0"));
}
END_TEST

static const char *const repeated[] = {"{},",   "[],",        "0,",        "\"\",",
                                       "[{}],", "{\"\":{}},", "{\"\":[]},"};

/* Or texts that are not even looked at could be over the limit. */
START_TEST(no_byte_weighs_more_than_is_said)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 4096, test_pool);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < 1000; i++) {
        llmq_text_add(&t, repeated[_i], strlen(repeated[_i]));
    }
    LLMQ_TEXT_LIT(&t, "0]");
    ck_assert_uint_le(llmq_json_weight(t.data, t.len), LLMQ_JSON_WEIGHT_MOST * t.len);
    ck_assert_int_eq(
        llmq_json_weight_is_over(t.data, t.len, llmq_json_weight(t.data, t.len)), 0);
    ck_assert_int_ne(
        llmq_json_weight_is_over(t.data, t.len, llmq_json_weight(t.data, t.len) - 1), 0);
}
END_TEST

TCase *case_json_weight(void)
{
    TCase *tc = test_case("json_weight");

    tcase_add_test(tc, what_is_more_weighs_more);
    tcase_add_test(tc, strings_weigh_what_a_value_does);
    tcase_add_test(tc, what_is_cut_is_weighed_up_to_there);
    tcase_add_loop_test(tc, no_byte_weighs_more_than_is_said, 0,
                        (int)(sizeof(repeated) / sizeof(repeated[0])));
    return tc;
}
