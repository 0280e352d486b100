#include "backend/backend_curl.h"

#include "support_trial.h"

#include <apr_strings.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

START_TEST(curl_sends_the_request_of_the_header)
{
    trial_t *trial = trial_run("echo");
    const char *request = trial->call.content;

    ck_assert_msg(trial->call.ok, "%s", trial->call.error);
    ck_assert_ptr_eq(strstr(request, "POST /echo/v1/chat/completions HTTP/1.1\r\n"),
                     request);
    ck_assert_ptr_nonnull(strstr(request, "\r\nAuthorization: Bearer " TRIAL_KEY "\r\n"));
    ck_assert_ptr_nonnull(strstr(request, "\r\nContent-Type: application/json\r\n"));
    ck_assert_ptr_nonnull(strstr(request, "\r\nX-Request-Id: msg_echo\r\n"));
    ck_assert_ptr_null(strstr(request, "Expect:"));
    ck_assert_ptr_nonnull(strstr(request,
                                 "\r\n\r\n{\"model\":\"m\",\"messages\":[{\"role\":"
                                 "\"user\",\"content\":\"hi\"}]}"));
    trial_end(trial);
}
END_TEST

START_TEST(curl_sends_no_empty_key_and_no_double_slash)
{
    trial_t *trial = trial_create("echo");

    trial->conf.key = "";
    trial->conf.url = apr_pstrcat(trial->call.pool, trial->conf.url, "//", NULL);
    trial->conf.stream = 1;
    trial_start(trial);
    trial_wait(trial);
    ck_assert_msg(trial->call.ok, "%s", trial->call.error);
    ck_assert_ptr_nonnull(strstr(trial->call.content, "POST /echo/v1/chat/completions "));
    ck_assert_ptr_null(strstr(trial->call.content, "Authorization"));
    ck_assert_ptr_nonnull(strstr(trial->call.content, "\"stream\":true"));
    trial_end(trial);
}
END_TEST

START_TEST(curl_reads_streams)
{
    static const char *const names[] = {"stream", "slow", "linger"};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        trial_t *trial = trial_run(names[i]);

        trial_expect_answer(trial, "Hello");
        trial_end(trial);
    }
}
END_TEST

static char pieces[64];
static _Atomic(int) reminders;

/* Asks to be called again until it was, twice. */
static apr_interval_time_t take_piece(llmq_call_t *call, const char *text, apr_size_t len)
{
    (void)call;
    if (text) {
        apr_cpystrn(pieces + strlen(pieces), apr_pstrmemdup(test_pool, text, len),
                    sizeof(pieces) - strlen(pieces));
    }
    else {
        atomic_fetch_add(&reminders, 1);
    }
    return atomic_load(&reminders) < 2 ? apr_time_from_msec(5) : 0;
}

static int chunks_wanted;

static apr_status_t take_chunk(llmq_call_t *call, const char *data, apr_size_t len)
{
    ck_assert_ptr_nonnull(memmem(data, len, "choices", 7));
    return call->raw->chunks < chunks_wanted ? APR_SUCCESS : APR_NOTFOUND;
}

static trial_t *trial_run_raw(const char *way, llmq_raw_t *raw, const char *body)
{
    trial_t *trial = trial_create(way);

    trial->call.raw = raw;
    trial->call.body = body;
    trial_start(trial);
    trial_wait(trial);
    return trial;
}

START_TEST(curl_sends_raw_calls_as_they_are)
{
    llmq_raw_t raw = {.path = "/embeddings", .model = "up"};
    trial_t *trial = trial_run_raw("echo", &raw, "{\"input\":[1.50],\"model\":\"m\"}");

    ck_assert_msg(trial->call.ok, "%s", trial->call.error);
    ck_assert_int_eq(raw.http_status, 200);
    ck_assert_ptr_nonnull(strstr(raw.body, "POST /echo/v1/embeddings HTTP/1.1"));
    ck_assert_ptr_nonnull(
        strstr(raw.body, "{\\\"input\\\":[1.50],\\\"model\\\":\\\"up\\\"}"));
    trial_end(trial);
}
END_TEST

START_TEST(curl_passes_raw_streams_on)
{
    llmq_raw_t raw = {.path = "/chat/completions", .stream = 1, .chunk = take_chunk};
    trial_t *trial;

    chunks_wanted = 1000;
    trial = trial_run_raw("linger", &raw, "{\"stream\":true}");
    ck_assert_msg(trial->call.ok, "%s", trial->call.error);
    ck_assert_int_ge(raw.chunks, 2);
    ck_assert_str_eq(trial->call.finish_reason, "stop");
    trial_end(trial);
    chunks_wanted = 1;
    trial = trial_run_raw("stream", &raw, "{\"stream\":true}");
    trial_expect_failure(trial, LLMQ_FAILURE_CONNECT, 0);
    ck_assert_int_eq(trial->call.failure.ours, 1);
    ck_assert_int_eq(raw.chunks, 1);
    trial_end(trial);
}
END_TEST

