#include "support.h"

#include "backend/backend_echo.h"

#include <apr_strings.h>

#include <string.h>

static const llmq_backend_conf_t conf = {.name = "echo", .kind = LLMQ_BACKEND_ECHO};

static llmq_call_t *ask(const char *messages)
{
    llmq_call_t *call = apr_pcalloc(test_pool, sizeof(*call));

    call->backend = &conf;
    call->id = "msg_1";
    call->messages = messages;
    call->pool = test_pool;
    call->ok = -1;
    llmq_backend_echo_answer(call);
    return call;
}

START_TEST(echo_contains_the_prompt)
{
    llmq_call_t *call =
        ask("[{\"role\":\"user\",\"content\":\"Hello \\\"W\\u00f6rld\\\"\"}]");

    ck_assert_int_eq(call->ok, 1);
    ck_assert_str_eq(call->content, "Echo: Hello \"W\xC3\xB6rld\"");
    ck_assert_str_eq(call->model, "echo");
    ck_assert_str_eq(call->finish_reason, "stop");
}
END_TEST

START_TEST(echo_repeats_the_last_user_message)
{
    llmq_call_t *call = ask("[{\"role\":\"system\",\"content\":\"be brief\"},"
                            "{\"role\":\"user\",\"content\":\"first\"},"
                            "{\"role\":\"user\",\"content\":\"second one\"},"
                            "{\"role\":\"assistant\",\"content\":\"third\"}]");

    ck_assert_int_eq(call->ok, 1);
    ck_assert_str_eq(call->content, "Echo: second one");
}
END_TEST

START_TEST(echo_counts_the_words_of_all_messages)
{
    llmq_call_t *call = ask("[{\"role\":\"system\",\"content\":\" be  brief\\n\"},"
                            "{\"role\":\"user\",\"content\":\"one\\ttwo\\r\\nthree\"}]");

    ck_assert_int_eq(call->prompt_tokens, 5);
    ck_assert_int_eq(call->completion_tokens, 4);
}
END_TEST

START_TEST(echo_answers_the_same_each_time)
{
    const char *messages = "[{\"role\":\"user\",\"content\":\"again and again\"}]";

    ck_assert_str_eq(ask(messages)->content, ask(messages)->content);
    ck_assert_int_eq(ask(messages)->prompt_tokens, 3);
}
END_TEST

START_TEST(echo_answers_where_no_user_speaks)
{
    static const char *const texts[] = {
        "[]",
        "[{\"role\":\"system\",\"content\":\"\"}]",
        "[null,1,\"user\",[]]",
        "[{\"role\":\"user\",\"content\":null}]",
        "[{\"role\":\"user\"}]",
        "[{\"role\":\"user\",\"content\":\"\"}]",
    };
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        llmq_call_t *call = ask(texts[i]);

        ck_assert_int_eq(call->ok, 1);
        ck_assert_str_eq(call->content, "Echo: ");
        ck_assert_int_eq(call->prompt_tokens, 0);
        ck_assert_int_eq(call->completion_tokens, 1);
    }
}
END_TEST

START_TEST(echo_refuses_what_is_no_array)
{
    static const char *const texts[] = {
        NULL, "", "{}", "null", "[", "[{]", "\"user\"", "[] []", "[\"\xff\"]",
    };
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        llmq_call_t *call = ask(texts[i]);

        ck_assert_int_eq(call->ok, 0);
        ck_assert_int_eq(call->failure.kind, LLMQ_FAILURE_REQUEST);
        ck_assert_ptr_nonnull(call->error);
    }
}
END_TEST

TCase *case_backend_echo(void)
{
    TCase *tc = test_case("backend_echo");

    tcase_add_test(tc, echo_contains_the_prompt);
    tcase_add_test(tc, echo_repeats_the_last_user_message);
    tcase_add_test(tc, echo_counts_the_words_of_all_messages);
    tcase_add_test(tc, echo_answers_the_same_each_time);
    tcase_add_test(tc, echo_answers_where_no_user_speaks);
    tcase_add_test(tc, echo_refuses_what_is_no_array);
    return tc;
}
