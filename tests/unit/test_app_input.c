#include "core/app_input.h"

#include "support.h"

#include "llmq.h"

#include <json-c/json.h>
#include <string.h>

static const llmq_app_conf_t conf = {10, 64, 20};

static struct json_object *parse(const char *text)
{
    struct json_object *body = NULL;

    ck_assert_int_eq(llmq_json_parse(&body, text, strlen(text), 8, NULL, test_pool),
                     APR_SUCCESS);
    return body;
}

/* The field that is to blame first. */
static const char *blamed(const llmq_result_t *why)
{
    return why->field ? why->field : "-";
}

/* ---- apps ---- */

START_TEST(fields_of_an_app)
{
    llmq_result_t why = {0};
    llmq_app_patch_t patch;

    ck_assert_int_eq(
        llmq_app_input_fields(
            &patch,
            parse("{\"name\":\"Bot\",\"icon\":\"http://x\",\"description\":null}"), &conf,
            1, &why, test_pool),
        APR_SUCCESS);
    ck_assert_str_eq(patch.name, "Bot");
    ck_assert_str_eq(patch.icon, "http://x");
    ck_assert_ptr_null(patch.description);
    ck_assert_int_eq(
        llmq_app_input_fields(&patch, parse("{}"), &conf, 0, &why, test_pool),
        APR_SUCCESS);
    ck_assert_ptr_null(patch.name);
}
END_TEST

static const struct {
    const char *body;
    int is_new;
    const char *field;
} bad_fields[] = {
    {"{}", 1, "name"},
    {"{\"name\":null}", 1, "name"},
    {"{\"name\":null}", 0, "name"},
    {"{\"name\":\" \\t\"}", 0, "name"},
    {"{\"name\":7}", 1, "name"},
    {"{\"name\":\"12345678901\"}", 1, "name"},
    {"{\"name\":\"x\",\"icon\":[]}", 1, "icon"},
    {"{\"name\":\"x\",\"description\":{}}", 1, "description"},
    {"[]", 1, "-"},
    {"null", 0, "-"},
};

START_TEST(bad_fields_are_told)
{
    llmq_result_t why = {0};
    llmq_app_patch_t patch;

    ck_assert_int_eq(llmq_app_input_fields(&patch, parse(bad_fields[_i].body), &conf,
                                           bad_fields[_i].is_new, &why, test_pool),
                     LLMQ_EBODY);
    ck_assert_str_eq(blamed(&why), bad_fields[_i].field);
    ck_assert_ptr_nonnull(why.reason);
}
END_TEST

/* ---- configurations ---- */

static const struct {
    const char *body;
    const char *model;
    int rounds;
} configs[] = {
    {"{\"model_config\":{\"dialog_round\":10},\"memory_mode\":\"long_term_memory\"}",
     "{\"dialog_round\":10}", 10},
    {"{\"model_config\":{\"dialog_round\":0},\"memory_mode\":\"long_term_memory\"}",
     "{\"dialog_round\":0}", 0},
    {"{\"dialog_round\":100,\"memory_mode\":\"long_term_memory\"}",
     "{\"dialog_round\":100}", 100},
    {"{\"dialog_round\":5,\"model_config\":{\"dialog_round\":4,\"model\":\"m\"},"
     "\"memory_mode\":\"long_term_memory\"}",
     "{\"dialog_round\":4,\"model\":\"m\"}", 4},
    {"{\"dialog_round\":5,\"model_config\":{},\"memory_mode\":\"long_term_memory\"}",
     "{\"dialog_round\":5}", 5},
};

START_TEST(a_configuration_has_its_rounds_inside)
{
    llmq_result_t why = {0};
    llmq_app_config_t config = {0};

    ck_assert_int_eq(
        llmq_app_input_config(&config, parse(configs[_i].body), &conf, &why, test_pool),
        APR_SUCCESS);
    ck_assert_str_eq(config.model, configs[_i].model);
    ck_assert_int_eq(config.rounds, configs[_i].rounds);
    ck_assert_int_eq(config.memory, LLMQ_APP_MEMORY_LONG_TERM);
}
END_TEST

#define CONFIG(rounds, memory)                                                           \
    "{\"model_config\":{\"dialog_round\":" rounds "},\"memory_mode\":" memory "}"

