#include "support.h"

#include "support_http.h"

#include "backend/backend_curl.h"
#include "backend/backend_transfer.h"
#include "base/clock.h"

#include <apr_strings.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define KEY "sk-secret-0123456789"

static http_server_t *server;
static llmq_engine_t *engine;

/* A call of the test, in a pool and allocator of its own as the dispatcher has it. */
typedef struct {
    llmq_call_t call;
    llmq_backend_conf_t conf;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int ended; /* under lock */
} trial_t;

static void on_done(llmq_call_t *call)
{
    trial_t *trial = call->ctx;

    pthread_mutex_lock(&trial->lock);
    trial->ended++;
    pthread_cond_signal(&trial->cond);
    pthread_mutex_unlock(&trial->lock);
}

static void start_all(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    server = http_server_start(test_pool);
    ck_assert_int_eq(llmq_backend_curl_create(&engine, test_pool), APR_SUCCESS);
}

static void stop_all(void)
{
    llmq_backend_curl_stop(engine);
    http_server_stop(server);
}

static apr_pool_t *own_pool(void)
{
    apr_allocator_t *allocator;
    apr_pool_t *p;

    apr_allocator_create(&allocator);
    apr_pool_create_unmanaged_ex(&p, NULL, allocator);
    apr_allocator_owner_set(allocator, p);
    return p;
}

static trial_t *trial_create(const char *way)
{
    apr_pool_t *p = own_pool();
    trial_t *trial = apr_pcalloc(p, sizeof(*trial));

    pthread_mutex_init(&trial->lock, NULL);
    pthread_cond_init(&trial->cond, NULL);
    trial->conf =
        (llmq_backend_conf_t){.name = "b",
                              .kind = LLMQ_BACKEND_OPENAI,
                              .url = apr_psprintf(p, "http://127.0.0.1:%d/%s/v1",
                                                  http_server_port(server), way),
                              .model = "m",
                              .key = KEY,
                              .connect_timeout = apr_time_from_sec(60),
                              .first_timeout = apr_time_from_sec(120),
                              .total_timeout = apr_time_from_sec(180),
                              .max_answer_bytes = 100000};
    trial->call = (llmq_call_t){.backend = &trial->conf,
                                .id = apr_pstrcat(p, "msg_", way, NULL),
                                .messages = "[{\"role\":\"user\",\"content\":\"hi\"}]",
                                .timeout = apr_time_from_sec(240),
                                .done = on_done,
                                .ctx = trial,
                                .pool = p};
    return trial;
}

static void trial_start(trial_t *trial)
{
    llmq_backend_start(engine, &trial->call);
}

static void trial_wait(trial_t *trial)
{
    pthread_mutex_lock(&trial->lock);
    while (trial->ended == 0) {
        pthread_cond_wait(&trial->cond, &trial->lock);
    }
    pthread_mutex_unlock(&trial->lock);
}

static trial_t *trial_run(const char *way)
{
    trial_t *trial = trial_create(way);

    trial_start(trial);
    trial_wait(trial);
    return trial;
}

static int trial_ended(trial_t *trial)
{
    int ended;

    pthread_mutex_lock(&trial->lock);
    ended = trial->ended;
    pthread_mutex_unlock(&trial->lock);
    return ended;
}

static void trial_end(trial_t *trial)
{
    ck_assert_int_eq(trial_ended(trial), 1);
    ck_assert_int_ge(trial->call.ended_at, trial->call.started_at);
    apr_pool_destroy(trial->call.pool);
}

static void expect_answer(trial_t *trial, const char *content)
{
    ck_assert_msg(trial->call.ok, "%s", trial->call.error);
    ck_assert_str_eq(trial->call.content, content);
    ck_assert_str_eq(trial->call.model, "fake");
    ck_assert_str_eq(trial->call.finish_reason, "stop");
    ck_assert_int_eq(trial->call.prompt_tokens, 3);
    ck_assert_int_eq(trial->call.completion_tokens, 4);
    ck_assert_int_ge(trial->call.first_at, trial->call.started_at);
}

