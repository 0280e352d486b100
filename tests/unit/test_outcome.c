#include "dispatch/outcome.h"

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/dispatch_inner.h"
#include "dispatch/ways.h"
#include "support.h"

#include <string.h>

#define ENDED 9000

static llmq_dispatch_conf_t conf;
static llmq_dispatch_t dispatch;
static llmq_backend_conf_t backend;
static llmq_attempt_t attempt;
static llmq_outcome_t o;

static void hush(void *ctx, llmq_log_level_e level, const char *file, int line,
                 apr_status_t rv, const char *text)
{
    (void)ctx, (void)level, (void)file, (void)line, (void)rv, (void)text;
}

/* An attempt of a kind, the fifth of its job, after one retry. */
static void begin(llmq_kind_e kind)
{
    llmq_log_set_sink(hush, NULL, LLMQ_LOG_WARNING);
    memset(&conf, 0, sizeof(conf));
    memset(&attempt, 0, sizeof(attempt));
    memset(&o, 0xff, sizeof(o)); /* what is decided does not rest on what was there */
    conf.retry.base = conf.retry.max = apr_time_from_sec(100);
    dispatch.conf = &conf;
    dispatch.ways = llmq_ways();
    backend.name = "first";
    backend.kind = LLMQ_BACKEND_ECHO;
    attempt.d = &dispatch;
    attempt.way = llmq_dispatch_inner_way(&dispatch, kind);
    attempt.pool = test_pool;
    attempt.begun_at = 1000;
    attempt.job.kind = kind;
    attempt.job.attempt = 5;
    attempt.job.retry_count = 1;
    attempt.job.max_retries = 3;
    attempt.call.id = "msg_a";
    attempt.call.backend = &backend;
    attempt.call.pool = test_pool;
    attempt.call.ended_at = ENDED;
    attempt.call.prompt_tokens = attempt.call.completion_tokens = -1;
}

static void decide(void)
{
    llmq_outcome_decide(&o, &attempt);
    ck_assert_str_eq(o.id, "msg_a");
    ck_assert_int_eq(o.attempt, 5);
}

static void check_not_again(void)
{
    ck_assert_int_eq(o.next_attempt, 5);
    ck_assert_int_eq(o.retry_count, 1);
    ck_assert_int_eq(o.run_at, 0);
    ck_assert_int_eq(o.finished_at, ENDED);
}

START_TEST(an_answer_is_a_result)
{
    begin(LLMQ_KIND_MESSAGE);
    attempt.call.ok = 1;
    attempt.call.content = "yes";
    decide();
    ck_assert_int_eq(o.status, LLMQ_STATUS_COMPLETED);
    ck_assert_ptr_nonnull(strstr(o.result, "\"yes\""));
    ck_assert_ptr_null(o.error);
    ck_assert_int_eq(o.started_at, 1000);
    ck_assert_int_eq(o.dead_letter, 0);
    check_not_again();
}
END_TEST

