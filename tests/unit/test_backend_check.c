#include "support.h"

#include "backend/backend_check.h"
#include "llmq.h"
#include "support_http.h"

#include <apr_strings.h>
#include <curl/curl.h>

#include <string.h>

static llmq_backend_conf_t conf_of(const char *url)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return (llmq_backend_conf_t){.name = "b",
                                 .kind = LLMQ_BACKEND_OPENAI,
                                 .url = url,
                                 .connect_timeout = apr_time_from_sec(60)};
}

START_TEST(check_connects_and_sends_nothing)
{
    http_server_t *server = http_server_start(test_pool);
    llmq_backend_conf_t conf = conf_of(
        apr_psprintf(test_pool, "http://127.0.0.1:%d/v1", http_server_port(server)));
    apr_interval_time_t took = -1;
    const char *reason = NULL;

    ck_assert_int_eq(llmq_backend_check(&took, &reason, &conf), APR_SUCCESS);
    ck_assert_int_ge(took, 0);
    ck_assert_ptr_null(reason);
    ck_assert_int_eq(http_server_requests(server), 0);
    http_server_stop(server);
}
END_TEST

START_TEST(check_says_why_not_without_addresses)
{
    static const char *const urls[] = {"http://127.0.0.1:1/v1",
                                       "http://no.such.invalid/v1"};
    llmq_backend_conf_t conf = conf_of(urls[_i]);
    apr_interval_time_t took = -1;
    const char *reason = NULL;

    ck_assert_int_eq(llmq_backend_check(&took, &reason, &conf), LLMQ_EBACKEND);
    ck_assert_int_eq(took, -1);
    ck_assert_ptr_nonnull(reason);
    ck_assert_ptr_null(strstr(reason, "127.0.0.1"));
}
END_TEST

START_TEST(check_of_echo_is_always_good)
{
    llmq_backend_conf_t conf = {.name = "echo", .kind = LLMQ_BACKEND_ECHO};
    apr_interval_time_t took = -1;
    const char *reason = NULL;

    ck_assert_int_eq(llmq_backend_check(&took, &reason, &conf), APR_SUCCESS);
    ck_assert_int_eq(took, 0);
}
END_TEST

TCase *case_backend_check(void)
{
    TCase *tc = test_case("backend_check");

    tcase_add_test(tc, check_connects_and_sends_nothing);
    tcase_add_loop_test(tc, check_says_why_not_without_addresses, 0, 2);
    tcase_add_test(tc, check_of_echo_is_always_good);
    return tc;
}
