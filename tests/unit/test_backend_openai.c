#include "support.h"

#include "backend/backend_openai.h"
#include "backend/backend_scrub.h"

#include <apr_strings.h>

#include <string.h>

#define KEY  "sk-secret-0123456789"
#define HOST "127.0.0.1:9"
#define URL  "http://" HOST "/v1"

static llmq_backend_conf_t conf;
static llmq_call_t call;

/* A chunk of a stream; the choice is text that follows the index. */
#define CHUNK(choice)                                                                    \
    "{\"id\":\"c\",\"model\":\"m-1\",\"choices\":[{\"index\":0," choice "}]}"
#define DELTA(text) CHUNK("\"delta\":{\"content\":\"" text "\"},\"finish_reason\":null")
#define EVENT(data) "data: " data "\n\n"
#define STOP        EVENT(CHUNK("\"delta\":{},\"finish_reason\":\"stop\""))
#define USAGE                                                                            \
    EVENT("{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}")
#define DONE EVENT("[DONE]")

static void reset(void)
{
    conf = (llmq_backend_conf_t){.name = "b",
                                 .kind = LLMQ_BACKEND_OPENAI,
                                 .url = URL,
                                 .key = KEY,
                                 .model = "configured"};
    call = (llmq_call_t){.backend = &conf,
                         .id = "msg_1",
                         .messages = "[{\"role\":\"user\",\"content\":\"hi\"}]",
                         .pool = test_pool,
                         .prompt_tokens = -1,
                         .completion_tokens = -1};
}

/* Reads a body in pieces of some size; returns what the last feed said. */
static apr_status_t read_pieces(int status, const char *body, apr_size_t len,
                                apr_size_t piece)
{
    llmq_backend_answer_t *r;
    apr_status_t rv = APR_SUCCESS;

    r = llmq_backend_openai_create(&call);
    while (len > 0 && rv == APR_SUCCESS) {
        apr_size_t n = len < piece ? len : piece;
        char *copy = apr_pmemdup(test_pool, body, n);

        rv = llmq_backend_answer_feed(r, status, copy, n);
        memset(copy, 'x', n);
        body += n;
        len -= n;
    }
    llmq_backend_answer_end(r, status);
    return rv;
}

static void read_body(int status, const char *body)
{
    reset();
    read_pieces(status, body, strlen(body), 1000000);
}

static void expect_failure(llmq_failure_e kind, int http_status)
{
    ck_assert_int_eq(call.ok, 0);
    ck_assert_int_eq(call.failure.kind, kind);
    ck_assert_int_eq(call.failure.http_status, http_status);
    ck_assert_ptr_nonnull(call.error);
    ck_assert_ptr_null(strstr(call.error, KEY));
    ck_assert_ptr_null(strstr(call.error, HOST));
}

START_TEST(openai_request_carries_model_and_messages)
{
    apr_size_t len = 0;
    const char *body;

    reset();
    body = llmq_backend_openai_request(&len, &call);
    ck_assert_str_eq(body, "{\"model\":\"configured\",\"messages\":[{\"role\":\"user\","
                           "\"content\":\"hi\"}]}");
    ck_assert_uint_eq(len, strlen(body));
    conf.model = NULL;
    conf.stream = 1;
    body = llmq_backend_openai_request(&len, &call);
    ck_assert_str_eq(body, "{\"model\":\"default\",\"messages\":[{\"role\":\"user\","
                           "\"content\":\"hi\"}],\"stream\":true,"
                           "\"stream_options\":{\"include_usage\":true}}");
}
END_TEST

START_TEST(openai_request_needs_an_array)
{
    static const char *const texts[] = {NULL, "", "{}", " []"};
    apr_size_t len;
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        reset();
        call.messages = texts[i];
        ck_assert_ptr_null(llmq_backend_openai_request(&len, &call));
    }
}
END_TEST

START_TEST(openai_answer_fills_the_call)
{
    read_body(200,
              "\n {\"model\":\"m-2\",\"choices\":[{\"message\":{\"role\":\"assistant\","
              "\"content\":\"h\\u00e9\"},\"finish_reason\":\"length\"}],"
              "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":0}} \n");
    ck_assert_int_eq(call.ok, 1);
    ck_assert_str_eq(call.content, "h\xC3\xA9");
    ck_assert_str_eq(call.model, "m-2");
    ck_assert_str_eq(call.finish_reason, "length");
    ck_assert_int_eq(call.prompt_tokens, 5);
    ck_assert_int_eq(call.completion_tokens, 0);
}
END_TEST

