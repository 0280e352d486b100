#include "core/run.h"

#include "support.h"

#include <string.h>

static const llmq_run_t run = {.id = "r1",
                               .tenant = "acme",
                               .session = "s1",
                               .trigger = "m1",
                               .agent = "bot",
                               .user = "ann",
                               .latency_msec = -1,
                               .created_at = 1000000};

START_TEST(words_of_states_and_rules)
{
    llmq_run_conflict_e rule = LLMQ_RUN_REJECT;

    ck_assert_str_eq(llmq_run_status_name(LLMQ_RUN_RUNNING), "RUNNING");
    ck_assert_str_eq(llmq_run_status_name(LLMQ_RUN_CANCELED), "CANCELED");
    ck_assert_str_eq(llmq_run_status_name((llmq_run_status_e)99), "UNKNOWN");
    ck_assert(!llmq_run_is_final(LLMQ_RUN_QUEUED));
    ck_assert(!llmq_run_is_final(LLMQ_RUN_RUNNING));
    ck_assert(llmq_run_is_final(LLMQ_RUN_DONE) && llmq_run_is_final(LLMQ_RUN_CANCELED));
    ck_assert_int_eq(llmq_run_conflict_parse(&rule, "Reuse"), APR_EINVAL);
    ck_assert_int_eq(rule, LLMQ_RUN_REJECT);
    ck_assert_int_eq(llmq_run_conflict_parse(&rule, "rollback"), APR_SUCCESS);
    ck_assert_int_eq(rule, LLMQ_RUN_ROLLBACK);
}
END_TEST

START_TEST(only_a_prompt_of_a_user_is_a_trigger)
{
    llmq_session_message_t m = {
        .role = LLMQ_ROLE_USER, .type = "user.prompt", .content = "x"};

    ck_assert(llmq_run_is_trigger(&m));
    m.content = "";
    ck_assert(!llmq_run_is_trigger(&m));
    m.content = NULL;
    ck_assert(!llmq_run_is_trigger(&m));
    m.content = "x";
    m.type = "user.note";
    ck_assert(!llmq_run_is_trigger(&m));
    m.type = "user.prompt";
    m.role = LLMQ_ROLE_AGENT;
    ck_assert(!llmq_run_is_trigger(&m));
}
END_TEST

START_TEST(a_job_tells_its_run)
{
    llmq_job_t job;
    llmq_run_t back;

    llmq_run_job(&job, &run, 2, 77, test_pool);
    ck_assert_int_eq(job.kind, LLMQ_KIND_RUN);
    ck_assert_int_eq(job.max_retries, 2);
    ck_assert_int_eq(job.run_at, 77);
    ck_assert_str_eq(job.type, llmq_run_type("bot", test_pool));
    ck_assert_int_eq(llmq_run_of_job(&back, &job, test_pool), APR_SUCCESS);
    ck_assert_str_eq(back.id, "r1");
    ck_assert_str_eq(back.session, "s1");
    ck_assert_str_eq(back.trigger, "m1");
    ck_assert_str_eq(back.agent, "bot");
    ck_assert_str_eq(back.user, "ann");
    job.type = "document_processing";
    ck_assert_int_eq(llmq_run_of_job(&back, &job, test_pool), APR_EGENERAL);
    llmq_run_job(&job, &run, 2, 77, test_pool);
    job.payload = "[]";
    ck_assert_int_eq(llmq_run_of_job(&back, &job, test_pool), APR_EGENERAL);
}
END_TEST

START_TEST(an_answer_has_content_or_a_payload)
{
    ck_assert(llmq_run_is_answer("{\"content\":\"\"}", test_pool));
    ck_assert(llmq_run_is_answer("{\"payload\":{}}", test_pool));
    ck_assert(!llmq_run_is_answer("{\"content\":7}", test_pool));
    ck_assert(!llmq_run_is_answer("{}", test_pool));
}
END_TEST

static llmq_run_end_t end_of(llmq_status_e status, const char *result, const char *error)
{
    llmq_job_t job = {.status = status,
                      .result = result,
                      .error = error,
                      .retry_count = 1,
                      .started_at = 1000000,
                      .finished_at = 1250000};
    llmq_run_end_t end;

    llmq_run_end_of_job(&end, &job, test_pool);
    ck_assert_int_eq(end.attempts, 2);
    ck_assert_int_eq(end.latency_msec, 250);
    ck_assert_int_eq(end.finished_at, 1250000);
    return end;
}

START_TEST(ends_follow_from_the_job)
{
    llmq_run_end_t end =
        end_of(LLMQ_STATUS_COMPLETED, "{\"content\":\"Hi\",\"payload\":{\"a\":1}}", NULL);

    ck_assert_int_eq(end.status, LLMQ_RUN_DONE);
    ck_assert_str_eq(end.content, "Hi");
    ck_assert_str_eq(end.payload, "{\"a\":1}");
    ck_assert_ptr_null(end.error);
    end = end_of(LLMQ_STATUS_CANCELED, NULL, NULL);
    ck_assert_int_eq(end.status, LLMQ_RUN_CANCELED);
    end = end_of(LLMQ_STATUS_FAILED, NULL,
                 "{\"type\":\"status\",\"message\":\"The answer is HTTP 500: no\","
                 "\"http_status\":500,\"retryable\":true}");
    ck_assert_int_eq(end.status, LLMQ_RUN_FAILED);
    ck_assert_str_eq(end.error, "The agent answered HTTP 500");
    ck_assert_str_eq(end.raw, "The answer is HTTP 500: no");
    ck_assert_int_eq(end.http_status, 500);
    ck_assert_int_eq(end.retryable, 1);
    end = end_of(LLMQ_STATUS_TIMEOUT, NULL, "{\"type\":\"timeout\",\"message\":\"m\"}");
    ck_assert_int_eq(end.status, LLMQ_RUN_FAILED);
    ck_assert_str_eq(end.error, "The agent did not answer in time");
    ck_assert_int_eq(end.retryable, -1);
    end = end_of(LLMQ_STATUS_FAILED, NULL, NULL);
    ck_assert_str_eq(end.error, "The run failed");
}
END_TEST

START_TEST(shown_whole)
{
    llmq_run_t shown = run;
    llmq_text_t t;

    llmq_text_init(&t, 16, test_pool);
    llmq_run_write(&t, &shown);
    ck_assert_ptr_nonnull(strstr(t.data, "\"latency_ms\":null,\"attempts\":0"));
    ck_assert_ptr_nonnull(strstr(t.data, "\"finished_at\":null}"));
    shown.latency_msec = 5;
    shown.status = LLMQ_RUN_DONE;
    llmq_text_init(&t, 16, test_pool);
    llmq_run_write(&t, &shown);
    ck_assert_ptr_nonnull(strstr(t.data, "\"status\":\"DONE\",\"error\":null,"
                                         "\"provider\":\"bot\",\"latency_ms\":5"));
}
END_TEST

TCase *case_run(void)
{
    TCase *tc = test_case("run");

    tcase_add_test(tc, words_of_states_and_rules);
    tcase_add_test(tc, only_a_prompt_of_a_user_is_a_trigger);
    tcase_add_test(tc, a_job_tells_its_run);
    tcase_add_test(tc, an_answer_has_content_or_a_payload);
    tcase_add_test(tc, ends_follow_from_the_job);
    tcase_add_test(tc, shown_whole);
    return tc;
}
