#include "core/model.h"

#include "support.h"

#include <apr_strings.h>

START_TEST(a_model_is_found_by_its_whole_name)
{
    llmq_models_t models = {.n = 0};

    llmq_model_add(&models, "gpt-4o", test_pool)->backends = 5;
    llmq_model_add(&models, "gpt-4o-mini", test_pool)->backends = 2;
    ck_assert_uint_eq(llmq_model_find(&models, "gpt-4o")->backends, 5);
    ck_assert_uint_eq(llmq_model_find(&models, "gpt-4o-mini")->backends, 2);
    ck_assert_ptr_null(llmq_model_find(&models, "gpt-4"));
    ck_assert_ptr_null(llmq_model_find(&models, "GPT-4o"));
    ck_assert_ptr_null(llmq_model_find(&models, NULL));
}
END_TEST

START_TEST(adding_a_known_model_gives_it_as_it_is)
{
    llmq_models_t models = {.n = 0};

    llmq_model_add(&models, "a", test_pool)->backends = 1;
    ck_assert_uint_eq(llmq_model_add(&models, "a", test_pool)->backends, 1);
    ck_assert_int_eq(models.n, 1);
}
END_TEST

START_TEST(there_are_as_many_as_the_table_holds)
{
    llmq_models_t models = {.n = 0};
    int i;

    for (i = 0; i < LLMQ_MODELS_MAX; i++)
        ck_assert_ptr_nonnull(llmq_model_add(&models, apr_itoa(test_pool, i), test_pool));
    ck_assert_ptr_null(llmq_model_add(&models, "one more", test_pool));
    ck_assert_ptr_nonnull(llmq_model_add(&models, "7", test_pool));
}
END_TEST

START_TEST(the_list_is_as_openai_has_it)
{
    llmq_models_t models = {.n = 0, .since = apr_time_from_sec(1700000000)};
    llmq_text_t t;

    llmq_text_init(&t, 16, test_pool);
    llmq_model_list(&t, &models);
    ck_assert_str_eq(t.data, "{\"object\":\"list\",\"data\":[]}");
    llmq_model_add(&models, "a", test_pool);
    llmq_model_add(&models, "b", test_pool);
    t.len = 0;
    llmq_model_list(&t, &models);
    ck_assert_str_eq(t.data, "{\"object\":\"list\",\"data\":["
                             "{\"id\":\"a\",\"object\":\"model\",\"created\":1700000000,"
                             "\"owned_by\":\"llmq\"},"
                             "{\"id\":\"b\",\"object\":\"model\",\"created\":1700000000,"
                             "\"owned_by\":\"llmq\"}]}");
}
END_TEST

TCase *case_model(void)
{
    TCase *tc = test_case("model");

    tcase_add_test(tc, a_model_is_found_by_its_whole_name);
    tcase_add_test(tc, adding_a_known_model_gives_it_as_it_is);
    tcase_add_test(tc, there_are_as_many_as_the_table_holds);
    tcase_add_test(tc, the_list_is_as_openai_has_it);
    return tc;
}
