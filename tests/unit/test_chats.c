#include "dispatch/chats.h"

#include "dispatch/dispatch_inner.h"
#include "dispatch/ways.h"
#include "support.h"

#include <string.h>

#define SECOND APR_USEC_PER_SEC

static llmq_dispatch_conf_t conf;
static llmq_dispatch_t dispatch;
static llmq_entry_t entry;
static llmq_job_t job;
static llmq_attempt_t *attempt;

/* A job of a kind that was given a minute. */
static void begin(llmq_kind_e kind)
{
    dispatch.conf = &conf;
    dispatch.ways = llmq_ways();
    dispatch.attempts = llmq_stash_create(test_pool);
    memset(&job, 0, sizeof(job));
    job.id = "msg_a";
    job.tenant = "default";
    job.kind = kind;
    job.payload = "Hello";
    job.payload_len = 5;
    job.metadata = "{\"app_id\":\"app\",\"dialog_round\":3,\"memory\":true}";
    job.timeout = 60 * SECOND;
    job.deadline = apr_time_now() + 3600 * SECOND;
}

static void make(void)
{
    attempt = llmq_attempt_create(&dispatch, &entry, &job, NULL);
    ck_assert_ptr_nonnull(attempt);
}

START_TEST(models_are_asked_what_was_said)
{
    static const struct {
        llmq_kind_e kind;
        int is_chat;
    } kinds[] = {{LLMQ_KIND_NONE, 0},  {LLMQ_KIND_MESSAGE, 1},   {LLMQ_KIND_TASK, 0},
                 {LLMQ_KIND_RUN, 0},   {LLMQ_KIND_DEBUG, 1},     {LLMQ_KIND_MEMORY, 0},
                 {LLMQ_KIND_COUNT, 0}, {LLMQ_KIND_COMPLETION, 0}};

    begin(kinds[_i].kind);
    make();
    ck_assert_int_eq(attempt->call.messages != NULL, kinds[_i].is_chat);
    if (kinds[_i].is_chat)
        ck_assert_ptr_nonnull(strstr(attempt->call.messages, "\"Hello\""));
    ck_assert_ptr_null(attempt->call.piece); /* there is no bus */
    ck_assert_int_eq(attempt->call.timeout, 60 * SECOND);
    llmq_attempt_destroy(attempt);
}
END_TEST

START_TEST(the_deadline_of_a_turn_is_for_its_end)
{
    begin(_i ? LLMQ_KIND_DEBUG : LLMQ_KIND_MESSAGE);
    job.deadline = apr_time_now() + 30 * SECOND;
    make();
    if (_i)
        ck_assert_int_lt(attempt->call.timeout, 31 * SECOND);
    else
        ck_assert_int_eq(attempt->call.timeout, 60 * SECOND);
    llmq_attempt_destroy(attempt);
    job.deadline = 1;
    make();
    ck_assert_int_gt(attempt->call.timeout, 0);
    if (_i)
        ck_assert_int_lt(attempt->call.timeout, SECOND);
    llmq_attempt_destroy(attempt);
}
END_TEST

START_TEST(turns_with_memory_are_remembered)
{
    begin(LLMQ_KIND_DEBUG);
    make();
    ck_assert_str_eq(attempt->app, "app");
    llmq_attempt_destroy(attempt);
    job.metadata = "{\"app_id\":\"app\",\"dialog_round\":3}";
    make();
    ck_assert_ptr_null(attempt->app);
    llmq_attempt_destroy(attempt);
    begin(LLMQ_KIND_MESSAGE);
    make();
    ck_assert_ptr_null(attempt->app);
    llmq_attempt_destroy(attempt);
}
END_TEST

TCase *case_chats(void)
{
    TCase *tc = test_case("chats");

    tcase_add_loop_test(tc, models_are_asked_what_was_said, 0, 8);
    tcase_add_loop_test(tc, the_deadline_of_a_turn_is_for_its_end, 0, 2);
    tcase_add_test(tc, turns_with_memory_are_remembered);
    return tc;
}
