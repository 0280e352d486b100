#include "backend/backend_echo_ask.h"

#include "base/json.h"
#include "support.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

static llmq_raw_t raw;
static llmq_call_t call;
static llmq_backend_echo_ask_t asked;
static const char *param;

static const char *look(int is_chat, const char *body)
{
    call = (llmq_call_t){.raw = &raw, .id = "c1", .pool = test_pool};
    asked = (llmq_backend_echo_ask_t){.call = &call, .is_chat = is_chat, .model = "m"};
    ck_assert_int_eq(
        llmq_json_parse(&asked.body, body, strlen(body), 64, NULL, test_pool),
        APR_SUCCESS);
    param = NULL;
    return llmq_backend_echo_ask_read(&asked, &param);
}

START_TEST(each_prompt_has_n_answers)
{
    ck_assert_ptr_null(look(0, "{\"prompt\":[\"a\",\"b c\"],\"n\":2}"));
    ck_assert_int_eq(asked.n_answers, 4);
    ck_assert_str_eq(llmq_backend_echo_ask_answer(&asked, 1), "Echo: a");
    ck_assert_str_eq(llmq_backend_echo_ask_answer(&asked, 2), "Echo: b c");
    ck_assert_int_eq(call.prompt_tokens, 3);
    ck_assert_int_eq(call.completion_tokens, 10);
    ck_assert_uint_eq(asked.bytes, 2 * (strlen("Echo: a") + strlen("Echo: b c")));
}
END_TEST

START_TEST(tokens_are_prompts_that_say_nothing)
{
    ck_assert_ptr_null(look(0, "{\"prompt\":[1,2,3]}"));
    ck_assert_int_eq(asked.n_answers, 1);
    ck_assert_str_eq(llmq_backend_echo_ask_answer(&asked, 0), "Echo: ");
    ck_assert_ptr_null(look(0, "{\"prompt\":[[1,2],[3]]}"));
    ck_assert_int_eq(asked.n_answers, 2);
}
END_TEST

START_TEST(a_chat_has_one_prompt)
{
    ck_assert_ptr_null(look(1, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
                               "{\"role\":\"assistant\",\"content\":\"b c\"}]}"));
    ck_assert_int_eq(asked.n_answers, 1);
    ck_assert_str_eq(llmq_backend_echo_ask_answer(&asked, 0), "Echo: a");
    ck_assert_int_eq(call.prompt_tokens, 3);
}
END_TEST

static const struct {
    int is_chat;
    const char *body;
    const char *param;
} bad[] = {
    {1, "{\"prompt\":\"a\"}", "messages"},    {1, "{\"messages\":[]}", "messages"},
    {0, "{\"messages\":[]}", "prompt"},       {0, "{\"prompt\":[]}", "prompt"},
    {0, "{\"prompt\":{}}", "prompt"},         {0, "{\"prompt\":\"a\",\"n\":0}", "n"},
    {0, "{\"prompt\":\"a\",\"n\":129}", "n"}, {0, "{\"prompt\":\"a\",\"n\":1.0}", "n"},
};

START_TEST(what_cannot_be_answered_is_named)
{
    ck_assert_ptr_nonnull(look(bad[_i].is_chat, bad[_i].body));
    ck_assert_str_eq(param, bad[_i].param);
}
END_TEST

/* @return a prompt of so many bytes, asked for n times */
static const char *long_body(int n, int len)
{
    char *text = apr_palloc(test_pool, (apr_size_t)len + 1);

    memset(text, 'x', (apr_size_t)len);
    text[len] = '\0';
    return apr_psprintf(test_pool, "{\"n\":%d,\"prompt\":\"%s\"}", n, text);
}

START_TEST(all_answers_together_are_bounded)
{
    raw = (llmq_raw_t){.stream = 0};
    ck_assert_ptr_null(look(0, long_body(32, 65536)));
    ck_assert_ptr_nonnull(look(0, long_body(128, 300000)));
    ck_assert_str_eq(param, "n");
    raw = (llmq_raw_t){.stream = 1, .room = 1048576};
    ck_assert_ptr_nonnull(look(0, long_body(32, 65536)));
    ck_assert_str_eq(param, "n");
    ck_assert_ptr_null(look(0, long_body(1, 1000000)));
    ck_assert_ptr_nonnull(look(0, long_body(1, 1048576)));
    ck_assert_str_eq(param, "prompt");
    raw = (llmq_raw_t){.stream = 0};
}
END_TEST

START_TEST(the_less_room_the_longer_are_the_steps)
{
    raw = (llmq_raw_t){.stream = 1, .room = 1048576};
    ck_assert_ptr_null(look(0, "{\"prompt\":\"a b c d e f\"}"));
    ck_assert_int_eq(asked.step, 1);
    raw.room = 2000;
    ck_assert_ptr_null(look(0, "{\"prompt\":\"a b c d e f\"}"));
    ck_assert_int_gt(asked.step, 1);
    raw.room = 1000;
    ck_assert_ptr_nonnull(look(0, "{\"prompt\":\"a b c d e f\"}"));
    raw = (llmq_raw_t){.stream = 0};
}
END_TEST

TCase *case_backend_echo_ask(void)
{
    TCase *tc = test_case("backend_echo_ask");

    tcase_add_test(tc, each_prompt_has_n_answers);
    tcase_add_test(tc, tokens_are_prompts_that_say_nothing);
    tcase_add_test(tc, a_chat_has_one_prompt);
    tcase_add_loop_test(tc, what_cannot_be_answered_is_named, 0,
                        (int)(sizeof(bad) / sizeof(bad[0])));
    tcase_add_test(tc, all_answers_together_are_bounded);
    tcase_add_test(tc, the_less_room_the_longer_are_the_steps);
    return tc;
}
