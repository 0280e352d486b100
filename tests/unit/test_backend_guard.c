#include "support.h"

#include "support_http.h"

#include "backend/backend_guard.h"

#include <apr_strings.h>

#include <pthread.h>
#include <string.h>

static http_server_t *server;
static llmq_engine_t *engine;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int ended;

static void on_done(llmq_call_t *call)
{
    (void)call;
    pthread_mutex_lock(&lock);
    ended++;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&lock);
}

static void start_all(void)
{
    server = http_server_start(test_pool);
    ck_assert_int_eq(llmq_backend_engine_create(&engine, test_pool), APR_SUCCESS);
}

static void stop_all(void)
{
    llmq_backend_engine_stop(engine);
    http_server_stop(server);
}

static apr_status_t destroy_pool(void *pool)
{
    apr_pool_destroy(pool);
    return APR_SUCCESS;
}

static llmq_call_t *call_at(const char *url, const llmq_egress_t *list)
{
    static const char *const headers[] = {"Idempotency-Key: task_1", "webhook-id: e1"};
    llmq_backend_conf_t *b = apr_pcalloc(test_pool, sizeof(*b));
    llmq_call_t *call = apr_pcalloc(test_pool, sizeof(*call));

    b->name = "handler";
    b->kind = LLMQ_BACKEND_HTTP;
    b->url = url;
    b->max_answer_bytes = 100000;
    b->connect_timeout = apr_time_from_sec(60);
    b->total_timeout = apr_time_from_sec(180);
    call->backend = b;
    call->id = "task_1";
    call->body = "{\"x\":1}";
    call->headers = headers;
    call->n_headers = 2;
    call->egress = list;
    call->done = on_done;
    apr_pool_create_unmanaged(&call->pool);
    apr_pool_cleanup_register(test_pool, call->pool, destroy_pool, apr_pool_cleanup_null);
    ended = 0;
    llmq_backend_start(engine, call);
    pthread_mutex_lock(&lock);
    while (!ended) {
        pthread_cond_wait(&cond, &lock);
    }
    pthread_mutex_unlock(&lock);
    return call;
}

static const char *url_of(const char *host, const char *way)
{
    return apr_psprintf(test_pool, "http://%s:%d/%s", host, http_server_port(server),
                        way);
}

static llmq_egress_t *list_of(const char *word)
{
    llmq_egress_t *list = llmq_egress_create(test_pool);

    ck_assert_int_eq(llmq_egress_add(list, word, test_pool), APR_SUCCESS);
    return list;
}

START_TEST(body_and_headers_reach_the_server)
{
    llmq_call_t *call = call_at(url_of("127.0.0.1", "echo/here?a=b"), NULL);

    ck_assert_msg(call->ok, "%s", call->error);
    ck_assert_ptr_nonnull(strstr(call->answer, "POST /echo/here?a=b HTTP"));
    ck_assert_ptr_nonnull(strstr(call->answer, "Idempotency-Key: task_1\\r\\n"));
    ck_assert_ptr_nonnull(strstr(call->answer, "webhook-id: e1\\r\\n"));
    ck_assert_ptr_nonnull(strstr(call->answer, "Content-Type: application/json"));
    ck_assert_ptr_nonnull(strstr(call->answer, "\\r\\n\\r\\n{\\\"x\\\":1}"));
}
END_TEST

START_TEST(failures_of_the_server_are_told_apart)
{
    llmq_call_t *call = call_at(url_of("127.0.0.1", "drop"), NULL);

    ck_assert_int_eq(call->failure.kind, LLMQ_FAILURE_CONNECT);
    call = call_at(url_of("127.0.0.1", "busy"), NULL);
    ck_assert_int_eq(call->failure.http_status, 429);
    ck_assert_int_eq(call->failure.retry_after, apr_time_from_sec(7));
    call = call_at(url_of("127.0.0.1", "redirect"), NULL);
    ck_assert_int_eq(call->failure.kind, LLMQ_FAILURE_PROTOCOL);
    call = call_at(url_of("127.0.0.1", "cut"), NULL);
    ck_assert_int_eq(call->failure.kind, LLMQ_FAILURE_PROTOCOL);
    call = call_at(url_of("127.0.0.1", "endless"), NULL);
    ck_assert_int_eq(call->failure.kind, LLMQ_FAILURE_PROTOCOL);
    ck_assert_int_eq(http_server_requests(server), 5);
}
END_TEST

/* Whatever 127.0.0.1 is called, it is not connected to. */
START_TEST(guarded_calls_do_not_reach_what_is_not_allowed)
{
    static const char *const hosts[] = {"127.0.0.1",  "localhost",  "127.1",
                                        "2130706433", "0x7f.1",     "0177.0.0.1",
                                        "0",          "127.0.0.1.", "[::ffff:127.0.0.1]",
                                        "[::1]",      "[::]"};
    llmq_egress_t *list = list_of("public");
    size_t i;

    for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        llmq_call_t *call = call_at(url_of(hosts[i], "echo"), list);

        ck_assert_msg(!call->ok, "%s", hosts[i]);
        /* some resolvers do not know the odd spellings at all */
        if (call->failure.kind != LLMQ_FAILURE_UNREACHABLE) {
            ck_assert_msg(call->failure.kind == LLMQ_FAILURE_REQUEST, "%s: %s", hosts[i],
                          call->error);
            ck_assert_str_eq(call->error, "Requests to this address are not allowed");
        }
    }
    ck_assert_int_eq(http_server_connections(server), 0);
}
END_TEST

START_TEST(what_the_list_names_is_reached)
{
    ck_assert_int_eq(call_at(url_of("127.0.0.1", "echo"), list_of("localhost"))->ok, 0);
    ck_assert_int_eq(call_at(url_of("127.0.0.1", "echo"), list_of("127.0.0.2"))->ok, 0);
    ck_assert_int_eq(call_at(url_of("127.0.0.1", "echo"), list_of("127.0.0.0/8"))->ok, 1);
    ck_assert_int_eq(call_at(url_of("localhost", "echo"), list_of("localhost"))->ok, 1);
}
END_TEST

START_TEST(an_allowed_address_where_nobody_listens_is_unreachable)
{
    llmq_call_t *call = call_at("http://127.0.0.1:1/", list_of("127.0.0.1"));

    ck_assert_int_eq(call->failure.kind, LLMQ_FAILURE_UNREACHABLE);
}
END_TEST

START_TEST(a_guarded_call_that_is_redirected_stays_where_it_is)
{
    llmq_call_t *call = call_at(url_of("127.0.0.1", "redirect"), list_of("127.0.0.1"));

    ck_assert_int_eq(call->ok, 0);
    ck_assert_int_eq(http_server_requests(server), 1);
}
END_TEST

TCase *case_backend_guard(void)
{
    TCase *tc = test_case("backend_guard");

    tcase_add_checked_fixture(tc, start_all, stop_all);
    tcase_add_test(tc, body_and_headers_reach_the_server);
    tcase_add_test(tc, failures_of_the_server_are_told_apart);
    tcase_add_test(tc, guarded_calls_do_not_reach_what_is_not_allowed);
    tcase_add_test(tc, what_the_list_names_is_reached);
    tcase_add_test(tc, an_allowed_address_where_nobody_listens_is_unreachable);
    tcase_add_test(tc, a_guarded_call_that_is_redirected_stays_where_it_is);
    return tc;
}
