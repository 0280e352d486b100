#include "core/run_log.h"

#include "support.h"

#include <string.h>

static const llmq_run_t run = {
    .id = "r1", .tenant = "acme", .session = "s1", .trigger = "m1", .agent = "bot"};

START_TEST(it_begins)
{
    llmq_session_message_t m;

    llmq_run_log_begin(&m, &run, 9, test_pool);
    ck_assert_str_eq(m.session, "s1");
    ck_assert_int_eq(m.role, LLMQ_ROLE_SYSTEM);
    ck_assert_str_eq(m.type, "run.status");
    ck_assert_ptr_null(m.content);
    ck_assert_str_eq(m.payload, "{\"run_id\":\"r1\",\"status\":\"RUNNING\","
                                "\"trigger_message_id\":\"m1\",\"error\":null}");
    ck_assert_str_eq(m.dedupe_key, "llmq:run:r1:begin");
    ck_assert_int_eq(m.created_at, 9);
}
END_TEST

START_TEST(the_agent_speaks)
{
    llmq_run_end_t end = {.status = LLMQ_RUN_DONE,
                          .content = "Hi",
                          .payload = "{\"run_id\":\"x\",\"a\":[1],\"b\":null}"};
    llmq_session_message_t m;

    ck_assert(llmq_run_log_word(&m, &run, &end, 9, test_pool));
    ck_assert_int_eq(m.role, LLMQ_ROLE_AGENT);
    ck_assert_str_eq(m.type, "agent.message");
    ck_assert_str_eq(m.content, "Hi");
    ck_assert_str_eq(m.reply_to, "m1");
    ck_assert_str_eq(m.payload, "{\"run_id\":\"r1\",\"provider\":\"bot\",\"a\":[1],"
                                "\"b\":null}");
    ck_assert_str_eq(m.dedupe_key, "llmq:run:r1:word");
}
END_TEST

START_TEST(it_fails)
{
    llmq_run_end_t end = {.status = LLMQ_RUN_FAILED,
                          .error = "No",
                          .raw = "raw",
                          .retryable = 1,
                          .http_status = 503,
                          .latency_msec = 7};
    llmq_session_message_t m;

    ck_assert(llmq_run_log_word(&m, &run, &end, 9, test_pool));
    ck_assert_str_eq(m.type, "run.error");
    ck_assert_int_eq(m.role, LLMQ_ROLE_SYSTEM);
    ck_assert_str_eq(m.payload,
                     "{\"run_id\":\"r1\",\"message\":\"No\",\"retryable\":true,"
                     "\"http_status\":503,\"provider\":\"bot\",\"latency_ms\":7,"
                     "\"raw_message\":\"raw\"}");
    llmq_run_log_end(&m, &run, &end, 9, test_pool);
    ck_assert_str_eq(m.payload, "{\"run_id\":\"r1\",\"status\":\"FAILED\","
                                "\"trigger_message_id\":\"m1\",\"error\":\"No\"}");
    ck_assert_str_eq(m.dedupe_key, "llmq:run:r1:end");
    end.retryable = -1;
    end.latency_msec = -1;
    end.http_status = 0;
    ck_assert(llmq_run_log_word(&m, &run, &end, 9, test_pool));
    ck_assert_ptr_nonnull(strstr(m.payload, "\"retryable\":null,\"http_status\":null"));
    ck_assert_ptr_nonnull(strstr(m.payload, "\"latency_ms\":null"));
}
END_TEST

START_TEST(it_is_canceled)
{
    llmq_run_end_t end = {.status = LLMQ_RUN_CANCELED, .rolled_back = 1};
    llmq_session_message_t m;

    ck_assert(!llmq_run_log_word(&m, &run, &end, 9, test_pool));
    llmq_run_log_end(&m, &run, &end, 9, test_pool);
    ck_assert_ptr_nonnull(strstr(m.payload, "\"CANCELED\""));
    ck_assert_ptr_nonnull(strstr(m.payload, "\"rolled_back\":true"));
}
END_TEST

START_TEST(who_may_cancel)
{
    llmq_session_message_t m = {
        .role = LLMQ_ROLE_USER, .type = "run.cancel", .payload = "{\"run_id\":\"r1\"}"};

    ck_assert_str_eq(llmq_run_log_cancels(&m, test_pool), "r1");
    m.role = LLMQ_ROLE_SYSTEM;
    ck_assert_str_eq(llmq_run_log_cancels(&m, test_pool), "r1");
    m.payload = "{\"run_id\":\"AB-1\"}";
    ck_assert_str_eq(llmq_run_log_cancels(&m, test_pool), "ab-1");
    m.role = LLMQ_ROLE_AGENT;
    ck_assert_ptr_null(llmq_run_log_cancels(&m, test_pool));
    m.role = LLMQ_ROLE_USER;
    m.payload = "{\"run_id\":7}";
    ck_assert_ptr_null(llmq_run_log_cancels(&m, test_pool));
    m.payload = NULL;
    ck_assert_ptr_null(llmq_run_log_cancels(&m, test_pool));
    m.payload = "{\"run_id\":\"r1\"}";
    m.type = "user.prompt";
    ck_assert_ptr_null(llmq_run_log_cancels(&m, test_pool));
}
END_TEST

START_TEST(which_keys_are_ours)
{
    ck_assert(llmq_run_log_owns("llmq:run:r1:end"));
    ck_assert(llmq_run_log_owns("llmq:run:"));
    ck_assert(!llmq_run_log_owns("llmq:run"));
    ck_assert(!llmq_run_log_owns("k"));
    ck_assert(!llmq_run_log_owns(""));
}
END_TEST

TCase *case_run_log(void)
{
    TCase *tc = test_case("run_log");

    tcase_add_test(tc, it_begins);
    tcase_add_test(tc, the_agent_speaks);
    tcase_add_test(tc, it_fails);
    tcase_add_test(tc, it_is_canceled);
    tcase_add_test(tc, who_may_cancel);
    tcase_add_test(tc, which_keys_are_ours);
    return tc;
}
