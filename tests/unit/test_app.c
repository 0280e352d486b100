#include "core/app.h"

#include "support.h"

#define SEC APR_INT64_C(1714053834)

static llmq_app_t make(void)
{
    llmq_app_t app = {.id = "a1",
                      .tenant = "default",
                      .owner = "ann",
                      .name = "Bot \"1\"",
                      .icon = "",
                      .description = "d",
                      .summary = "",
                      .created_at = apr_time_from_sec(SEC),
                      .updated_at = apr_time_from_sec(SEC)};
    return app;
}

static void configure(llmq_app_t *app, llmq_app_status_e status)
{
    llmq_app_config_t *config = &app->config[status];

    config->id = status == LLMQ_APP_DRAFTED ? "c0" : "c1";
    config->model = "{\"dialog_round\":7}";
    config->rounds = 7;
    config->memory = LLMQ_APP_MEMORY_LONG_TERM;
    config->created_at = apr_time_from_sec(SEC + 1);
    config->updated_at = apr_time_from_sec(SEC + 2);
}

static const char *text_of(const llmq_app_t *app)
{
    llmq_text_t t;

    llmq_text_init(&t, 16, test_pool);
    llmq_app_write(&t, app);
    return t.data;
}

START_TEST(a_new_app_has_nothing)
{
    llmq_app_t app = make();

    ck_assert_str_eq(text_of(&app),
                     "{\"id\":\"a1\",\"name\":\"Bot \\\"1\\\"\",\"icon\":\"\","
                     "\"description\":\"d\",\"published_app_config_id\":null,"
                     "\"drafted_app_config_id\":null,\"debug_conversation_id\":null,"
                     "\"published_app_config\":null,\"drafted_app_config\":null,"
                     "\"updated_at\":1714053834,\"created_at\":1714053834}");
}
END_TEST

START_TEST(ids_are_those_of_the_configurations)
{
    llmq_app_t app = make();

    configure(&app, LLMQ_APP_DRAFTED);
    configure(&app, LLMQ_APP_PUBLISHED);
    app.conversation = "v1";
    ck_assert_str_eq(
        text_of(&app),
        "{\"id\":\"a1\",\"name\":\"Bot \\\"1\\\"\",\"icon\":\"\",\"description\":\"d\","
        "\"published_app_config_id\":\"c1\",\"drafted_app_config_id\":\"c0\","
        "\"debug_conversation_id\":\"v1\",\"published_app_config\":{\"id\":\"c1\","
        "\"model_config\":{\"dialog_round\":7},\"dialog_round\":7,"
        "\"memory_mode\":\"long_term_memory\",\"status\":\"published\",\"updated_at\":"
        "1714053836,\"created_at\":1714053835},"
        "\"drafted_app_config\":{\"id\":\"c0\",\"model_config\":{\"dialog_round\":7},"
        "\"dialog_round\":7,\"memory_mode\":\"long_term_memory\",\"status\":\"drafted\","
        "\"updated_at\":1714053836,\"created_at\":1714053835},"
        "\"updated_at\":1714053836,\"created_at\":1714053834}");
}
END_TEST

START_TEST(the_draft_counts_before_what_is_published)
{
    llmq_app_t app = make();

    ck_assert_ptr_null(llmq_app_effective(&app)->id);
    ck_assert_int_eq(llmq_app_effective(&app)->rounds, 3);
    ck_assert_int_eq(llmq_app_effective(&app)->memory, LLMQ_APP_MEMORY_NONE);
    configure(&app, LLMQ_APP_PUBLISHED);
    ck_assert_str_eq(llmq_app_effective(&app)->id, "c1");
    configure(&app, LLMQ_APP_DRAFTED);
    ck_assert_str_eq(llmq_app_effective(&app)->id, "c0");
}
END_TEST

START_TEST(modes_have_words)
{
    llmq_app_memory_e memory = LLMQ_APP_MEMORY_NONE;

    ck_assert_int_eq(llmq_app_memory_parse(&memory, "long_term_memory"), APR_SUCCESS);
    ck_assert_int_eq(memory, LLMQ_APP_MEMORY_LONG_TERM);
    ck_assert_int_eq(llmq_app_memory_parse(&memory, "None"), APR_EINVAL);
    ck_assert_int_eq(llmq_app_memory_parse(&memory, NULL), APR_EINVAL);
    ck_assert_int_eq(memory, LLMQ_APP_MEMORY_LONG_TERM);
    ck_assert_str_eq(llmq_app_memory_name(LLMQ_APP_MEMORY_NONE), "none");
    ck_assert_str_eq(llmq_app_memory_name(LLMQ_APP_MEMORY_COUNT), "unknown");
}
END_TEST

TCase *case_app(void)
{
    TCase *tc = test_case("app");

    tcase_add_test(tc, a_new_app_has_nothing);
    tcase_add_test(tc, ids_are_those_of_the_configurations);
    tcase_add_test(tc, the_draft_counts_before_what_is_published);
    tcase_add_test(tc, modes_have_words);
    return tc;
}
