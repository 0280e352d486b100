#include "base/json_span.h"

#include "support.h"

#include <apr_strings.h>

#include <string.h>

static const struct {
    const char *text;
    const char *value; /* of "model"; NULL: there is none */
} trials[] = {
    {"{}", NULL},
    {"[]", NULL},
    {"", NULL},
    {"\"model\"", NULL},
    {"{\"model\":\"a\"}", "\"a\""},
    {" {\t\"model\" :\n \"a b\" , \"x\" : 1 } ", "\"a b\""},
    {"{\"x\":{\"model\":1},\"y\":[{\"model\":2}]}", NULL},
    {"{\"x\":\"\\\"model\\\":1\",\"model\":null}", "null"},
    {"{\"x\":\"}{][\\\\\",\"model\":-1.5e7}", "-1.5e7"},
    {"{\"model\":{\"a\":[1,\"}\"]},\"z\":true}", "{\"a\":[1,\"}\"]}"},
    {"{\"model\":1,\"models\":2,\"mode\":3,\"model\":4}", "4"},
    {"{\"mode\\u006c\":1}", "1"},
    {"{\"model\":1,\"\\u006dod\\u0065\\u006C\":2}", "2"},
    {"{\"mode\\u016c\":1}", NULL},
    {"{\"mode\\\\\":1,\"model\\u006c\":2,\"mod\\u0065\":3}", NULL},
    {"{\"mode\\u006", NULL},
    {"{\"mode\\u006\":1}", NULL},
    {"{\"model\":[]", "[]"},
    {"{\"model\":\"cut", "\"cut"},
    {"{\"model\"", NULL},
    {"{\"model\":", NULL},
};

START_TEST(a_member_is_found_wherever_it_stands)
{
    llmq_json_span_t value = {NULL, 0};
    const char *text = trials[_i].text;
    char *copy = apr_pmemdup(test_pool, text, strlen(text) ? strlen(text) : 1);
    int found = llmq_json_span(&value, copy, strlen(text), "model");

    ck_assert_int_eq(found != 0, trials[_i].value != NULL);
    if (found) {
        ck_assert_str_eq(apr_pstrmemdup(test_pool, value.at, value.len),
                         trials[_i].value);
    }
    else {
        ck_assert_ptr_null(value.at);
    }
}
END_TEST

TCase *case_json_span(void)
{
    TCase *tc = test_case("json_span");

    tcase_add_loop_test(tc, a_member_is_found_wherever_it_stands, 0,
                        (int)(sizeof(trials) / sizeof(trials[0])));
    return tc;
}