START_TEST(a_failure_is_tried_again)
{
    begin(LLMQ_KIND_MESSAGE);
    attempt.call.failure.kind = LLMQ_FAILURE_CONNECT;
    attempt.call.error = "refused";
    decide();
    ck_assert_int_eq(o.status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(o.next_attempt, 6);
    ck_assert_int_eq(o.retry_count, 2);
    ck_assert_int_gt(o.run_at, ENDED);
    ck_assert_int_eq(o.finished_at, 0);
    ck_assert_int_eq(o.dead_letter, 0);
    ck_assert_ptr_nonnull(strstr(o.error, "\"refused\""));
    ck_assert_ptr_null(o.result);
}
END_TEST

/* Who is no dead letter when it is given up. */
static const struct {
    llmq_kind_e kind;
    int is_letter;
} kinds[] = {{LLMQ_KIND_NONE, 0},       {LLMQ_KIND_MESSAGE, 1}, {LLMQ_KIND_TASK, 1},
             {LLMQ_KIND_DEBUG, 0},      {LLMQ_KIND_MEMORY, 0},  {LLMQ_KIND_COUNT, 0},
             {(llmq_kind_e)9999999, 0}, {(llmq_kind_e)-1, 0}};

#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

START_TEST(in_the_end_it_is_given_up)
{
    begin(kinds[_i].kind);
    attempt.job.retry_count = attempt.job.max_retries = 1;
    attempt.call.failure.kind = LLMQ_FAILURE_CONNECT;
    decide();
    ck_assert_int_eq(o.status, LLMQ_STATUS_FAILED);
    ck_assert_int_eq(o.dead_letter, kinds[_i].is_letter);
    check_not_again();
}
END_TEST

START_TEST(who_was_not_begun_in_time_has_a_timeout)
{
    begin(kinds[_i].kind);
    attempt.expired = 1;
    decide();
    ck_assert_int_eq(o.status, LLMQ_STATUS_TIMEOUT);
    ck_assert_int_eq(o.started_at, 0);
    ck_assert_int_eq(o.dead_letter, kinds[_i].is_letter);
    ck_assert_ptr_nonnull(strstr(o.error, "\"deadline\""));
    check_not_again();
}
END_TEST

/* It costs no retry, and says nothing of an error. */
START_TEST(what_is_handed_back_is_done_at_once)
{
    begin(LLMQ_KIND_MESSAGE);
    attempt.handed_back = 1;
    attempt.call.failure.kind = LLMQ_FAILURE_CONNECT;
    decide();
    ck_assert_int_eq(o.status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(o.next_attempt, 6);
    ck_assert_int_eq(o.retry_count, 1);
    ck_assert_int_eq(o.run_at, ENDED);
    ck_assert_int_eq(o.finished_at, 0);
    ck_assert_ptr_null(o.error);
}
END_TEST

START_TEST(a_run_is_tried_again_as_its_agent_has_it)
{
    llmq_agent_conf_t agent = {.to = backend};
    llmq_run_t run = {.id = "msg_a"};
    apr_interval_time_t wait = apr_time_from_sec(100000);

    begin(LLMQ_KIND_RUN);
    agent.retry.base = agent.retry.max = wait;
    attempt.run = &run;
    attempt.agent = &agent;
    attempt.call.failure.kind = LLMQ_FAILURE_CONNECT;
    decide();
    ck_assert_int_eq(o.status, LLMQ_STATUS_PENDING);
    ck_assert_int_ge(o.run_at, wait / 2);
    ck_assert_ptr_nonnull(strstr(o.error, "\"retryable\":true"));
    attempt.job.retry_count = 3;
    decide();
    ck_assert_int_eq(o.status, LLMQ_STATUS_FAILED);
    ck_assert_int_eq(o.dead_letter, 0);
}
END_TEST

START_TEST(a_run_that_was_refused_has_not_begun)
{
    llmq_agent_conf_t agent = {.to = backend};

    begin(LLMQ_KIND_RUN);
    attempt.agent = &agent;
    attempt.refused = 1;
    attempt.call.failure.kind = LLMQ_FAILURE_REQUEST;
    decide();
    ck_assert_int_eq(o.status, LLMQ_STATUS_FAILED);
    ck_assert_int_eq(o.started_at, 0);
    ck_assert_ptr_nonnull(strstr(o.error, "\"retryable\":false"));
}
END_TEST

START_TEST(what_cannot_be_stored_is_a_failure)
{
    apr_time_t now = llmq_clock_now();

    begin(kinds[_i].kind);
    attempt.call.ok = 1;
    attempt.call.content = "yes";
    decide();
    llmq_outcome_refuse(&o, &attempt);
    ck_assert_int_eq(o.status, LLMQ_STATUS_FAILED);
    ck_assert_int_eq(o.dead_letter, kinds[_i].is_letter);
    ck_assert_ptr_null(o.result);
    ck_assert_ptr_nonnull(strstr(o.error, "\"unstorable\""));
    ck_assert_str_eq(o.used.model, "other");
    ck_assert_int_ge(o.finished_at, now);
    o.finished_at = ENDED;
    check_not_again();
}
END_TEST

START_TEST(what_has_charges_settles)
{
    begin(LLMQ_KIND_MESSAGE);
    attempt.call.ok = 1;
    decide();
    ck_assert_int_eq(o.settles, 0);
    attempt.job.charges = "";
    decide();
    ck_assert_int_eq(o.settles, 1);
}
END_TEST

TCase *case_outcome(void)
{
    TCase *tc = test_case("outcome");

    tcase_add_test(tc, an_answer_is_a_result);
    tcase_add_test(tc, a_failure_is_tried_again);
    tcase_add_loop_test(tc, in_the_end_it_is_given_up, 0, KINDS);
    tcase_add_loop_test(tc, who_was_not_begun_in_time_has_a_timeout, 0, KINDS);
    tcase_add_test(tc, what_is_handed_back_is_done_at_once);
    tcase_add_test(tc, a_run_is_tried_again_as_its_agent_has_it);
    tcase_add_test(tc, a_run_that_was_refused_has_not_begun);
    tcase_add_loop_test(tc, what_cannot_be_stored_is_a_failure, 0, KINDS);
    tcase_add_test(tc, what_has_charges_settles);
    return tc;
}
