#include "support.h"

#include "core/completion_input.h"

#include <string.h>

static llmq_completion_input_t in;
static llmq_result_t why;

static apr_status_t read_text(llmq_completion_e what, const char *text)
{
    struct json_object *body = NULL;

    memset(&why, 0, sizeof(why));
    ck_assert_int_eq(llmq_json_parse(&body, text, strlen(text), 64, NULL, test_pool),
                     APR_SUCCESS);
    return llmq_completion_input_read(&in, what, body, &why);
}

START_TEST(chat)
{
    ck_assert_int_eq(
        read_text(
            LLMQ_COMPLETION_CHAT,
            "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
            "{\"role\":\"user\",\"content\":\"hello\"},{\"role\":\"tool\"}],"
            "\"stream\":true,\"stream_options\":{\"include_usage\":true},"
            "\"service_tier\":\"flex\",\"user\":\"u1\",\"other\":[1,{}]}"),
        APR_SUCCESS);
    ck_assert_str_eq(in.model, "m");
    ck_assert_str_eq(in.text, "hello");
    ck_assert_str_eq(in.user, "u1");
    ck_assert_int_eq(in.request.stream, 1);
    ck_assert_int_eq(in.level, LLMQ_LEVEL_LOW);
    ck_assert_int_eq(
        read_text(LLMQ_COMPLETION_CHAT,
                  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":["
                  "{\"type\":\"image_url\"},{\"type\":\"text\",\"text\":\"look\"}]}],"
                  "\"stream\":null,\"stream_options\":null,\"service_tier\":null}"),
        APR_SUCCESS);
    ck_assert_str_eq(in.text, "look");
    ck_assert_int_eq(in.request.stream, 0);
    ck_assert_int_eq(in.level, LLMQ_LEVEL_NONE);
    ck_assert_ptr_null(in.user);
}
END_TEST

START_TEST(others)
{
    ck_assert_int_eq(
        read_text(LLMQ_COMPLETION_TEXT,
                  "{\"model\":\"m\",\"prompt\":\"p\",\"service_tier\":\"priority\"}"),
        APR_SUCCESS);
    ck_assert_str_eq(in.text, "p");
    ck_assert_int_eq(in.level, LLMQ_LEVEL_HIGH);
    ck_assert_int_eq(read_text(LLMQ_COMPLETION_EMBEDDINGS,
                               "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}"),
                     APR_SUCCESS);
    ck_assert_str_eq(in.text, "a");
    ck_assert_int_eq(
        read_text(LLMQ_COMPLETION_EMBEDDINGS, "{\"model\":\"m\",\"input\":[1,2]}"),
        APR_SUCCESS);
    ck_assert_str_eq(in.text, "");
}
END_TEST

#define CHAT "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]"

START_TEST(what_is_wrong_is_named)
{
    static const struct {
        llmq_completion_e what;
        const char *body;
        const char *field;
        const char *code;
    } rows[] = {
        {LLMQ_COMPLETION_CHAT, "[]", NULL, "invalid_type"},
        {LLMQ_COMPLETION_CHAT, "{" CHAT "}", "model", "missing_required_parameter"},
        {LLMQ_COMPLETION_CHAT, "{\"model\":\"\"," CHAT "}", "model", "invalid_value"},
        {LLMQ_COMPLETION_CHAT, "{\"model\":7," CHAT "}", "model", "invalid_type"},
        {LLMQ_COMPLETION_CHAT, "{\"model\":\"m\"}", "messages",
         "missing_required_parameter"},
        {LLMQ_COMPLETION_CHAT, "{\"model\":\"m\",\"messages\":[]}", "messages",
         "empty_array"},
        {LLMQ_COMPLETION_CHAT, "{\"model\":\"m\",\"messages\":\"x\"}", "messages",
         "invalid_type"},
        {LLMQ_COMPLETION_CHAT, "{\"model\":\"m\",\"messages\":[\"x\"]}", "messages[0]",
         "invalid_type"},
        {LLMQ_COMPLETION_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"a\"},{}]}",
         "messages[1].role", "missing_required_parameter"},
        {LLMQ_COMPLETION_CHAT, "{\"model\":\"m\"," CHAT ",\"stream\":1}", "stream",
         "invalid_type"},
        {LLMQ_COMPLETION_CHAT, "{\"model\":\"m\"," CHAT ",\"stream_options\":{}}",
         "stream_options", NULL},
        {LLMQ_COMPLETION_CHAT,
         "{\"model\":\"m\"," CHAT ",\"stream\":true,\"stream_options\":[]}",
         "stream_options", "invalid_type"},
        {LLMQ_COMPLETION_CHAT, "{\"model\":\"m\"," CHAT ",\"service_tier\":1}",
         "service_tier", "invalid_type"},
        {LLMQ_COMPLETION_TEXT, "{\"model\":\"m\"}", "prompt",
         "missing_required_parameter"},
        {LLMQ_COMPLETION_TEXT, "{\"model\":\"m\",\"prompt\":[]}", "prompt",
         "empty_array"},
        {LLMQ_COMPLETION_EMBEDDINGS, "{\"model\":\"m\",\"input\":{}}", "input",
         "invalid_type"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(read_text(rows[i].what, rows[i].body), LLMQ_EBODY);
        ck_assert_int_eq(why.problem, LLMQ_PROBLEM_REQUEST);
        ck_assert_pstr_eq(why.field, rows[i].field);
        ck_assert_pstr_eq(why.code, rows[i].code);
        ck_assert_ptr_nonnull(why.reason);
    }
}
END_TEST

TCase *case_completion_input(void)
{
    TCase *tc = test_case("completion_input");

    tcase_add_test(tc, chat);
    tcase_add_test(tc, others);
    tcase_add_test(tc, what_is_wrong_is_named);
    return tc;
}
