#include "support.h"

#include "support_dispatch.h"

#include "dispatch/briefs.h"
#include "store/store_agent.h"
#include "store/store_append.h"
#include "store/store_session.h"

#include <apr_strings.h>

#include <string.h>

static dispatch_rig_t *rig;

/* An agent that answers by itself, and a session "s1". */
static void open_rig(void)
{
    llmq_session_t s = {
        .id = "s1", .tenant = "default", .owner = "ann", .created_at = STORE_TEST_T0};

    rig = dispatch_rig();
    dispatch_rig_agent(rig);
    rig->conf.chat.max_turns = 2;
    rig->conf.chat.max_bytes = 100;
    ck_assert_int_eq(llmq_store_session_create(store_test.store, &s, test_pool),
                     APR_SUCCESS);
    dispatch_rig_create(rig);
}

static void say(const char *id, llmq_role_e role, const char *type, const char *content)
{
    llmq_append_t append;

    memset(&append, 0, sizeof(append));
    append.tenant = "default";
    append.message.session = "s1";
    append.message.id = id;
    append.message.role = role;
    append.message.type = type;
    append.message.content = content;
    append.message.created_at = STORE_TEST_T0;
    ck_assert_int_eq(llmq_store_append(&append, 1, store_test.store, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(append.outcome, LLMQ_APPEND_STORED);
}

static llmq_brief_t *brief_of(const char *trigger)
{
    static llmq_job_t job;
    llmq_run_t run = {.id = "r1",
                      .tenant = "default",
                      .session = "s1",
                      .trigger = trigger,
                      .agent = "bot",
                      .user = "ann",
                      .created_at = STORE_TEST_T0};
    llmq_job_t *jobs[2] = {NULL, &job};
    llmq_brief_t *briefs = NULL;

    llmq_run_job(&job, &run, 0, STORE_TEST_T0, test_pool);
    ck_assert_int_eq(
        llmq_briefs_make(&briefs, rig->d, store_test.store, jobs, 2, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(briefs[0].state, LLMQ_BRIEF_NONE);
    return &briefs[1];
}

START_TEST(it_is_sent_what_was_said_before)
{
    llmq_brief_t *brief;

    open_rig();
    say("m1", LLMQ_ROLE_USER, "user.prompt", "one");
    say("m2", LLMQ_ROLE_SYSTEM, "run.error", "not this");
    say("m3", LLMQ_ROLE_AGENT, "agent.message", "two");
    say("m4", LLMQ_ROLE_SYSTEM, "note", "three");
    say("m5", LLMQ_ROLE_TOOL, "tool.result", "four");
    say("m6", LLMQ_ROLE_USER, "user.note", NULL);
    say("m7", LLMQ_ROLE_USER, "user.prompt", "five");
    say("m8", LLMQ_ROLE_USER, "user.prompt", "later");
    brief = brief_of("m7");
    ck_assert_int_eq(brief->state, LLMQ_BRIEF_READY);
    ck_assert_str_eq(brief->chat, "[{\"role\":\"user\",\"content\":\"one\"},"
                                  "{\"role\":\"assistant\",\"content\":\"two\"},"
                                  "{\"role\":\"system\",\"content\":\"three\"},"
                                  "{\"role\":\"user\",\"content\":\"four\"},"
                                  "{\"role\":\"user\",\"content\":\"five\"}]");
    ck_assert_ptr_nonnull(strstr(brief->body, "\"run_id\":\"r1\",\"session_id\":\"s1\","
                                              "\"attempt\":1,\"trigger_message\":{"
                                              "\"message_id\":\"m7\""));
    ck_assert_ptr_null(strstr(brief->body, "later"));
    brief_of("m7");
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_session_messages "
                                       "WHERE type = 'run.status'"),
                     1);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(the_newest_as_far_as_they_fit_and_nothing_undone)
{
    llmq_run_t undone = {.id = "r0",
                         .tenant = "default",
                         .session = "s1",
                         .trigger = "m3",
                         .agent = "bot",
                         .user = "ann",
                         .created_at = STORE_TEST_T0};
    char *large = apr_palloc(test_pool, 91);

    open_rig();
    memset(large, 'x', 90);
    large[90] = '\0';
    say("m1", LLMQ_ROLE_USER, "user.prompt", large);
    say("m2", LLMQ_ROLE_AGENT, "agent.message", "a small one");
    say("m3", LLMQ_ROLE_USER, "user.prompt", "taken back");
    say("m4", LLMQ_ROLE_USER, "user.prompt", "now");
    ck_assert_int_eq(llmq_store_agent_insert(store_test.store, &undone, test_pool),
                     APR_SUCCESS);
    store_test_sql("UPDATE llmq_runs SET rolled_back = 1");
    ck_assert_str_eq(brief_of("m4")->chat,
                     "[{\"role\":\"assistant\",\"content\":\"a small one\"},"
                     "{\"role\":\"user\",\"content\":\"now\"}]");
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(what_cannot_be_begun_is_refused)
{
    open_rig();
    say("m1", LLMQ_ROLE_AGENT, "agent.message", "x");
    say("m2", LLMQ_ROLE_USER, "user.prompt", "x");
    ck_assert_int_eq(brief_of("m1")->state, LLMQ_BRIEF_REFUSED);
    ck_assert_int_eq(brief_of("m9")->state, LLMQ_BRIEF_REFUSED);
    store_test_sql("UPDATE llmq_sessions SET status = 2");
    ck_assert_int_eq(brief_of("m2")->state, LLMQ_BRIEF_REFUSED);
    ck_assert_str_eq(brief_of("m2")->why, "Session is closed");
    ck_assert_int_eq(store_test_number("SELECT last_seq FROM llmq_sessions"), 2);
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_briefs(void)
{
    TCase *tc = test_case("briefs");

    tcase_add_test(tc, it_is_sent_what_was_said_before);
    tcase_add_test(tc, the_newest_as_far_as_they_fit_and_nothing_undone);
    tcase_add_test(tc, what_cannot_be_begun_is_refused);
    return tc;
}