START_TEST(openai_answer_does_without_model_usage_and_reason)
{
    static const char *const bodies[] = {
        "{\"choices\":[{\"message\":{\"content\":null}}]}",
        "{\"choices\":[{\"message\":{}}],\"usage\":null,\"model\":null,\"error\":null}",
        "{\"choices\":[{\"message\":{\"content\":\"\"},\"finish_reason\":null}],"
        "\"usage\":{\"prompt_tokens\":-3,\"completion_tokens\":\"9\"},\"model\":\"\","
        "\"error\":false}",
    };
    size_t i;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        read_body(200, bodies[i]);
        ck_assert_int_eq(call.ok, 1);
        ck_assert_str_eq(call.content, "");
        ck_assert_str_eq(call.model, "configured");
        ck_assert_str_eq(call.finish_reason, "stop");
        ck_assert_int_eq(call.prompt_tokens, -1);
        ck_assert_int_eq(call.completion_tokens, -1);
    }
}
END_TEST

START_TEST(openai_nonsense_in_2xx_is_a_protocol_failure)
{
    static const char *const bodies[] = {
        "",
        "   \n",
        "<html>hello</html>",
        "[]",
        "{",
        "{}",
        "{\"choices\":[]}",
        "{\"choices\":{}}",
        "{\"choices\":[{\"text\":\"x\"}]}",
        "{\"choices\":[{\"message\":\"x\"}]}",
        "{\"choices\":[{\"message\":{\"content\":7}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"x\"}}]} trailing",
        "{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}",
        "{\"error\":{\"message\":\"no\"}}",
        "{\"error\":\"no\",\"choices\":[{\"message\":{\"content\":\"x\"}}]}",
        "{\"error\":{\"code\":200}}",
        "data: {}\n\n",
        ": comment only\n\n",
        DONE,
        EVENT("nonsense"),
        EVENT("[1]"),
        EVENT(DELTA("a")),
        EVENT(DELTA("a")) EVENT("{\"error\":{\"message\":\"gone\"}}"),
        EVENT(DELTA("a")) STOP EVENT("{\"error\":true}"),
        EVENT(DELTA("a")) "data: {\"choices\":[{\"del",
    };
    size_t i;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        read_body(200, bodies[i]);
        expect_failure(LLMQ_FAILURE_PROTOCOL, 0);
    }
}
END_TEST

START_TEST(openai_stream_adds_up_the_same_in_pieces_of_any_size)
{
    static const char *const streams[] = {
        EVENT(DELTA("Hel")) EVENT(DELTA("l\xC3\xB6")) STOP USAGE DONE,
        "\xEF\xBB\xBF" EVENT(DELTA("Hel")) EVENT(DELTA("l\xC3\xB6")) STOP USAGE DONE,
        ": hello\r\n\r\ndata: " DELTA("Hel") "\r\n\r\nid: 7\r\nevent: x\r\ndata:" DELTA(
            "l\xC3\xB6") "\r\n\r\n" STOP USAGE "data: [DONE]\r\n\r\n",
        "data: " DELTA("Hel") "\r\rdata: " DELTA("l\xC3\xB6") "\r\r" STOP USAGE
                                                              "data: [DONE]\r\r",
        "data: {\"choices\":[{\"index\":0,\r\ndata: "
        "\"delta\":{\"content\":\"Hel\"}}]}\r\n"
        "\r\n" EVENT(DELTA("l\xC3\xB6")) STOP USAGE DONE,
        "data: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"Hel\"}}]}\n\n"
        "retry: 5\ndata\ndatum: x\n" EVENT(DELTA("l\xC3\xB6")) STOP USAGE DONE
        "whatever follows is ignored",
    };
    size_t i;
    apr_size_t piece;

    for (i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        for (piece = 1; piece < 90; piece++) {
            reset();
            ck_assert_int_eq(read_pieces(200, streams[i], strlen(streams[i]), piece),
                             APR_SUCCESS);
            ck_assert_msg(call.ok, "stream %d, piece %d: %s", (int)i, (int)piece,
                          call.error);
            ck_assert_str_eq(call.content, "Hell\xC3\xB6");
            ck_assert_str_eq(call.model, "m-1");
            ck_assert_str_eq(call.finish_reason, "stop");
            ck_assert_int_eq(call.prompt_tokens, 3);
            ck_assert_int_eq(call.completion_tokens, 4);
        }
    }
}
END_TEST

