#include "store_support.h"

#include "store/store_app_memory.h"
#include "store/store_app_turn.h"

#include <apr_strings.h>

#include <string.h>

#define T0 STORE_TEST_T0

static const llmq_app_ref_t ref = {"acme", "a1"};
static llmq_app_t *app;

static const char *turn_id(int n)
{
    return apr_psprintf(test_pool, "0199aa00-0000-7000-8000-%012d", n);
}

static apr_time_t end_of(int n)
{
    return T0 + apr_time_from_sec(n);
}

/* An app with a memory. */
static void open_app(int dialect)
{
    llmq_app_t made = {.id = "a1",
                       .tenant = "acme",
                       .owner = "ann",
                       .name = "Bot",
                       .icon = "",
                       .description = "",
                       .created_at = T0};
    llmq_app_config_t config = {.id = "c1",
                                .model = "{}",
                                .rounds = 3,
                                .memory = LLMQ_APP_MEMORY_LONG_TERM,
                                .updated_at = T0};
    const char *conversation = "v1";

    store_test_open(dialect);
    ck_assert_int_eq(llmq_store_app_create(store_test.store, &made, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_app_draft(store_test.store, &ref, &config, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(
        llmq_store_app_turn_begin(&conversation, store_test.store, &ref, T0, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(llmq_store_app_find(&app, store_test.store, &ref, test_pool),
                     APR_SUCCESS);
}

/* The n-th turn, which has ended n seconds after T0. */
static llmq_job_t *say(int n)
{
    llmq_app_turn_t turn = {.id = turn_id(n),
                            .app = app,
                            .conversation = "v1",
                            .user = "ann",
                            .query = apr_psprintf(test_pool, "q%d", n),
                            .now = T0};
    llmq_outcome_t o = {.id = turn.id,
                        .status = LLMQ_STATUS_COMPLETED,
                        .finished_at = end_of(n),
                        .result = apr_psprintf(test_pool, "{\"content\":\"a%d\"}", n)};
    llmq_job_t *job = apr_palloc(test_pool, sizeof(*job));

    llmq_app_turn_job(job, &turn, test_pool);
    store_test_insert(store_test.store, job);
    ck_assert_int_eq(llmq_store_job_finish(store_test.store, &o, 1, test_pool),
                     APR_SUCCESS);
    job->finished_at = end_of(n);
    return job;
}

static llmq_app_recall_t recall(const llmq_job_t *turn)
{
    llmq_app_recall_t *recalls = NULL;
    llmq_job_t *jobs[2] = {NULL, apr_palloc(test_pool, sizeof(llmq_job_t))};

    llmq_app_turn_memory_job(jobs[1], turn, "a1", 0, test_pool);
    ck_assert_int_eq(
        llmq_store_app_memory_recall(&recalls, store_test.store, jobs, 2, test_pool),
        APR_SUCCESS);
    ck_assert_ptr_null(recalls[0].job);
    return recalls[1];
}

static void learn(const llmq_app_recall_t *of, const char *summary, int upto)
{
    llmq_app_lesson_t lesson = {"a1",    "acme",      "memory/a1",
                                summary, of->version, end_of(upto)};

    ck_assert_int_eq(llmq_store_app_memory_learn(store_test.store, &lesson, 1, test_pool),
                     APR_SUCCESS);
}

static const char *memory(void)
{
    llmq_app_t *now = NULL;

    ck_assert_int_eq(llmq_store_app_find(&now, store_test.store, &ref, test_pool),
                     APR_SUCCESS);
    return now->summary;
}

START_TEST(what_was_said_since_the_memory_was_written)
{
    llmq_app_recall_t r;
    llmq_job_t *last;

    open_app(_i);
    say(1);
    last = say(2);
    r = recall(last);
    ck_assert_ptr_nonnull(r.job);
    ck_assert_int_eq(r.mode, LLMQ_APP_MEMORY_LONG_TERM);
    ck_assert_str_eq(r.summary, "");
    ck_assert_int_eq(r.n, 2);
    ck_assert_str_eq(r.turns[0].prompt, "q1");
    ck_assert_str_eq(r.turns[1].answer, "a2");
    ck_assert_int_eq(r.ends[1], end_of(2));
    learn(&r, "m1", 1);
    ck_assert_str_eq(memory(), "m1");
    r = recall(last);
    ck_assert_str_eq(r.summary, "m1");
    ck_assert_int_eq(r.n, 1);
    ck_assert_str_eq(r.turns[0].prompt, "q2");
    learn(&r, "m2", 2);
    r = recall(last);
    ck_assert_ptr_nonnull(r.job);
    ck_assert_int_eq(r.n, 0);
    store_test_close();
}
END_TEST

START_TEST(what_is_written_by_hand_stays)
{
    llmq_app_ref_t foreign = {"other", "a1"};
    llmq_app_recall_t r;
    llmq_job_t *turn;

    open_app(_i);
    turn = say(1);
    r = recall(turn);
    ck_assert_int_eq(llmq_store_app_memory_remember(store_test.store, &foreign, "x",
                                                    end_of(5), test_pool),
                     APR_NOTFOUND);
    ck_assert_int_eq(llmq_store_app_memory_remember(store_test.store, &ref, "mine",
                                                    end_of(5), test_pool),
                     APR_SUCCESS);
    learn(&r, "too late", 1);
    ck_assert_str_eq(memory(), "mine");
    ck_assert_int_eq(recall(turn).n, 0);
    ck_assert_int_eq(recall(say(6)).n, 1);
    store_test_close();
}
END_TEST

START_TEST(gone_apps_and_others_modes)
{
    llmq_app_config_t config = {.id = "c1", .model = "{}", .updated_at = T0 + 1};
    llmq_job_t *turn;

    open_app(_i);
    turn = say(1);
    llmq_store_app_draft(store_test.store, &ref, &config, test_pool);
    ck_assert_int_eq(recall(turn).mode, LLMQ_APP_MEMORY_NONE);
    llmq_store_app_remove(store_test.store, &ref, T0 + 2, test_pool);
    ck_assert_ptr_null(recall(turn).job);
    store_test_close();
}
END_TEST

static apr_int64_t due(void)
{
    return store_test_number("SELECT memory_due FROM llmq_apps");
}

START_TEST(turns_that_nobody_began_to_remember_are_found_once)
{
    llmq_app_forgotten_t *found = NULL;
    llmq_app_lesson_t lesson = {"a1", "acme", "memory/a1", "m", 0, 0};
    llmq_job_t job;
    int n = 9;

    open_app(_i);
    say(1);
    say(2);
    ck_assert_int_eq(llmq_store_app_memory_forgotten(&found, &n, store_test.store,
                                                     end_of(2), 9, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(found[0].turn.id, turn_id(1));
    ck_assert_str_eq(found[0].turn.chain, "debug/v1");
    ck_assert_str_eq(found[0].app, "a1");
    ck_assert_int_eq(due(), T0);
    for (n = 1; n <= 2; n++) {
        llmq_job_t turn = found[0].turn;

        turn.id = turn_id(n);
        turn.finished_at = end_of(n);
        llmq_app_turn_memory_job(&job, &turn, "a1", 0, test_pool);
        store_test_insert(store_test.store, &job);
    }
    ck_assert_int_eq(llmq_store_app_memory_forgotten(&found, &n, store_test.store,
                                                     end_of(9), 9, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(due(), 0);
    store_test_sql("UPDATE llmq_jobs SET status = 2 WHERE kind = 6");
    lesson.upto = end_of(1);
    ck_assert_int_eq(llmq_store_app_memory_tidy(store_test.store, &lesson, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_jobs WHERE kind = 6"),
                     1);
    store_test_close();
}
END_TEST

TCase *case_store_app_memory(void)
{
    TCase *tc = test_case("store_app_memory");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, what_was_said_since_the_memory_was_written, 0, n);
    tcase_add_loop_test(tc, what_is_written_by_hand_stays, 0, n);
    tcase_add_loop_test(tc, gone_apps_and_others_modes, 0, n);
    tcase_add_loop_test(tc, turns_that_nobody_began_to_remember_are_found_once, 0, n);
    return tc;
}