static void expect_failure(trial_t *trial, llmq_failure_e kind, int http_status)
{
    const llmq_call_t *call = &trial->call;

    ck_assert_int_eq(call->ok, 0);
    ck_assert_ptr_nonnull(call->error);
    ck_assert_msg(call->failure.kind == kind, "kind %d: %s", (int)call->failure.kind,
                  call->error);
    ck_assert_int_eq(call->failure.http_status, http_status);
    ck_assert_ptr_null(strstr(call->error, KEY));
    ck_assert_ptr_null(strstr(call->error, "127.0.0.1"));
}

START_TEST(curl_sends_the_request_of_the_header)
{
    trial_t *trial = trial_run("echo");
    const char *request = trial->call.content;

    ck_assert_msg(trial->call.ok, "%s", trial->call.error);
    ck_assert_ptr_eq(strstr(request, "POST /echo/v1/chat/completions HTTP/1.1\r\n"),
                     request);
    ck_assert_ptr_nonnull(strstr(request, "\r\nAuthorization: Bearer " KEY "\r\n"));
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

        expect_answer(trial, "Hello");
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
    expect_failure(trial, LLMQ_FAILURE_CONNECT, 0);
    ck_assert_int_eq(trial->call.failure.ours, 1);
    ck_assert_int_eq(raw.chunks, 1);
    trial_end(trial);
}
END_TEST

START_TEST(curl_passes_raw_errors_on)
{
    llmq_raw_t raw = {.path = "/chat/completions", .stream = 1, .chunk = take_chunk};
    trial_t *trial = trial_run_raw("busy", &raw, "{}");

    expect_failure(trial, LLMQ_FAILURE_STATUS, 429);
    ck_assert_int_eq(trial->call.failure.retry_after, apr_time_from_sec(7));
    ck_assert_ptr_nonnull(strstr(raw.body, "\"error\""));
    trial_end(trial);
    trial = trial_run_raw("leak", &raw, "{}");
    expect_failure(trial, LLMQ_FAILURE_STATUS, 401);
    ck_assert_ptr_nonnull(strstr(raw.body, "***"));
    ck_assert_ptr_null(strstr(raw.body, KEY));
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
    http_server_go_on(server);
    trial_wait(trial);
    expect_answer(trial, "Hello");
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

        expect_failure(trial, cases[i].kind, cases[i].http_status);
        ck_assert_int_ge(asked, cases[i].retry_after);
        ck_assert_int_le(asked, cases[i].retry_after ? cases[i].retry_after + 600 : 0);
        trial_end(trial);
    }
}
END_TEST

START_TEST(curl_does_not_follow_redirects)
{
    trial_end(trial_run("redirect"));
    ck_assert_int_eq(http_server_requests(server), 1);
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
        expect_failure(trial, cases[i].kind, 0);
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
    expect_answer(trial, "Hello");
    trial_end(trial);
}
END_TEST

/* @param which 0: the backend's first byte, 1: its total, 2: the job's own time-out
 * @return whether the answer had begun */
static int run_out_of_time(const char *way, int which, apr_interval_time_t time)
{
    trial_t *trial = trial_create(way);
    int begun;

    *(which == 0   ? &trial->conf.first_timeout
      : which == 1 ? &trial->conf.total_timeout
                   : &trial->call.timeout) = time;
    trial_start(trial);
    trial_wait(trial);
    expect_failure(trial, LLMQ_FAILURE_TIMEOUT, 0);
    begun = trial->call.first_at != 0;
    trial_end(trial);
    return begun;
}

START_TEST(curl_ends_calls_whose_time_is_over)
{
    static const char *const names[] = {"stall", "head"};
    int which;
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (which = 0; which < 3; which++) {
            ck_assert(!run_out_of_time(names[i], which, apr_time_from_msec(80)));
        }
    }
}
END_TEST

/* In which time it begins is the machine's business: it gets more and more. */
START_TEST(curl_ends_answers_that_began_when_their_time_is_over)
{
    int which;

    for (which = 1; which < 3; which++) {
        apr_interval_time_t time = apr_time_from_msec(80);

        while (!run_out_of_time("half", which, time)) {
            time *= 2;
        }
    }
}
END_TEST