START_TEST(openai_stream_is_whole_with_either_of_its_ends)
{
    static const char *const streams[] = {
        EVENT(DELTA("a")) STOP,
        EVENT(DELTA("a")) DONE,
        EVENT(DELTA("a")) "data: [DONE]",
        EVENT(DELTA("a")) "data: [DONE]\n",
        EVENT(DELTA("a")) STOP "data: {\"choices\":[],\"usa",
    };
    size_t i;

    for (i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        read_body(200, streams[i]);
        ck_assert_msg(call.ok, "stream %d: %s", (int)i, call.error);
        ck_assert_str_eq(call.content, "a");
        ck_assert_int_eq(call.prompt_tokens, -1);
    }
}
END_TEST

START_TEST(openai_stream_takes_the_first_choice_only)
{
    read_body(200,
              EVENT("{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"},"
                    "\"finish_reason\":\"stop\"},{\"delta\":{\"content\":\"yes\"}}]}")
                  EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"content\":null}},3]}")
                      DONE);
    ck_assert_int_eq(call.ok, 1);
    ck_assert_str_eq(call.content, "yes");
}
END_TEST

static char pieces[64];

static apr_interval_time_t take_piece(llmq_call_t *c, const char *text, apr_size_t len)
{
    ck_assert_ptr_eq(c, &call);
    ck_assert_uint_gt(len, 0);
    apr_cpystrn(pieces + strlen(pieces), apr_pstrmemdup(test_pool, text, len),
                sizeof(pieces) - strlen(pieces));
    return 7;
}

START_TEST(openai_stream_passes_on_what_comes_of_the_first_choice)
{
    static const char stream[] = EVENT(DELTA("Hel")) EVENT(DELTA("")) ": ping\n\n" EVENT(
        "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"}}]}")
        EVENT(DELTA("l\xC3\xB6")) STOP USAGE DONE;
    apr_size_t piece;

    for (piece = 1; piece < sizeof(stream); piece += 11) {
        reset();
        pieces[0] = '\0';
        call.piece = take_piece;
        read_pieces(200, stream, strlen(stream), piece);
        ck_assert_int_eq(call.ok, 1);
        ck_assert_str_eq(pieces, "Hell\xC3\xB6");
        ck_assert_int_eq(call.piece_wait, 7);
    }
}
END_TEST

START_TEST(openai_answer_in_one_piece_passes_nothing_on)
{
    static const char body[] = "{\"choices\":[{\"message\":{\"content\":\"a\"}}]}";

    reset();
    pieces[0] = '\0';
    call.piece = take_piece;
    read_pieces(200, body, strlen(body), 10);
    ck_assert_str_eq(call.content, "a");
    ck_assert_str_eq(pieces, "");
}
END_TEST

START_TEST(openai_state_follows_the_stream)
{
    llmq_backend_answer_t *r;

    reset();
    r = llmq_backend_openai_create(&call);
    ck_assert_int_eq(llmq_backend_answer_state(r), LLMQ_BACKEND_ANSWER_READING);
    llmq_backend_answer_feed(r, 200, EVENT(DELTA("a")), strlen(EVENT(DELTA("a"))));
    ck_assert_int_eq(llmq_backend_answer_state(r), LLMQ_BACKEND_ANSWER_READING);
    llmq_backend_answer_feed(r, 200, STOP, strlen(STOP));
    ck_assert_int_eq(llmq_backend_answer_state(r), LLMQ_BACKEND_ANSWER_COMPLETE);
    llmq_backend_answer_feed(r, 200, DONE, strlen(DONE));
    ck_assert_int_eq(llmq_backend_answer_state(r), LLMQ_BACKEND_ANSWER_DONE);
    ck_assert_int_eq(llmq_backend_answer_feed(r, 200, "\n\ndata: ?\n\n", 11),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_backend_answer_state(r), LLMQ_BACKEND_ANSWER_DONE);
    llmq_backend_answer_end(r, 200);
    ck_assert_int_eq(call.ok, 1);
}
END_TEST

START_TEST(openai_feed_stops_at_the_first_bad_event)
{
    llmq_backend_answer_t *r;

    reset();
    r = llmq_backend_openai_create(&call);
    ck_assert_int_eq(llmq_backend_answer_feed(r, 200, "data: x\n\n", 9), LLMQ_EBACKEND);
    ck_assert_int_eq(llmq_backend_answer_state(r), LLMQ_BACKEND_ANSWER_FAILED);
    ck_assert_int_eq(llmq_backend_answer_feed(r, 200, DONE, strlen(DONE)), LLMQ_EBACKEND);
    llmq_backend_answer_end(r, 200);
    expect_failure(LLMQ_FAILURE_PROTOCOL, 0);
}
END_TEST

