#include "backend/backend_weighed.h"

#include "base/json.h"
#include "support.h"

#include <json-c/json.h>
#include <string.h>

/* [{},{},…] */
static const char *many(int n, apr_size_t *plen)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, (apr_size_t)n * 3 + 8, test_pool);
    LLMQ_TEXT_LIT(&t, "[{}");
    for (i = 1; i < n; i++) {
        LLMQ_TEXT_LIT(&t, ",{}");
    }
    LLMQ_TEXT_LIT(&t, "]");
    *plen = t.len;
    return t.data;
}

START_TEST(an_answer_is_read)
{
    struct json_object *value = NULL;
    const char *text = "{\"a\":[1,{\"b\":null}]}";

    ck_assert_int_eq(
        llmq_backend_weighed_parse(&value, text, strlen(text), strlen(text), test_pool),
        APR_SUCCESS);
    ck_assert_str_eq(llmq_json_format(value), text);
}
END_TEST

START_TEST(what_is_no_json_is_not)
{
    struct json_object *value = NULL;

    ck_assert_int_eq(llmq_backend_weighed_parse(&value, "[1", 2, 100, test_pool),
                     LLMQ_EBODY);
    ck_assert_int_eq(llmq_backend_weighed_parse(&value, "", 0, 100, test_pool),
                     LLMQ_EBODY);
    ck_assert_ptr_null(value);
}
END_TEST

START_TEST(nor_what_grows_beyond_its_limit)
{
    struct json_object *value = NULL;
    apr_size_t len;
    const char *text = many(2000, &len);

    ck_assert_int_eq(llmq_backend_weighed_parse(&value, text, len, len, test_pool),
                     LLMQ_EBODY);
    ck_assert_ptr_null(value);
    ck_assert_int_eq(llmq_backend_weighed_parse(&value, text, len, 100000, test_pool),
                     APR_SUCCESS);
    ck_assert_uint_eq(json_object_array_length(value), 2000);
}
END_TEST

START_TEST(little_ones_may_always_be)
{
    struct json_object *value = NULL;
    apr_size_t len;
    const char *text = many(500, &len);

    ck_assert_int_eq(llmq_backend_weighed_parse(&value, text, len, 1, test_pool),
                     APR_SUCCESS);
}
END_TEST

TCase *case_backend_weighed(void)
{
    TCase *tc = test_case("backend_weighed");

    tcase_add_test(tc, an_answer_is_read);
    tcase_add_test(tc, what_is_no_json_is_not);
    tcase_add_test(tc, nor_what_grows_beyond_its_limit);
    tcase_add_test(tc, little_ones_may_always_be);
    return tc;
}