START_TEST(curl_first_timeout_does_not_end_an_answer_that_began)
{
    apr_interval_time_t time = apr_time_from_msec(100);
    int begun;

    do {
        trial_t *trial = trial_create("half");

        trial->conf.first_timeout = time;
        trial->conf.total_timeout = 3 * time;
        trial_start(trial);
        trial_wait(trial);
        expect_failure(trial, LLMQ_FAILURE_TIMEOUT, 0);
        begun = trial->call.first_at != 0;
        ck_assert(!begun || strstr(trial->call.error, "finish"));
        trial_end(trial);
        time *= 2;
    } while (!begun);
}
END_TEST

static trial_t *late;

/* While the engine is busy here, the other answer comes, and its time passes. */
static void be_late(llmq_call_t *call)
{
    llmq_backend_transfer_t *t = late->call.engine;

    http_server_go_on(server);
    t->timer.total = *t->timer.earliest = llmq_clock_steady();
    on_done(call);
}

START_TEST(curl_takes_what_came_while_it_was_held_up)
{
    trial_t *trial = trial_create("stream");

    late = trial_create("held");
    trial_start(late);
    http_server_await(server, 1);
    trial->call.done = be_late;
    trial_start(trial);
    trial_wait(trial);
    trial_wait(late);
    expect_answer(late, "Hello");
    trial_end(trial);
    trial_end(late);
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
            expect_failure(trial, LLMQ_FAILURE_REQUEST, 0);
            trial_end(trial);
        }
    }
    ck_assert_int_eq(http_server_requests(server), 0);
}
END_TEST

START_TEST(curl_refuses_calls_without_url_or_messages)
{
    trial_t *trial = trial_create("echo");

    trial->conf.url = "/";
    trial_start(trial);
    expect_failure(trial, LLMQ_FAILURE_REQUEST, 0);
    trial_end(trial);
    trial = trial_create("echo");
    trial->call.messages = NULL;
    trial_start(trial);
    expect_failure(trial, LLMQ_FAILURE_REQUEST, 0);
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
    ck_assert_int_eq(http_server_requests(server), 10);
    ck_assert_int_eq(http_server_connections(server), 1);
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
    ck_assert_int_le(http_server_connections(server), 301);
    llmq_backend_engine_stop(engine);
    for (i = 0; i < 300; i++) {
        trial_end(busy[i]);
    }
}
END_TEST

START_TEST(curl_abort_ends_that_call_only)
{
    trial_t *gone = trial_create("stall");
    trial_t *stays = trial_create("half");

    stays->call.id = gone->call.id; /* two calls of one job are told apart */
    trial_start(gone);
    trial_start(stays);
    llmq_backend_abort(engine, NULL);
    llmq_backend_abort(engine, &gone->call);
    trial_wait(gone);
    expect_failure(gone, LLMQ_FAILURE_CONNECT, 0);
    trial_end(gone);
    trial_end(trial_run("stream"));
    ck_assert_int_eq(trial_ended(stays), 0);
    llmq_backend_abort(engine, &stays->call);
    trial_wait(stays);
    expect_failure(stays, LLMQ_FAILURE_CONNECT, 0);
    trial_end(stays);
}
END_TEST

START_TEST(curl_abort_spares_a_call_that_is_started_later)
{
    int i;

    for (i = 0; i < 50; i++) {
        trial_t *trial = trial_create("stream");

        llmq_backend_abort(engine, &trial->call);
        trial_start(trial);
        trial_wait(trial);
        expect_answer(trial, "Hello");
        llmq_backend_abort(engine, &trial->call);
        trial_end(trial);
    }
}
END_TEST

START_TEST(curl_does_not_begin_what_is_unwanted)
{
    trial_t *trial = trial_create("stall");

    trial->call.unwanted = 1;
    llmq_backend_abort(engine, &trial->call);
    trial_start(trial);
    trial_wait(trial);
    expect_failure(trial, LLMQ_FAILURE_CONNECT, 0);
    trial_end(trial);
}
END_TEST