#define JSON_ANSWER "{\"choices\":[{\"message\":{\"content\":\"0123456789\"}}]}"
#define HALF_1      "{\"choices\":[{\"index\":0,\"delta\":"
#define HALF_2      "{\"content\":\"0123456789\"}}]}"

/* A JSON body, a line and an event of two lines pass at exactly the limit and fail one byte
 * below it. */
START_TEST(openai_keeps_no_more_than_max_answer_bytes)
{
    static const struct {
        const char *body;
        apr_size_t limit;
    } cases[] = {
        {JSON_ANSWER, sizeof(JSON_ANSWER) - 1},
        {EVENT(DELTA("a")) DONE, sizeof("data: " DELTA("a")) - 1},
        {"data: " HALF_1 "\n" EVENT(HALF_2) DONE, sizeof(HALF_1 "\n" HALF_2) - 1},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        apr_size_t len = strlen(cases[i].body);

        reset();
        conf.max_answer_bytes = cases[i].limit;
        read_pieces(200, cases[i].body, len, 7);
        ck_assert_msg(call.ok, "case %d: %s", (int)i, call.error);
        reset();
        conf.max_answer_bytes = cases[i].limit - 1;
        ck_assert_int_eq(read_pieces(200, cases[i].body, len, 7), LLMQ_EBACKEND);
        expect_failure(LLMQ_FAILURE_PROTOCOL, 0);
    }
}
END_TEST

START_TEST(openai_bounds_what_the_deltas_add_up_to)
{
    llmq_backend_answer_t *r;
    apr_status_t rv = APR_SUCCESS;
    int i;

    reset();
    conf.max_answer_bytes = 200;
    r = llmq_backend_openai_create(&call);
    for (i = 0; i < 20 && rv == APR_SUCCESS; i++) {
        ck_assert_int_eq(llmq_backend_answer_feed(r, 200, ": ping\n\n", 8), APR_SUCCESS);
        rv = llmq_backend_answer_feed(r, 200, EVENT(DELTA("0123456789012345678901234")),
                                      strlen(EVENT(DELTA("0123456789012345678901234"))));
    }
    ck_assert_int_eq(rv, LLMQ_EBACKEND);
    ck_assert_int_eq(i, 9);
    llmq_backend_answer_end(r, 200);
    expect_failure(LLMQ_FAILURE_PROTOCOL, 0);
}
END_TEST

START_TEST(openai_status_counts_whatever_the_body)
{
    static const char *const bodies[] = {
        "",
        "{}",
        "{\"error\":",
        "<html>busy</html>",
        EVENT(DELTA("a")) STOP DONE,
        "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}",
        "data: x\n\n",
    };
    static const int statuses[] = {400, 401, 404, 408, 429, 500, 503, 599};
    size_t i;
    size_t k;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        for (k = 0; k < sizeof(statuses) / sizeof(statuses[0]); k++) {
            read_body(statuses[k], bodies[i]);
            expect_failure(LLMQ_FAILURE_STATUS, statuses[k]);
        }
    }
    ck_assert_str_eq(call.error, "The backend answered HTTP 599");
}
END_TEST

START_TEST(openai_status_below_400_but_not_2xx_is_a_protocol_failure)
{
    static const int statuses[] = {0, 101, 300, 301, 304, 399};
    size_t i;

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        read_body(statuses[i], "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}");
        expect_failure(LLMQ_FAILURE_PROTOCOL, 0);
    }
}
END_TEST

START_TEST(openai_error_bodies_give_their_words)
{
    static const char *const bodies[] = {
        "{\"error\":{\"message\":\"slow down\",\"type\":\"x\"}}",
        "{\"error\":\"slow down\"}",
        "{\"message\":\"slow down\"}",
        "{\"detail\":\"slow down\"}",
    };
    size_t i;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        read_body(429, bodies[i]);
        ck_assert_str_eq(call.error, "The backend answered HTTP 429: slow down");
    }
}
END_TEST

START_TEST(openai_error_object_with_a_status_counts_as_that_status)
{
    static const char *const bodies[] = {
        "{\"error\":{\"code\":502,\"message\":\"gone\"}}",
        EVENT(DELTA("a")) EVENT("{\"error\":{\"code\":502,\"message\":\"gone\"}}"),
    };
    size_t i;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        read_body(200, bodies[i]);
        expect_failure(LLMQ_FAILURE_STATUS, 502);
        ck_assert_ptr_nonnull(strstr(call.error, "gone"));
    }
}
END_TEST

