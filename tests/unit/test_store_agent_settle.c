#include "store_support.h"

#include "store/store_agent.h"
#include "store/store_agent_settle.h"
#include "store/store_session.h"

#include <string.h>

#define T0 STORE_TEST_T0

static llmq_run_t run;

static void open_session(int dialect)
{
    llmq_session_t s = {.id = "s1", .tenant = "acme", .owner = "ann", .created_at = T0};
    llmq_append_t prompt = {.tenant = "acme"};

    store_test_open(dialect);
    ck_assert_int_eq(llmq_store_session_create(store_test.store, &s, test_pool),
                     APR_SUCCESS);
    prompt.message.session = "s1";
    prompt.message.id = "m1";
    prompt.message.type = "user.prompt";
    prompt.message.content = "Hello";
    prompt.message.created_at = T0;
    ck_assert_int_eq(llmq_store_append(&prompt, 1, store_test.store, test_pool),
                     APR_SUCCESS);
    run = (llmq_run_t){.id = "r1",
                       .tenant = "acme",
                       .session = "s1",
                       .trigger = "m1",
                       .agent = "bot",
                       .user = "ann",
                       .created_at = T0};
    ck_assert_int_eq(llmq_store_agent_insert(store_test.store, &run, test_pool),
                     APR_SUCCESS);
}

static llmq_run_verdict_t verdict(llmq_run_status_e status)
{
    llmq_run_verdict_t v = {.run = run};

    v.end.status = status;
    v.end.content = status == LLMQ_RUN_DONE ? "Hi" : NULL;
    v.end.error = status == LLMQ_RUN_FAILED ? "No" : NULL;
    v.end.finished_at = T0 + 7;
    v.end.attempts = 1;
    v.end.latency_msec = 3;
    return v;
}

/* Returns how many words were appended. */
static int settle(llmq_run_verdict_t *v)
{
    llmq_append_t *appends = NULL;
    int stored = 0;
    int n = 0;
    int i;

    ck_assert_int_eq(
        llmq_store_agent_settle(&appends, &n, store_test.store, v, 1, T0 + 8, test_pool),
        APR_SUCCESS);
    for (i = 0; i < n; i++)
        stored += appends[i].outcome == LLMQ_APPEND_STORED;
    return stored;
}

static const char *types(void)
{
    llmq_session_ref_t ref = {"acme", NULL, "s1"};
    llmq_session_message_t *items = NULL;
    llmq_text_t t;
    int n = 0;
    int i;

    ck_assert_int_eq(
        llmq_store_session_messages(&items, &n, store_test.store, &ref, 1, 99, test_pool),
        APR_SUCCESS);
    llmq_text_init(&t, 64, test_pool);
    for (i = 0; i < n; i++) {
        llmq_text_puts(&t, items[i].type);
        LLMQ_TEXT_LIT(&t, " ");
    }
    return t.data;
}

START_TEST(told_once_however_often)
{
    llmq_run_verdict_t v;
    llmq_run_verdict_t late;

    open_session(_i);
    v = verdict(LLMQ_RUN_DONE);
    late = verdict(LLMQ_RUN_CANCELED);
    ck_assert_int_eq(settle(&v), 3);
    ck_assert_int_eq(v.run.status, LLMQ_RUN_DONE);
    ck_assert_int_eq(v.run.told, 1);
    v = verdict(LLMQ_RUN_DONE);
    ck_assert_int_eq(settle(&v), 0);
    ck_assert_int_eq(settle(&late), 0);
    ck_assert_str_eq(types(), "run.status agent.message run.status ");
    ck_assert_int_eq(store_test_number("SELECT status FROM llmq_runs"), LLMQ_RUN_DONE);
    ck_assert_int_eq(store_test_number("SELECT told FROM llmq_runs"), 1);
    ck_assert_int_eq(store_test_number("SELECT latency_msec FROM llmq_runs"), 3);
    ck_assert_int_eq(store_test_number("SELECT finished_at FROM llmq_runs"), T0 + 7);
    store_test_close();
}
END_TEST

START_TEST(whoever_died_on_the_way_is_followed)
{
    llmq_run_verdict_t v;

    open_session(_i);
    v = verdict(LLMQ_RUN_FAILED);
    ck_assert_int_eq(settle(&v), 3);
    store_test_sql("UPDATE llmq_runs SET status = 0, told = 0");
    store_test_sql("DELETE FROM llmq_session_messages WHERE seq = 4");
    store_test_sql("UPDATE llmq_sessions SET last_seq = 3");
    v = verdict(LLMQ_RUN_FAILED);
    ck_assert_int_eq(settle(&v), 1);
    ck_assert_str_eq(types(), "run.status run.error run.status ");
    store_test_close();
}
END_TEST

START_TEST(a_closed_session_takes_the_last_word_only)
{
    llmq_run_verdict_t v;

    open_session(_i);
    store_test_sql("UPDATE llmq_sessions SET status = 2");
    v = verdict(LLMQ_RUN_DONE);
    ck_assert_int_eq(settle(&v), 1);
    ck_assert_str_eq(types(), "run.status ");
    ck_assert_int_eq(v.run.status, LLMQ_RUN_FAILED);
    ck_assert_str_eq(v.run.error, "Session is closed");
    store_test_close();
}
END_TEST

START_TEST(what_never_ran_does_not_begin)
{
    llmq_run_verdict_t v;

    open_session(_i);
    v = verdict(LLMQ_RUN_CANCELED);
    v.unbegun = 1;
    ck_assert_int_eq(settle(&v), 1);
    ck_assert_str_eq(types(), "run.status ");
    store_test_close();
}
END_TEST

TCase *case_store_agent_settle(void)
{
    TCase *tc = test_case("store_agent_settle");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, told_once_however_often, 0, n);
    tcase_add_loop_test(tc, whoever_died_on_the_way_is_followed, 0, n);
    tcase_add_loop_test(tc, a_closed_session_takes_the_last_word_only, 0, n);
    tcase_add_loop_test(tc, what_never_ran_does_not_begin, 0, n);
    return tc;
}