START_TEST(curl_passes_raw_errors_on)
{
    llmq_raw_t raw = {.path = "/chat/completions", .stream = 1, .chunk = take_chunk};
    trial_t *trial = trial_run_raw("busy", &raw, "{}");

    trial_expect_failure(trial, LLMQ_FAILURE_STATUS, 429);
    ck_assert_int_eq(trial->call.failure.retry_after, apr_time_from_sec(7));
    ck_assert_ptr_nonnull(strstr(raw.body, "\"error\""));
    trial_end(trial);
    trial = trial_run_raw("leak", &raw, "{}");
    trial_expect_failure(trial, LLMQ_FAILURE_STATUS, 401);
    ck_assert_ptr_nonnull(strstr(raw.body, "***"));
    ck_assert_ptr_null(strstr(raw.body, TRIAL_KEY));
    ck_assert_ptr_null(strstr(raw.body, "127.0.0.1"));
    trial_end(trial);
}
END_TEST

/* The second piece comes after the reminders; then the connection stays open for a while. */
START_TEST(curl_passes_pieces_on_and_reminds_when_asked)
{
    trial_t *trial = trial_create("held");

    trial->call.piece = take_piece;
    trial_start(trial);
    while (atomic_load(&reminders) < 2) {
        apr_sleep(1000);
    }
    http_server_go_on(trial_server);
    trial_wait(trial);
    trial_expect_answer(trial, "Hello");
    ck_assert_str_eq(pieces, "Hello");
    ck_assert_int_eq(reminders, 2);
    trial_end(trial);
}
END_TEST

START_TEST(curl_names_each_failure)
{
    static const struct {
        const char *way;
        llmq_failure_e kind;
        int http_status;
        apr_interval_time_t retry_after; /* seconds, at least */
    } cases[] = {
        {"drop", LLMQ_FAILURE_CONNECT, 0, 0},
        {"cut", LLMQ_FAILURE_PROTOCOL, 200, 0},
        {"cutstream", LLMQ_FAILURE_PROTOCOL, 200, 0},
        {"noise", LLMQ_FAILURE_PROTOCOL, 0, 0},
        {"garbage", LLMQ_FAILURE_PROTOCOL, 200, 0},
        {"endless", LLMQ_FAILURE_PROTOCOL, 200, 0},
        {"redirect", LLMQ_FAILURE_PROTOCOL, 307, 0},
        {"nothing", LLMQ_FAILURE_STATUS, 404, 0},
        {"leak", LLMQ_FAILURE_STATUS, 401, 0},
        {"cuterror", LLMQ_FAILURE_STATUS, 500, 0},
        {"busy", LLMQ_FAILURE_STATUS, 429, 7},
        {"date", LLMQ_FAILURE_STATUS, 503, 3000},
        {"forever", LLMQ_FAILURE_STATUS, 429, 86400},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        trial_t *trial = trial_run(cases[i].way);
        apr_interval_time_t asked = apr_time_sec(trial->call.failure.retry_after);

        trial_expect_failure(trial, cases[i].kind, cases[i].http_status);
        ck_assert_int_ge(asked, cases[i].retry_after);
        ck_assert_int_le(asked, cases[i].retry_after ? cases[i].retry_after + 600 : 0);
        trial_end(trial);
    }
}
END_TEST

START_TEST(curl_does_not_follow_redirects)
{
    trial_end(trial_run("redirect"));
    ck_assert_int_eq(http_server_requests(trial_server), 1);
}
END_TEST

START_TEST(curl_speaks_only_http_and_reaches_only_what_listens)
{
    static const struct {
        const char *url;
        llmq_failure_e kind;
    } cases[] = {
        {"http://127.0.0.1:1/v1", LLMQ_FAILURE_UNREACHABLE},
        {"https://127.0.0.1:1/v1", LLMQ_FAILURE_UNREACHABLE},
        {"http://name.invalid/v1", LLMQ_FAILURE_UNREACHABLE},
        {"file:///etc/passwd", LLMQ_FAILURE_PROTOCOL},
        {"http://127.0.0.1:99999/v1", LLMQ_FAILURE_REQUEST},
        {"http://a b/v1", LLMQ_FAILURE_REQUEST},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        trial_t *trial = trial_create("echo");

        trial->conf.url = cases[i].url;
        trial_start(trial);
        trial_wait(trial);
        trial_expect_failure(trial, cases[i].kind, 0);
        ck_assert_int_eq(trial->call.first_at, 0);
        trial_end(trial);
    }
}
END_TEST

START_TEST(curl_ignores_proxies_of_the_environment)
{
    trial_t *trial;

    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    trial = trial_run("stream");
    trial_expect_answer(trial, "Hello");
    trial_end(trial);
}
END_TEST

