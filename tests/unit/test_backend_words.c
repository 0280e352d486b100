#include "support.h"

#include "backend/backend_words.h"
#include "base/json.h"

#include <string.h>

static struct json_object *parse(const char *text)
{
    struct json_object *object = NULL;

    ck_assert_int_eq(llmq_json_parse(&object, text, strlen(text), 8, NULL, test_pool),
                     APR_SUCCESS);
    return object;
}

static const struct {
    const char *text;
    const char *words; /* NULL: none */
    int is_error;
} answers[] = {
    {"{}", NULL, 0},
    {"null", NULL, 0},
    {"[1]", NULL, 0},
    {"{\"error\":null}", NULL, 0},
    {"{\"error\":false}", NULL, 0},
    {"{\"error\":true}", NULL, 1},
    {"{\"error\":\"\"}", NULL, 1},
    {"{\"error\":{\"message\":\"a\"},\"message\":\"b\"}", "a", 1},
    {"{\"error\":{\"message\":7}}", NULL, 1},
    {"{\"error\":\"a\",\"message\":\"b\"}", "a", 1},
    {"{\"message\":\"b\",\"detail\":\"c\"}", "b", 0},
    {"{\"detail\":\"c\"}", "c", 0},
};

START_TEST(words_of_errors_are_found_where_servers_put_them)
{
    struct json_object *answer = parse(answers[_i].text);

    ck_assert_pstr_eq(llmq_backend_words_error(answer), answers[_i].words);
    ck_assert_int_eq(llmq_backend_words_has_error(answer), answers[_i].is_error);
}
END_TEST

static const struct {
    const char *text;
    int prompt, completion;
} usages[] = {
    {"{\"prompt_tokens\":3,\"completion_tokens\":0}", 3, 0},
    {"{\"prompt_tokens\":-3,\"completion_tokens\":\"4\"}", -1, -1},
    {"{\"completion_tokens\":5}", -1, 5},
    {"[]", -1, -1},
    {"null", -1, -1},
};

START_TEST(only_counts_that_make_sense_are_taken)
{
    int prompt = -1;
    int completion = -1;

    llmq_backend_words_usage(&prompt, &completion, parse(usages[_i].text));
    ck_assert_int_eq(prompt, usages[_i].prompt);
    ck_assert_int_eq(completion, usages[_i].completion);
}
END_TEST

START_TEST(a_text_is_there_and_not_empty)
{
    struct json_object *object = parse("{\"a\":\"x\",\"b\":\"\",\"c\":1}");

    ck_assert_pstr_eq(llmq_backend_words_get(object, "a"), "x");
    ck_assert_pstr_eq(llmq_backend_words_get(object, "b"), NULL);
    ck_assert_pstr_eq(llmq_backend_words_get(object, "c"), NULL);
    ck_assert_pstr_eq(llmq_backend_words_get(NULL, "a"), NULL);
}
END_TEST

TCase *case_backend_words(void)
{
    TCase *tc = test_case("backend_words");

    tcase_add_loop_test(tc, words_of_errors_are_found_where_servers_put_them, 0,
                        sizeof(answers) / sizeof(answers[0]));
    tcase_add_loop_test(tc, only_counts_that_make_sense_are_taken, 0,
                        sizeof(usages) / sizeof(usages[0]));
    tcase_add_test(tc, a_text_is_there_and_not_empty);
    return tc;
}