START_TEST(curl_stop_aborts_all_and_later_calls_fail_at_once)
{
    static const char *const names[] = {"stall", "head", "half", "held", "endless"};
    trial_t *trials[25];
    trial_t *next;
    int i;

    for (i = 0; i < 25; i++) {
        trials[i] = trial_create(names[i % 5]);
        trials[i]->conf.max_answer_bytes = 1 << 30;
        trial_start(trials[i]);
    }
    http_server_await(server, 25);
    llmq_backend_engine_stop(engine);
    for (i = 0; i < 25; i++) {
        expect_failure(trials[i], LLMQ_FAILURE_CONNECT, 0);
        trial_end(trials[i]);
    }
    next = trial_create("stream");
    trial_start(next);
    expect_failure(next, LLMQ_FAILURE_CONNECT, 0);
    trial_end(next);
    llmq_backend_abort(engine, &trials[0]->call);
    llmq_backend_engine_stop(engine);
}
END_TEST

START_TEST(curl_destroying_the_pool_stops_the_engine)
{
    llmq_engine_t *other;
    llmq_engine_t *first = engine;
    apr_pool_t *p = own_pool();
    trial_t *trial = trial_create("stall");

    ck_assert_int_eq(llmq_backend_engine_create(&other, p), APR_SUCCESS);
    engine = other;
    trial_start(trial);
    engine = first;
    apr_pool_destroy(p);
    expect_failure(trial, LLMQ_FAILURE_CONNECT, 0);
    trial_end(trial);
}
END_TEST

#define PART   "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n"
#define ENDING "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"

/* Ends a transfer that never met curl, after some bytes of its body. */
static trial_t *end_by(llmq_backend_trouble_e trouble, const char *body)
{
    trial_t *trial = trial_create("echo");
    llmq_backend_transfer_t *t;

    ck_assert_int_eq(llmq_backend_transfer_create(&t, &trial->call),
                     LLMQ_BACKEND_TROUBLE_NONE);
    if (*body) {
        trial->call.first_at = 1;
        llmq_backend_answer_feed(t->answer, 200, body, strlen(body));
    }
    llmq_backend_transfer_end(t, trouble);
    return trial;
}

START_TEST(transfer_troubles_are_failures_of_their_kind)
{
    int trouble;

    for (trouble = LLMQ_BACKEND_TROUBLE_NAME; trouble < LLMQ_BACKEND_TROUBLE_COUNT;
         trouble++) {
        trial_t *before = end_by(trouble, "");
        trial_t *after = end_by(trouble, PART);
        llmq_failure_e kind = before->call.failure.kind;
        int broken =
            kind == LLMQ_FAILURE_CONNECT && trouble < LLMQ_BACKEND_TROUBLE_REQUEST;

        expect_failure(before, kind, 0);
        expect_failure(after, broken ? LLMQ_FAILURE_PROTOCOL : kind, 0);
        ck_assert_int_ne(kind, LLMQ_FAILURE_STATUS);
        trial_end(before);
        trial_end(after);
    }
}
END_TEST

START_TEST(curl_says_why_it_stopped_reading)
{
    trial_t *trial = trial_run("endless");

    expect_failure(trial, LLMQ_FAILURE_PROTOCOL, 200);
    ck_assert_ptr_nonnull(strstr(trial->call.error, "larger than 100000 bytes"));
    trial_end(trial);
}
END_TEST

START_TEST(transfer_abort_counts_more_than_an_answer)
{
    static const llmq_backend_trouble_e own_will[] = {LLMQ_BACKEND_TROUBLE_ABORT,
                                                      LLMQ_BACKEND_TROUBLE_STOP};
    size_t i;

    for (i = 0; i < 2; i++) {
        trial_t *trial = end_by(own_will[i], PART ENDING);

        expect_failure(trial, LLMQ_FAILURE_CONNECT, 0);
        trial_end(trial);
    }
}
END_TEST

#define CALLS 120

/* Half of the calls are started by each of two threads; one in six stalls and is aborted by
 * a third. */
static void *start_half(void *data)
{
    trial_t **trials = data;
    int i;

    for (i = 0; i < CALLS; i += 2) {
        trial_start(trials[i]);
    }
    return NULL;
}

static void *abort_stalled(void *data)
{
    trial_t **trials = data;
    int i;

    for (i = 0; i < CALLS; i += 6) {
        llmq_backend_abort(engine, &trials[i]->call);
    }
    return NULL;
}