static const struct {
    const char *body;
    const char *field;
} bad_configs[] = {
    {CONFIG("-1", "\"none\""), "dialog_round"},
    {CONFIG("3", "\"none\",\"dialog_round\":-1"), "dialog_round"},
    {CONFIG("3", "\"none\",\"dialog_round\":\"x\""), "dialog_round"},
    {CONFIG("101", "\"none\""), "dialog_round"},
    {CONFIG("3.0", "\"none\""), "dialog_round"},
    {CONFIG("true", "\"none\""), "dialog_round"},
    {CONFIG("\"3\"", "\"none\""), "dialog_round"},
    {CONFIG("99999999999999999999", "\"none\""), "dialog_round"},
    {CONFIG("3", "\"NONE\""), "memory_mode"},
    {CONFIG("3", "1"), "memory_mode"},
    {CONFIG("3", "null"), "memory_mode"},
    {"{\"model_config\":{\"dialog_round\":3}}", "memory_mode"},
    {"{\"memory_mode\":\"none\"}", "model_config"},
    {"{\"model_config\":[],\"memory_mode\":\"none\"}", "model_config"},
    {"{\"model_config\":{},\"memory_mode\":\"none\"}", "dialog_round"},
    {"{\"model_config\":{\"dialog_round\":3,\"x\":"
     "\"0123456789012345678901234567890123456789012345678901234567890\"},"
     "\"memory_mode\":\"none\"}",
     "model_config"},
    {"7", "-"},
};

START_TEST(bad_configurations_are_told)
{
    llmq_result_t why = {0};
    llmq_app_config_t config = {0};

    ck_assert_int_eq(llmq_app_input_config(&config, parse(bad_configs[_i].body), &conf,
                                           &why, test_pool),
                     LLMQ_EBODY);
    ck_assert_str_eq(blamed(&why), bad_configs[_i].field);
}
END_TEST

START_TEST(all_fields_that_are_wrong_are_told)
{
    llmq_result_t why = {0};
    llmq_app_config_t config = {0};

    ck_assert_int_eq(
        llmq_app_input_config(&config, parse(CONFIG("-1", "7")), &conf, &why, test_pool),
        LLMQ_EBODY);
    ck_assert_int_eq(why.problem, LLMQ_PROBLEM_INVALID);
    ck_assert_int_eq(why.errors->nelts, 2);
}
END_TEST

/* ---- questions and memories ---- */

static const struct {
    const char *body;
    const char *field; /* NULL: right */
} questions[] = {
    {"{\"query\":\"LLM?\"}", NULL},
    {"{\"query\":\"12345678901234567890\"}", NULL},
    {"{\"query\":\"123456789012345678901\"}", "query"},
    {"{\"query\":\"\"}", "query"},
    {"{\"query\":\"  \"}", "query"},
    {"{\"query\":null}", "query"},
    {"{\"query\":[\"x\"]}", "query"},
    {"{}", "query"},
    {"\"x\"", "-"},
};

START_TEST(a_question_is_not_empty)
{
    llmq_result_t why = {0};
    const char *query = NULL;
    apr_status_t rv =
        llmq_app_input_query(&query, parse(questions[_i].body), &conf, &why, test_pool);

    ck_assert_int_eq(rv, questions[_i].field ? LLMQ_EBODY : APR_SUCCESS);
    if (questions[_i].field) {
        ck_assert_str_eq(blamed(&why), questions[_i].field);
    }
    else {
        ck_assert_ptr_nonnull(query);
    }
}
END_TEST

static const struct {
    const char *body;
    const char *summary; /* NULL: wrong */
} memories[] = {
    {"{\"summary\":\"likes tea\"}", "likes tea"},
    {"{\"summary\":\"\"}", ""},
    {"{\"summary\":null}", NULL},
    {"{\"summary\":1}", NULL},
    {"{}", NULL},
    {"[]", NULL},
};

START_TEST(a_memory_may_be_empty)
{
    llmq_result_t why = {0};
    const char *summary = NULL;
    apr_status_t rv = llmq_app_input_summary(&summary, parse(memories[_i].body), &conf,
                                             &why, test_pool);

    ck_assert_int_eq(rv, memories[_i].summary ? APR_SUCCESS : LLMQ_EBODY);
    ck_assert_pstr_eq(summary, memories[_i].summary);
}
END_TEST

#define N_OF(a) ((int)(sizeof(a) / sizeof((a)[0])))

TCase *case_app_input(void)
{
    TCase *tc = test_case("app_input");

    tcase_add_test(tc, fields_of_an_app);
    tcase_add_loop_test(tc, bad_fields_are_told, 0, N_OF(bad_fields));
    tcase_add_loop_test(tc, a_configuration_has_its_rounds_inside, 0, N_OF(configs));
    tcase_add_loop_test(tc, bad_configurations_are_told, 0, N_OF(bad_configs));
    tcase_add_test(tc, all_fields_that_are_wrong_are_told);
    tcase_add_loop_test(tc, a_question_is_not_empty, 0, N_OF(questions));
    tcase_add_loop_test(tc, a_memory_may_be_empty, 0, N_OF(memories));
    return tc;
}
