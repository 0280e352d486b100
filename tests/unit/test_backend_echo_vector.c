#include "backend/backend_echo_vector.h"

#include "base/json.h"
#include "support.h"

#include <json-c/json.h>
#include <string.h>

static struct json_object *parse(const char *json)
{
    struct json_object *value = NULL;

    ck_assert_int_eq(llmq_json_parse(&value, json, strlen(json), 8, NULL, test_pool),
                     APR_SUCCESS);
    return value;
}

static const struct {
    const char *body;
    const char *bad; /* NULL: none is */
} trials[] = {
    {"{\"input\":\"\"}", NULL},
    {"{\"input\":[1]}", NULL},
    {"{\"input\":[[1],\"a\"],\"dimensions\":1,\"encoding_format\":\"float\"}", NULL},
    {"{\"input\":null}", "input"},
    {"{\"input\":[[]]}", "input"},
    {"{\"input\":\"a\",\"dimensions\":-1}", "dimensions"},
    {"{\"input\":\"a\",\"encoding_format\":7}", "encoding_format"},
};

START_TEST(a_request_is_checked)
{
    ck_assert_pstr_eq(llmq_backend_echo_vector_check(parse(trials[_i].body)),
                      trials[_i].bad);
}
END_TEST

START_TEST(a_vector_does_not_change_with_the_time)
{
    llmq_text_t t;

    llmq_text_init(&t, 16, test_pool);
    ck_assert_int_eq(
        llmq_backend_echo_vector_list(&t, parse("{\"input\":\"a b\",\"dimensions\":2}")),
        2);
    ck_assert_str_eq(t.data, "[{\"object\":\"embedding\",\"index\":0,\"embedding\":["
                             "-0.53465605,-0.84506977]}]");
}
END_TEST

TCase *case_backend_echo_vector(void)
{
    TCase *tc = test_case("backend_echo_vector");

    tcase_add_loop_test(tc, a_request_is_checked, 0,
                        (int)(sizeof(trials) / sizeof(trials[0])));
    tcase_add_test(tc, a_vector_does_not_change_with_the_time);
    return tc;
}
