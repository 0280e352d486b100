#include "backend/backend_raw.h"

#include "backend/backend_scrub.h"
#include "support.h"

#include <apr_strings.h>

#include <string.h>

#define KEY "key-0123456789"
#define URL "http://llm.internal:9/v1"

#define EVENT(data) "data: " data "\n\n"
#define FIRST                                                                            \
    "{\"id\":\"c\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":"     \
    "\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}"
#define WORD(text)                                                                       \
    "{\"id\":\"c\",\"model\":\"m-1\",  "                                                 \
    "\"choices\":[{\"index\":0,\"delta\":{\"content\":"                                  \
    "\"" text "\"},\"finish_reason\":null}]}"
#define STOP                                                                             \
    "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_"     \
    "calls\"}]}"
#define USAGE "{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}"
#define DONE  EVENT("[DONE]")

static llmq_backend_conf_t conf;
static llmq_raw_t raw;
static llmq_call_t call;
static char passed[4096];
static int most; /* chunks that are wanted */

static apr_status_t on_chunk(llmq_call_t *c, const char *data, apr_size_t len)
{
    if (c->raw->chunks == most) {
        return APR_NOTFOUND;
    }
    ck_assert_uint_lt(strlen(passed) + len + 2, sizeof(passed));
    strncat(passed, data, len);
    strcat(passed, "\n");
    return APR_SUCCESS;
}

static void reset(int stream, const char *body)
{
    conf = (llmq_backend_conf_t){
        .name = "b", .kind = LLMQ_BACKEND_OPENAI, .url = URL, .key = KEY};
    raw = (llmq_raw_t){.path = "/chat/completions", .model = "up", .stream = stream};
    raw.chunk = on_chunk;
    call = (llmq_call_t){.backend = &conf,
                         .id = "c1",
                         .body = body,
                         .raw = &raw,
                         .pool = test_pool,
                         .prompt_tokens = -1,
                         .completion_tokens = -1};
    passed[0] = '\0';
    most = 1000;
}

static apr_status_t read_pieces(int status, const char *body, apr_size_t piece)
{
    llmq_backend_answer_t *r = llmq_backend_raw_create(&call);
    apr_size_t len = strlen(body);
    apr_status_t rv = APR_SUCCESS;

    while (len > 0 && rv == APR_SUCCESS) {
        apr_size_t n = len < piece ? len : piece;

        rv = llmq_backend_answer_feed(r, status, apr_pmemdup(test_pool, body, n), n);
        body += n;
        len -= n;
    }
    llmq_backend_answer_end(r, status);
    return rv;
}

static const char whole[] = EVENT(FIRST) ": comment\n\n" EVENT(WORD("Hel"))
    EVENT(WORD("\\\"usage\\\" lo")) EVENT(STOP) EVENT(USAGE) DONE;

START_TEST(events_are_passed_on_as_they_are)
{
    apr_size_t piece;

    for (piece = 1; piece < 60; piece += 7) {
        reset(1, "{\"stream\":true}");
        read_pieces(200, whole, piece);
        ck_assert_msg(call.ok, "%s", call.error);
        ck_assert_str_eq(passed, FIRST
                         "\n" WORD("Hel") "\n" WORD("\\\"usage\\\" lo") "\n" STOP "\n");
        ck_assert_int_eq(raw.chunks, 4);
        ck_assert_str_eq(call.model, "m-1");
        ck_assert_str_eq(call.finish_reason, "tool_calls");
        ck_assert_int_eq(call.prompt_tokens, 3);
        ck_assert_int_eq(call.completion_tokens, 4);
        ck_assert_int_eq(raw.http_status, 200);
        ck_assert_ptr_null(raw.body);
    }
}
END_TEST

