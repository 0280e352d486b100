#include "support.h"

#include "backend/backend_http.h"

#include <string.h>

static llmq_backend_conf_t conf = {.name = "handler",
                                   .kind = LLMQ_BACKEND_HTTP,
                                   .url = "http://handler.example:81/run",
                                   .max_answer_bytes = 1000};

static llmq_call_t *call_with(const char *body)
{
    llmq_call_t *call = apr_pcalloc(test_pool, sizeof(*call));

    call->backend = &conf;
    call->id = "task_1";
    call->body = body;
    call->pool = test_pool;
    call->prompt_tokens = call->completion_tokens = -1;
    return call;
}

static llmq_call_t *read_answer(llmq_call_t *call, int status, const char *body)
{
    llmq_backend_http_t *r = llmq_backend_http_create(call);
    size_t i;

    for (i = 0; i < strlen(body); i++) {
        if (llmq_backend_http_feed(r, body + i, 1) != APR_SUCCESS) {
            break;
        }
    }
    llmq_backend_http_end(r, status);
    return call;
}

START_TEST(an_own_body_is_sent_as_it_is)
{
    llmq_call_t *call = call_with("{\"id\":\"task_1\"}");
    apr_size_t len = 0;

    ck_assert_str_eq(llmq_backend_http_request(&len, call), "{\"id\":\"task_1\"}");
    ck_assert_uint_eq(len, 15);
}
END_TEST

START_TEST(a_message_is_sent_with_what_was_said_before)
{
    llmq_call_t *call = call_with(NULL);
    apr_size_t len = 0;

    call->messages = "[{\"role\":\"user\",\"content\":\"hi\"}]";
    ck_assert_str_eq(llmq_backend_http_request(&len, call),
                     "{\"id\":\"task_1\",\"model\":\"default\","
                     "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    call->messages = NULL;
    ck_assert_ptr_null(llmq_backend_http_request(&len, call));
}
END_TEST

START_TEST(every_success_makes_an_object)
{
    static const char *const pairs[][2] = {
        {"{\"pages\":3}", "{\"pages\":3}"},
        {" { \"a\" : [1, 2] } ", "{\"a\":[1,2]}"},
        {"", "{}"},
        {" \r\n", "{}"},
        {"[1,2]", "{\"content\":[1,2]}"},
        {"7", "{\"content\":7}"},
        {"null", "{\"content\":null}"},
        {"\"ok\"", "{\"content\":\"ok\"}"},
        {"done\n", "{\"content\":\"done\\n\"}"},
        {"<p>\"x\"</p>", "{\"content\":\"<p>\\\"x\\\"<\\/p>\"}"},
    };
    size_t i;

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        llmq_call_t *call = read_answer(call_with("{}"), 200 + (int)i % 5, pairs[i][0]);

        ck_assert_msg(call->ok, "%s: %s", pairs[i][0], call->error);
        ck_assert_str_eq(llmq_backend_result(call, test_pool), call->answer);
        if (i < 9) {
            ck_assert_str_eq(call->answer, pairs[i][1]);
        }
    }
}
END_TEST

START_TEST(what_makes_no_sense_is_a_failure)
{
    char large[1002];
    const char *bad[] = {"{\"a\":", "[1,", "{\"a\":\"\\u0000\"}", "caf\xe9", large};
    size_t i;

    memset(large, 'a', 1001);
    large[1001] = '\0';
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        llmq_call_t *call = read_answer(call_with("{}"), 200, bad[i]);

        ck_assert_msg(!call->ok, "%s", bad[i]);
        ck_assert_int_eq(call->failure.kind, LLMQ_FAILURE_PROTOCOL);
        ck_assert_ptr_null(call->answer);
        ck_assert_ptr_nonnull(call->error);
    }
}
END_TEST

START_TEST(statuses_are_told_with_the_servers_words)
{
    static const struct {
        int status;
        const char *body, *error;
    } cases[] = {
        {400, "{\"error\":\"no such file\"}", "The answer is HTTP 400: no such file"},
        {503, "{\"error\":{\"message\":\"later\"}}", "The answer is HTTP 503: later"},
        {422, "{\"detail\":\"x\"}", "The answer is HTTP 422: x"},
        {500, "<h1>", "The answer is HTTP 500"},
        {502, "{\"message\":\"at http://handler.example:81/run\"}",
         "The answer is HTTP 502: at ***"},
    };
    llmq_call_t *call;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        call = read_answer(call_with("{}"), cases[i].status, cases[i].body);
        ck_assert_int_eq(call->ok, 0);
        ck_assert_int_eq(call->failure.kind, LLMQ_FAILURE_STATUS);
        ck_assert_int_eq(call->failure.http_status, cases[i].status);
        ck_assert_str_eq(call->error, cases[i].error);
    }
    call = read_answer(call_with("{}"), 302, "");
    ck_assert_int_eq(call->failure.kind, LLMQ_FAILURE_PROTOCOL);
}
END_TEST

START_TEST(a_message_needs_content)
{
    llmq_call_t *call = read_answer(
        call_with(NULL), 200,
        "{\"content\":\"Hello\",\"model\":\"m1\",\"usage\":{\"prompt_tokens\":3}}");

    ck_assert_int_eq(call->ok, 1);
    ck_assert_str_eq(call->content, "Hello");
    ck_assert_str_eq(call->model, "m1");
    ck_assert_str_eq(call->finish_reason, "stop");
    ck_assert_int_eq(call->prompt_tokens, 3);
    ck_assert_int_eq(call->completion_tokens, -1);
    ck_assert_str_eq(read_answer(call_with(NULL), 200, "plain")->content, "plain");
    ck_assert_int_eq(read_answer(call_with(NULL), 200, "{\"text\":1}")->ok, 0);
}
END_TEST

START_TEST(the_deaf_hear_the_status_only)
{
    llmq_call_t *call = call_with("{}");
    llmq_backend_http_t *r;
    char piece[4096];
    int n = 0;

    call->deaf = 1;
    ck_assert_int_eq(read_answer(call, 204, "{nonsense")->ok, 1);
    ck_assert_ptr_null(call->answer);
    ck_assert_int_eq(read_answer(call, 500, "")->ok, 0);
    memset(piece, 'x', sizeof(piece));
    r = llmq_backend_http_create(call);
    while (llmq_backend_http_feed(r, piece, sizeof(piece)) == APR_SUCCESS) {
        ck_assert_int_lt(++n, 1000);
    }
    ck_assert_int_ne(llmq_backend_http_has_ended(r), 0);
    llmq_backend_http_end(r, 200);
    ck_assert_int_eq(call->ok, 1);
}
END_TEST

TCase *case_backend_http(void)
{
    TCase *tc = test_case("backend_http");

    tcase_add_test(tc, an_own_body_is_sent_as_it_is);
    tcase_add_test(tc, a_message_is_sent_with_what_was_said_before);
    tcase_add_test(tc, every_success_makes_an_object);
    tcase_add_test(tc, what_makes_no_sense_is_a_failure);
    tcase_add_test(tc, statuses_are_told_with_the_servers_words);
    tcase_add_test(tc, a_message_needs_content);
    tcase_add_test(tc, the_deaf_hear_the_status_only);
    return tc;
}
