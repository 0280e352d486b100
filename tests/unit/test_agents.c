#include "support.h"

#include "dispatch/agents.h"

#include <string.h>

START_TEST(calls_are_judged)
{
    llmq_call_t call = {.pool = test_pool, .ok = 1, .answer = "{\"pages\":3}"};
    llmq_backend_conf_t conf = {.name = "bot"};

    llmq_agents_check(&call);
    ck_assert_int_eq(call.ok, 0);
    ck_assert_int_eq(call.failure.kind, LLMQ_FAILURE_PROTOCOL);
    call.ok = 1;
    call.answer = "{\"content\":\"\"}";
    llmq_agents_check(&call);
    ck_assert_int_eq(call.ok, 1);
    call.answer = NULL; /* a kind that tells the content itself */
    llmq_agents_check(&call);
    ck_assert_int_eq(call.ok, 1);
    call.ok = 0;
    call.failure.kind = LLMQ_FAILURE_UNREACHABLE;
    llmq_agents_check(&call);
    ck_assert_int_eq(call.failure.kind, LLMQ_FAILURE_CONNECT);
    call.backend = &conf;
    call.error = "e";
    ck_assert_str_eq(llmq_agents_error(&call, test_pool),
                     "{\"type\":\"connect\",\"message\":\"e\",\"http_status\":null,"
                     "\"backend\":\"bot\",\"retryable\":true}");
    call.failure = (llmq_failure_t){.kind = LLMQ_FAILURE_STATUS, .http_status = 404};
    ck_assert_ptr_nonnull(
        strstr(llmq_agents_error(&call, test_pool), "\"retryable\":false}"));
}
END_TEST

TCase *case_agents(void)
{
    TCase *tc = test_case("agents");

    tcase_add_test(tc, calls_are_judged);
    return tc;
}
