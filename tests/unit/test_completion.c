#include "core/completion.h"

#include "support.h"

START_TEST(what_was_written_is_read)
{
    llmq_completion_t in = {.what = (llmq_completion_e)(_i / 2), .stream = _i % 2};
    llmq_completion_t out = {.what = LLMQ_COMPLETION_COUNT, .stream = -1, .key = "?"};
    const char *text = llmq_completion_metadata(&in, test_pool);

    ck_assert_int_eq(llmq_completion_read(&out, text, test_pool), APR_SUCCESS);
    ck_assert_int_eq(out.what, in.what);
    ck_assert_int_eq(out.stream, in.stream);
    ck_assert_ptr_null(out.key);
}
END_TEST

START_TEST(a_key_travels_with_its_claim)
{
    llmq_completion_t in = {.key = "k\"1", .claim = 1LL << 40};
    llmq_completion_t out = {.what = LLMQ_COMPLETION_COUNT};
    const char *text = llmq_completion_metadata(&in, test_pool);

    ck_assert_int_eq(llmq_completion_read(&out, text, test_pool), APR_SUCCESS);
    ck_assert_str_eq(out.key, in.key);
    ck_assert_int_eq(out.claim, in.claim);
}
END_TEST

START_TEST(events_have_a_line_for_each_line)
{
    llmq_text_t t;

    llmq_text_init(&t, 16, test_pool);
    llmq_completion_event_write(&t, "{\n}", 3);
    llmq_completion_event_write(&t, LLMQ_COMPLETION_DONE, 6);
    ck_assert_str_eq(t.data, "data: {\ndata: }\n\ndata: [DONE]\n\n");
}
END_TEST

static const char *const foreign[] = {NULL,
                                      "",
                                      "{}",
                                      "[]",
                                      "{\"path\":\"/elsewhere\"}",
                                      "{\"path\":7}",
                                      "{\"path\":null,\"stream\":true}"};

START_TEST(other_metadata_are_refused)
{
    llmq_completion_t c;

    ck_assert_int_eq(llmq_completion_read(&c, foreign[_i], test_pool), APR_EINVAL);
}
END_TEST

START_TEST(an_error_is_in_openais_words)
{
    llmq_completion_error_t error = {"no \"x\"", "invalid_request_error", NULL,
                                     "model_not_found"};
    llmq_text_t t;

    llmq_text_init(&t, 16, test_pool);
    llmq_completion_error_write(&t, &error);
    ck_assert_str_eq(t.data, "{\"error\":{\"message\":\"no \\\"x\\\"\","
                             "\"type\":\"invalid_request_error\",\"param\":null,"
                             "\"code\":\"model_not_found\"}}");
}
END_TEST

TCase *case_completion(void)
{
    TCase *tc = test_case("completion");

    tcase_add_loop_test(tc, what_was_written_is_read, 0, 2 * LLMQ_COMPLETION_COUNT);
    tcase_add_loop_test(tc, other_metadata_are_refused, 0,
                        (int)(sizeof(foreign) / sizeof(foreign[0])));
    tcase_add_test(tc, a_key_travels_with_its_claim);
    tcase_add_test(tc, events_have_a_line_for_each_line);
    tcase_add_test(tc, an_error_is_in_openais_words);
    return tc;
}
