#include "support.h"

#include "support_dispatch.h"

#include "dispatch/remember.h"
#include "queue/queue_job.h"
#include "store/store_app_turn.h"

#include <apr_strings.h>

#include <string.h>

static const llmq_app_ref_t ref = {"default", "a1"};
static dispatch_rig_t *rig;
static llmq_app_t *app;

/* An app that remembers, and a dispatcher whose backend is echo. */
static void open_rig(llmq_app_memory_e memory)
{
    llmq_app_t made = {.id = "a1",
                       .tenant = "default",
                       .owner = "ann",
                       .name = "Bot",
                       .icon = "",
                       .description = "",
                       .created_at = STORE_TEST_T0};
    llmq_app_config_t config = {
        .id = "c1", .model = "{}", .rounds = 3, .memory = memory, .updated_at = 1};
    const char *conversation = "v1";

    rig = dispatch_rig();
    rig->conf.chat.max_bytes = 4096;
    ck_assert_int_eq(llmq_store_app_create(store_test.store, &made, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_app_draft(store_test.store, &ref, &config, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_app_turn_begin(&conversation, store_test.store, &ref,
                                               memory == LLMQ_APP_MEMORY_NONE ? 0 : 1,
                                               test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_app_find(&app, store_test.store, &ref, test_pool),
                     APR_SUCCESS);
}

static void ask(int n)
{
    llmq_app_turn_t turn = {
        .id = apr_psprintf(test_pool, "0199aa00-0000-7000-8000-%012d", n),
        .app = app,
        .conversation = "v1",
        .user = "ann",
        .query = apr_psprintf(test_pool, "q%d", n),
        .now = apr_time_now(),
        .timeout = apr_time_from_sec(60)};
    llmq_job_t job;

    llmq_app_turn_job(&job, &turn, test_pool);
    dispatch_rig_store(&job);
    dispatch_rig_enter(rig, &job);
}

static apr_int64_t count(const char *what)
{
    return store_test_number(
        apr_pstrcat(test_pool, "SELECT count(*) FROM llmq_jobs WHERE ", what, NULL));
}

/* The sum of all versions is that of all memories that were written. */
static apr_int64_t versions(void)
{
    return store_test_number("SELECT summary_rev FROM llmq_apps");
}

static const char *memory(void)
{
    llmq_app_t *now = NULL;

    llmq_store_app_find(&now, store_test.store, &ref, test_pool);
    return now->summary;
}

START_TEST(a_turn_is_remembered)
{
    open_rig(LLMQ_APP_MEMORY_LONG_TERM);
    dispatch_rig_start(rig);
    ask(1);
    DISPATCH_WAIT(versions() == 1);
    ck_assert_ptr_nonnull(strstr(memory(), "Human: q1"));
    ck_assert_ptr_nonnull(strstr(memory(), "AI: Echo: q1"));
    ask(2);
    DISPATCH_WAIT(versions() == 2);
    ck_assert_ptr_nonnull(strstr(memory(), "Human: q2"));
    DISPATCH_WAIT(count("kind = 6 AND status < 2") == 0);
    ck_assert_int_eq(count("dead_letter = 1"), 0);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(without_memory_there_is_no_job)
{
    open_rig(LLMQ_APP_MEMORY_NONE);
    dispatch_rig_start(rig);
    ask(1);
    DISPATCH_WAIT(count("kind = 4 AND status = 2") == 1);
    ck_assert_int_eq(count("kind = 6"), 0);
    dispatch_rig_close(rig);
    ck_assert_str_eq(app->summary, "");
}
END_TEST

START_TEST(what_a_dead_process_left_is_begun)
{
    open_rig(LLMQ_APP_MEMORY_LONG_TERM);
    ask(1);
    store_test_sql("UPDATE llmq_jobs SET status = 2, finished_at = 5, "
                   "result = '{\"content\":\"a1\"}' WHERE kind = 4");
    dispatch_rig_start(rig);
    DISPATCH_WAIT(versions() == 1);
    ck_assert_ptr_nonnull(strstr(memory(), "AI: a1"));
    DISPATCH_WAIT(count("kind = 6 AND status < 2") == 0);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(where_nothing_is_left_there_is_no_call)
{
    llmq_app_recall_t recall = {
        .job = "mem_1", .mode = LLMQ_APP_MEMORY_LONG_TERM, .n = 1};

    ck_assert_int_eq(llmq_remember_is_done(&recall), 0);
    recall.n = 0;
    ck_assert_int_ne(llmq_remember_is_done(&recall), 0);
    recall.n = 1;
    recall.mode = LLMQ_APP_MEMORY_NONE;
    ck_assert_int_ne(llmq_remember_is_done(&recall), 0);
    recall.mode = LLMQ_APP_MEMORY_LONG_TERM;
    recall.job = NULL;
    ck_assert_int_ne(llmq_remember_is_done(&recall), 0);
}
END_TEST

TCase *case_remember(void)
{
    TCase *tc = test_case("remember");

    tcase_add_test(tc, a_turn_is_remembered);
    tcase_add_test(tc, without_memory_there_is_no_job);
    tcase_add_test(tc, what_a_dead_process_left_is_begun);
    tcase_add_test(tc, where_nothing_is_left_there_is_no_call);
    return tc;
}