START_TEST(who_asks_for_the_usage_gets_it)
{
    reset(1, "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    read_pieces(200, whole, 1000);
    ck_assert_int_eq(raw.chunks, 5);
    ck_assert_ptr_nonnull(strstr(passed, USAGE));
}
END_TEST

START_TEST(a_stream_is_whole_with_either_of_its_ends)
{
    reset(1, "{}");
    read_pieces(200, EVENT(FIRST) EVENT(STOP), 1000);
    ck_assert_int_eq(call.ok, 1);
    reset(1, "{}");
    read_pieces(200, EVENT(FIRST) DONE, 1000);
    ck_assert_int_eq(call.ok, 1);
    reset(1, "{}");
    read_pieces(200, EVENT(FIRST) EVENT(WORD("x")), 1000);
    ck_assert_int_eq(call.ok, 0);
    ck_assert_int_eq(call.failure.kind, LLMQ_FAILURE_PROTOCOL);
    ck_assert_int_eq(raw.chunks, 2);
    reset(1, "{}");
    read_pieces(200, DONE, 1000);
    ck_assert_int_eq(call.ok, 0);
    ck_assert_int_eq(raw.chunks, 0);
}
END_TEST

START_TEST(half_an_event_is_not_passed_on)
{
    reset(1, "{}");
    read_pieces(200, EVENT(FIRST) "data: {\"choi", 1000);
    ck_assert_int_eq(call.ok, 0);
    ck_assert_str_eq(call.error, "The stream broke off before its end");
    ck_assert_int_eq(raw.chunks, 1);
    reset(1, "{}");
    read_pieces(200, EVENT(FIRST) "data: " STOP, 1000);
    ck_assert_int_eq(call.ok, 1);
    ck_assert_int_eq(raw.chunks, 2);
}
END_TEST

START_TEST(a_refused_chunk_ends_the_reading)
{
    llmq_backend_answer_t *r;

    reset(1, "{}");
    most = 2;
    r = llmq_backend_raw_create(&call);
    ck_assert_int_eq(llmq_backend_answer_feed(r, 200, whole, strlen(whole)),
                     LLMQ_EBACKEND);
    ck_assert_int_ne(llmq_backend_answer_is_refused(r), 0);
    ck_assert_int_eq(raw.chunks, 2);
    ck_assert_int_eq(llmq_backend_answer_feed(r, 200, whole, strlen(whole)),
                     LLMQ_EBACKEND);
    llmq_backend_answer_end(r, 200);
    ck_assert_int_eq(call.ok, 0);
}
END_TEST

/* For a client that has asked for a stream it becomes one. */
START_TEST(an_answer_in_one_piece_is_told_in_pieces)
{
    reset(1, _i ? "{\"stream_options\":{\"include_usage\":true}}" : "{}");
    read_pieces(200,
                "{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":"
                "{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}],\"usage\":{"
                "\"completion_tokens\":6}}",
                7);
    ck_assert_msg(call.ok, "%s", call.error);
    ck_assert_ptr_null(raw.body);
    ck_assert_int_eq(raw.chunks, _i ? 3 : 2);
    ck_assert_ptr_nonnull(strstr(passed, "\"delta\":{\"content\":\"Hi\"}"));
    ck_assert_int_eq(call.completion_tokens, 6);
}
END_TEST

START_TEST(pieces_that_nobody_wants_end_it)
{
    reset(1, "{}");
    most = 1;
    read_pieces(200, "{\"choices\":[{\"message\":{},\"finish_reason\":\"stop\"}]}", 99);
    ck_assert_int_eq(call.ok, 0);
    ck_assert_int_eq(raw.chunks, 1);
}
END_TEST

START_TEST(an_answer_in_one_piece_is_kept_as_it_is)
{
    static const char answer[] =
        "{ \"model\":\"m-2\",\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":"
        "[{\"id\":\"t\"}]},\"finish_reason\":\"tool_calls\"}],\"big\":1.2300e+05,"
        "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6}}\n";

    reset(0, "{}");
    read_pieces(200, answer, 7);
    ck_assert_msg(call.ok, "%s", call.error);
    ck_assert_uint_eq(raw.body_len, strlen(answer));
    ck_assert_str_eq(raw.body, answer);
    ck_assert_str_eq(call.model, "m-2");
    ck_assert_str_eq(call.finish_reason, "tool_calls");
    ck_assert_int_eq(call.prompt_tokens, 5);
    ck_assert_int_eq(call.completion_tokens, 6);
    ck_assert_int_eq(raw.chunks, 0);
}
END_TEST

static const char *const nonsense[] = {
    "", " ", "no", "[1]", "{\"a\":}", "{\"a\":1", EVENT(FIRST) DONE};

START_TEST(nonsense_is_a_protocol_failure)
{
    reset(0, "{}");
    read_pieces(200, nonsense[_i], 1000);
    ck_assert_int_eq(call.ok, 0);
    ck_assert_int_eq(call.failure.kind, LLMQ_FAILURE_PROTOCOL);
    ck_assert_ptr_null(raw.body);
}
END_TEST

START_TEST(errors_keep_their_status_and_words)
{
    reset(_i, "{}");
    read_pieces(429,
                "{\"error\":{\"message\":\"Too fast for " KEY " at " URL
                ", see https://docs.example/x?y\",\"type\":\"requests\",\"param\":null,"
                "\"code\":\"rate_limit_exceeded\",\"hint\":\"" KEY "\"}}",
                1000);
    ck_assert_int_eq(call.ok, 0);
    ck_assert_int_eq(call.failure.kind, LLMQ_FAILURE_STATUS);
    ck_assert_int_eq(call.failure.http_status, 429);
    ck_assert_int_eq(raw.http_status, 429);
    ck_assert_str_eq(raw.body,
                     "{\"error\":{\"message\":\"Too fast for *** at ***, see ***\","
                     "\"type\":\"requests\",\"param\":null,"
                     "\"code\":\"rate_limit_exceeded\"}}");
    ck_assert_uint_eq(raw.body_len, strlen(raw.body));
}
END_TEST

START_TEST(an_error_without_an_object_has_a_status_only)
{
    reset(1, "{}");
    read_pieces(503, "<html>" KEY "</html>", 1000);
    ck_assert_int_eq(call.failure.http_status, 503);
    ck_assert_ptr_null(raw.body);
    ck_assert_ptr_null(strstr(call.error, KEY));
}
END_TEST

START_TEST(an_error_inside_of_a_stream_is_not_passed_on)
{
    reset(1, "{}");
    read_pieces(
        200, EVENT(FIRST) EVENT("{\"error\":{\"message\":\"no memory\",\"code\":503}}"),
        1000);
    ck_assert_int_eq(raw.chunks, 1);
    ck_assert_int_eq(call.failure.kind, LLMQ_FAILURE_STATUS);
    ck_assert_int_eq(call.failure.http_status, 503);
    ck_assert_str_eq(raw.body,
                     "{\"error\":{\"message\":\"no memory\",\"type\":\"server_error\","
                     "\"param\":null,\"code\":503}}");
}
END_TEST

START_TEST(no_more_than_max_answer_bytes_are_kept)
{
    reset(_i, "{}");
    conf.max_answer_bytes = 64;
    read_pieces(200, _i ? EVENT(FIRST) : "{\"a\":\"" FIRST FIRST "\"}", 1000);
    ck_assert_int_eq(call.ok, 0);
    ck_assert_int_eq(call.failure.kind, LLMQ_FAILURE_PROTOCOL);
}
END_TEST

static const char *const secrets[][2] = {
    {"plain words: 1://", "plain words: ***"},
    {"(see http://a.b/c?d=e)", "(see ***)"},
    {"Incorrect key: sk-abc***xyz.", "Incorrect key: ***"},
    {"Authorization: Bearer abc.def-1, x", "Authorization: Bearer ***, x"},
    {"risk-free", "risk-free"},
    {"", ""},
};

START_TEST(more_is_taken_where_it_is_to_be_expected)
{
    apr_size_t len = LLMQ_BACKEND_ANSWER_MAX + 100;
    char *body = apr_palloc(test_pool, len + 1);

    reset(0, "{}");
    raw.most = _i == 0 ? 0 : len;
    conf.max_answer_bytes = _i == 1 ? LLMQ_BACKEND_ANSWER_MAX : 0;
    memset(body, ' ', len);
    body[0] = '{';
    body[len - 1] = '}';
    body[len] = '\0';
    read_pieces(200, body, 1 << 20);
    ck_assert_int_eq(call.ok, _i == 2);
}
END_TEST

START_TEST(what_looks_like_a_url_or_a_key_is_struck_out)
{
    llmq_backend_conf_t none = {.name = "b"};

    ck_assert_str_eq(llmq_backend_scrub_all(secrets[_i][0], &none, test_pool),
                     secrets[_i][1]);
}
END_TEST

TCase *case_backend_raw(void)
{
    TCase *tc = test_case("backend_raw");

    tcase_add_test(tc, events_are_passed_on_as_they_are);
    tcase_add_test(tc, who_asks_for_the_usage_gets_it);
    tcase_add_test(tc, a_stream_is_whole_with_either_of_its_ends);
    tcase_add_test(tc, half_an_event_is_not_passed_on);
    tcase_add_test(tc, a_refused_chunk_ends_the_reading);
    tcase_add_test(tc, an_answer_in_one_piece_is_kept_as_it_is);
    tcase_add_loop_test(tc, an_answer_in_one_piece_is_told_in_pieces, 0, 2);
    tcase_add_test(tc, pieces_that_nobody_wants_end_it);
    tcase_add_loop_test(tc, nonsense_is_a_protocol_failure, 0,
                        (int)(sizeof(nonsense) / sizeof(nonsense[0])));
    tcase_add_loop_test(tc, errors_keep_their_status_and_words, 0, 2);
    tcase_add_test(tc, an_error_without_an_object_has_a_status_only);
    tcase_add_test(tc, an_error_inside_of_a_stream_is_not_passed_on);
    tcase_add_loop_test(tc, no_more_than_max_answer_bytes_are_kept, 0, 2);
    tcase_add_loop_test(tc, more_is_taken_where_it_is_to_be_expected, 0, 3);
    tcase_add_loop_test(tc, what_looks_like_a_url_or_a_key_is_struck_out, 0,
                        (int)(sizeof(secrets) / sizeof(secrets[0])));
    return tc;
}