START_TEST(curl_keeps_many_calls_of_many_threads_apart)
{
    static const char *const names[] = {"stall", "stream", "busy", "slow", "cut", "drop"};
    static const int statuses[] = {0, 200, 429, 200, 200, 0};
    static trial_t *trials[CALLS + 1];
    pthread_t threads[3];
    int i;

    for (i = 0; i < CALLS; i++) {
        trials[i] = trial_create(names[i % 6]);
        trials[i]->call.id = apr_psprintf(trials[i]->call.pool, "msg_%d", i);
    }
    pthread_create(&threads[0], NULL, start_half, trials);
    pthread_create(&threads[1], NULL, start_half, trials + 1);
    pthread_join(threads[0], NULL);
    pthread_create(&threads[2], NULL, abort_stalled, trials);
    pthread_join(threads[1], NULL);
    pthread_join(threads[2], NULL);
    for (i = 0; i < CALLS; i++) {
        trial_wait(trials[i]);
        ck_assert_int_eq(trials[i]->call.ok, i % 6 == 1 || i % 6 == 3);
        ck_assert_int_eq(trials[i]->call.failure.http_status, statuses[i % 6]);
    }
    llmq_backend_engine_stop(engine);
    for (i = 0; i < CALLS; i++) {
        trial_end(trials[i]);
    }
}
END_TEST

/* Destroys the pool of the call that ended and starts the next one in a new pool. */
static void restart(llmq_call_t *call)
{
    trial_t *trial = call->ctx;
    int left;

    pthread_mutex_lock(&trial->lock);
    left = 20 - ++trial->ended;
    pthread_cond_signal(&trial->cond);
    pthread_mutex_unlock(&trial->lock);
    ck_assert_int_eq(call->ok, 1);
    apr_pool_destroy(call->pool);
    if (left > 0) {
        call->pool = own_pool();
        llmq_backend_start(engine, call);
    }
}

START_TEST(curl_done_may_destroy_the_pool_and_start_the_next_call)
{
    trial_t *trial = trial_create("stream");
    apr_pool_t *p = trial->call.pool;

    trial->call.pool = own_pool();
    trial->call.done = restart;
    trial_start(trial);
    pthread_mutex_lock(&trial->lock);
    while (trial->ended < 20) {
        pthread_cond_wait(&trial->cond, &trial->lock);
    }
    pthread_mutex_unlock(&trial->lock);
    llmq_backend_engine_stop(engine);
    ck_assert_int_eq(http_server_requests(server), 20);
    apr_pool_destroy(p);
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

    tcase_add_checked_fixture(tc, start_all, stop_all);
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
    tcase_add_test(tc, curl_ends_calls_whose_time_is_over);
    tcase_add_test(tc, curl_ends_answers_that_began_when_their_time_is_over);
    tcase_add_test(tc, curl_first_timeout_does_not_end_an_answer_that_began);
    tcase_add_test(tc, curl_takes_what_came_while_it_was_held_up);
    tcase_add_test(tc, curl_refuses_control_characters_at_once);
    tcase_add_test(tc, curl_refuses_calls_without_url_or_messages);
    tcase_add_test(tc, curl_reuses_connections);
    tcase_add_test(tc, curl_reuses_connections_beside_many_calls_in_flight);
    tcase_add_test(tc, curl_abort_ends_that_call_only);
    tcase_add_test(tc, curl_abort_spares_a_call_that_is_started_later);
    tcase_add_test(tc, curl_does_not_begin_what_is_unwanted);
    tcase_add_test(tc, curl_stop_aborts_all_and_later_calls_fail_at_once);
    tcase_add_test(tc, curl_destroying_the_pool_stops_the_engine);
    tcase_add_test(tc, transfer_troubles_are_failures_of_their_kind);
    tcase_add_test(tc, curl_says_why_it_stopped_reading);
    tcase_add_test(tc, transfer_abort_counts_more_than_an_answer);
    tcase_add_test(tc, curl_keeps_many_calls_of_many_threads_apart);
    tcase_add_test(tc, curl_done_may_destroy_the_pool_and_start_the_next_call);
    tcase_add_loop_test(tc, a_check_asks_whether_the_backend_is_there, 0,
                        (int)(sizeof(checks) / sizeof(checks[0])));
    return tc;
}