START_TEST(curl_refuses_control_characters_at_once)
{
    static const char *const bad[] = {"a\r\nX-Evil: 1", "a\n", "\x7f", "a\tb"};
    size_t i;
    int which;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (which = 0; which < 2; which++) {
            trial_t *trial = trial_create("echo");

            *(which ? &trial->call.id : &trial->conf.key) = bad[i];
            trial_start(trial);
            trial_expect_failure(trial, LLMQ_FAILURE_REQUEST, 0);
            trial_end(trial);
        }
    }
    ck_assert_int_eq(http_server_requests(trial_server), 0);
}
END_TEST

START_TEST(curl_refuses_calls_without_url_or_messages)
{
    trial_t *trial = trial_create("echo");

    trial->conf.url = "/";
    trial_start(trial);
    trial_expect_failure(trial, LLMQ_FAILURE_REQUEST, 0);
    trial_end(trial);
    trial = trial_create("echo");
    trial->call.messages = NULL;
    trial_start(trial);
    trial_expect_failure(trial, LLMQ_FAILURE_REQUEST, 0);
    trial_end(trial);
}
END_TEST

START_TEST(curl_reuses_connections)
{
    int i;

    for (i = 0; i < 10; i++) {
        trial_t *trial = trial_run(i % 2 ? "stream" : "busy");

        trial_end(trial);
    }
    ck_assert_int_eq(http_server_requests(trial_server), 10);
    ck_assert_int_eq(http_server_connections(trial_server), 1);
}
END_TEST

/* Those in use must not push the free ones out. */
START_TEST(curl_reuses_connections_beside_many_calls_in_flight)
{
    static trial_t *busy[300];
    int i;

    for (i = 0; i < 300; i++) {
        busy[i] = trial_create("half");
        trial_start(busy[i]);
    }
    for (i = 0; i < 10; i++) {
        trial_end(trial_run("stream"));
    }
    ck_assert_int_le(http_server_connections(trial_server), 301);
    llmq_backend_engine_stop(trial_engine);
    for (i = 0; i < 300; i++) {
        trial_end(busy[i]);
    }
}
END_TEST

START_TEST(curl_says_why_it_stopped_reading)
{
    trial_t *trial = trial_run("endless");

    trial_expect_failure(trial, LLMQ_FAILURE_PROTOCOL, 200);
    ck_assert_ptr_nonnull(strstr(trial->call.error, "larger than 100000 bytes"));
    trial_end(trial);
}
END_TEST

/* ---- checks ---- */

static const struct {
    const char *way;
    int ok;
    llmq_failure_e kind;
} checks[] = {
    {"echo", 1, LLMQ_FAILURE_STATUS},   {"unknown", 1, LLMQ_FAILURE_STATUS}, /* 404 */
    {"busy", 1, LLMQ_FAILURE_STATUS},   {"drop", 0, LLMQ_FAILURE_CONNECT},
    {"stall", 0, LLMQ_FAILURE_TIMEOUT}, {"garbage", 1, LLMQ_FAILURE_STATUS},
};

START_TEST(a_check_asks_whether_the_backend_is_there)
{
    trial_t *trial = trial_create(checks[_i].way);

    trial->call.check = "/models";
    trial->call.messages = NULL;
    trial->call.id = NULL;
    if (checks[_i].kind == LLMQ_FAILURE_TIMEOUT)
        trial->call.timeout = apr_time_from_msec(200);
    trial_start(trial);
    trial_wait(trial);
    ck_assert_int_eq(trial->call.ok, checks[_i].ok);
    if (!checks[_i].ok)
        ck_assert_int_eq(trial->call.failure.kind, checks[_i].kind);
    ck_assert_int_eq(trial->call.failure.ours, 0);
    trial_end(trial);
}
END_TEST

TCase *case_backend_curl(void)
{
    TCase *tc = test_case("backend_curl");

    tcase_add_checked_fixture(tc, trial_open, trial_close);
    tcase_add_test(tc, curl_sends_the_request_of_the_header);
    tcase_add_test(tc, curl_sends_no_empty_key_and_no_double_slash);
    tcase_add_test(tc, curl_reads_streams);
    tcase_add_test(tc, curl_passes_pieces_on_and_reminds_when_asked);
    tcase_add_test(tc, curl_sends_raw_calls_as_they_are);
    tcase_add_test(tc, curl_passes_raw_streams_on);
    tcase_add_test(tc, curl_passes_raw_errors_on);
    tcase_add_test(tc, curl_names_each_failure);
    tcase_add_test(tc, curl_does_not_follow_redirects);
    tcase_add_test(tc, curl_speaks_only_http_and_reaches_only_what_listens);
    tcase_add_test(tc, curl_ignores_proxies_of_the_environment);
    tcase_add_test(tc, curl_refuses_control_characters_at_once);
    tcase_add_test(tc, curl_refuses_calls_without_url_or_messages);
    tcase_add_test(tc, curl_reuses_connections);
    tcase_add_test(tc, curl_reuses_connections_beside_many_calls_in_flight);
    tcase_add_test(tc, curl_says_why_it_stopped_reading);
    tcase_add_loop_test(tc, a_check_asks_whether_the_backend_is_there, 0,
                        (int)(sizeof(checks) / sizeof(checks[0])));
    return tc;
}