START_TEST(openai_errors_never_repeat_key_or_url)
{
    static const char *const bodies[] = {
        "{\"error\":{\"message\":\"bad key " KEY " and " KEY "\"}}",
        "{\"error\":{\"message\":\"POST " URL "/chat/completions?k=" KEY "\"}}",
        "{\"error\":{\"message\":\"no route to " HOST "\"}}",
        EVENT("{\"error\":{\"message\":\"bad key " KEY " at " URL "\"}}"),
    };
    static const int statuses[] = {200, 401};
    size_t i;
    size_t k;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        for (k = 0; k < sizeof(statuses) / sizeof(statuses[0]); k++) {
            read_body(statuses[k], bodies[i]);
            expect_failure(statuses[k] == 200 ? LLMQ_FAILURE_PROTOCOL
                                              : LLMQ_FAILURE_STATUS,
                           statuses[k] == 200 ? 0 : statuses[k]);
        }
    }
}
END_TEST

START_TEST(scrub_cuts_between_characters_after_striking_out)
{
    char text[LLMQ_BACKEND_SCRUB_MAX + 40];
    int shift;

    reset();
    for (shift = 0; shift < 4; shift++) {
        const char *clean;
        size_t at;

        memset(text, 'a', sizeof(text));
        for (at = (size_t)shift; at + 3 < sizeof(text); at += 3) {
            memcpy(text + at, "\xE2\x82\xAC", 3);
        }
        text[sizeof(text) - 4] = '\0';
        clean = llmq_backend_scrub(text, &conf, test_pool);
        ck_assert_uint_le(strlen(clean), LLMQ_BACKEND_SCRUB_MAX);
        ck_assert_uint_gt(strlen(clean), LLMQ_BACKEND_SCRUB_MAX - 3);
        ck_assert_int_ne(llmq_text_is_utf8(clean, strlen(clean)), 0);
    }
    memset(text, 'a', sizeof(text));
    memcpy(text + LLMQ_BACKEND_SCRUB_MAX - 10, KEY, sizeof(KEY));
    ck_assert_ptr_null(strstr(llmq_backend_scrub(text, &conf, test_pool), "sk-"));
}
END_TEST

START_TEST(scrub_makes_one_line)
{
    reset();
    ck_assert_str_eq(llmq_backend_scrub("a\r\nb\tc\x7f" KEY "\x01", &conf, test_pool),
                     "a  b c *** ");
    conf.key = "";
    conf.url = NULL;
    ck_assert_str_eq(llmq_backend_scrub("plain", &conf, test_pool), "plain");
}
END_TEST

TCase *case_backend_openai(void)
{
    TCase *tc = test_case("backend_openai");

    tcase_add_test(tc, openai_request_carries_model_and_messages);
    tcase_add_test(tc, openai_request_needs_an_array);
    tcase_add_test(tc, openai_answer_fills_the_call);
    tcase_add_test(tc, openai_answer_does_without_model_usage_and_reason);
    tcase_add_test(tc, openai_nonsense_in_2xx_is_a_protocol_failure);
    tcase_add_test(tc, openai_stream_adds_up_the_same_in_pieces_of_any_size);
    tcase_add_test(tc, openai_stream_is_whole_with_either_of_its_ends);
    tcase_add_test(tc, openai_stream_takes_the_first_choice_only);
    tcase_add_test(tc, openai_stream_passes_on_what_comes_of_the_first_choice);
    tcase_add_test(tc, openai_answer_in_one_piece_passes_nothing_on);
    tcase_add_test(tc, openai_state_follows_the_stream);
    tcase_add_test(tc, openai_feed_stops_at_the_first_bad_event);
    tcase_add_test(tc, openai_keeps_no_more_than_max_answer_bytes);
    tcase_add_test(tc, openai_bounds_what_the_deltas_add_up_to);
    tcase_add_test(tc, openai_status_counts_whatever_the_body);
    tcase_add_test(tc, openai_status_below_400_but_not_2xx_is_a_protocol_failure);
    tcase_add_test(tc, openai_error_bodies_give_their_words);
    tcase_add_test(tc, openai_error_object_with_a_status_counts_as_that_status);
    tcase_add_test(tc, openai_errors_never_repeat_key_or_url);
    tcase_add_test(tc, scrub_cuts_between_characters_after_striking_out);
    tcase_add_test(tc, scrub_makes_one_line);
    return tc;
}
