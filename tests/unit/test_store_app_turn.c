#include "store_support.h"

#include "store/store_app_turn.h"

#include <apr_strings.h>

#include <string.h>

#define T0    STORE_TEST_T0
#define CHAIN "debug/v1"

static const char *turn_id(int n)
{
    return apr_psprintf(test_pool, "0199aa00-0000-7000-8000-%012d", n);
}

static llmq_app_t *create_app(int rounds, llmq_app_memory_e memory)
{
    llmq_app_t app = {.id = "a1",
                      .tenant = "acme",
                      .owner = "ann",
                      .name = "Bot",
                      .icon = "",
                      .description = "",
                      .created_at = T0};
    llmq_app_ref_t ref = {"acme", "a1"};
    llmq_app_config_t config = {
        .id = "c1", .model = "{}", .rounds = rounds, .memory = memory, .updated_at = T0};
    llmq_app_t *found = NULL;

    ck_assert_int_eq(llmq_store_app_create(store_test.store, &app, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_app_draft(store_test.store, &ref, &config, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_app_find(&found, store_test.store, &ref, test_pool),
                     APR_SUCCESS);
    return found;
}

/* The n-th turn, accepted n seconds after T0. */
static llmq_job_t *insert(const llmq_app_t *app, int n)
{
    llmq_app_turn_t turn = {.id = turn_id(n),
                            .app = app,
                            .conversation = "v1",
                            .user = "ann",
                            .query = apr_psprintf(test_pool, "q%d", n),
                            .now = T0 + apr_time_from_sec(n),
                            .timeout = apr_time_from_sec(60)};
    llmq_job_t *job = apr_palloc(test_pool, sizeof(*job));

    llmq_app_turn_job(job, &turn, test_pool);
    store_test_insert(store_test.store, job);
    return job;
}

static void finish(int n)
{
    llmq_outcome_t o = {.id = turn_id(n),
                        .status = LLMQ_STATUS_COMPLETED,
                        .started_at = T0,
                        .finished_at = T0 + apr_time_from_sec(100 + n),
                        .result = apr_psprintf(test_pool, "{\"content\":\"a%d\"}", n)};

    ck_assert_int_eq(llmq_store_job_finish(store_test.store, &o, 1, test_pool),
                     APR_SUCCESS);
    ck_assert_int_ne(o.accepted, 0);
}

static apr_status_t list(llmq_job_t **pjobs, int *pn, apr_int64_t *ptotal, int page)
{
    llmq_app_turns_t query = {"acme", CHAIN, page, 2};

    return llmq_store_app_turn_list(pjobs, pn, ptotal, store_test.store, &query,
                                    test_pool);
}

START_TEST(an_app_has_one_debug_conversation)
{
    llmq_app_ref_t ref = {"acme", "a1"};
    llmq_app_ref_t foreign = {"other", "a1"};
    const char *first = "v1";
    const char *second = "v2";
    const char *none = "v3";

    store_test_open(_i);
    create_app(3, LLMQ_APP_MEMORY_NONE);
    ck_assert_int_eq(
        llmq_store_app_turn_begin(&none, store_test.store, &foreign, 0, test_pool),
        APR_NOTFOUND);
    ck_assert_int_eq(
        llmq_store_app_turn_begin(&first, store_test.store, &ref, 0, test_pool),
        APR_SUCCESS);
    ck_assert_str_eq(first, "v1");
    ck_assert_int_eq(store_test_number("SELECT memory_due FROM llmq_apps"), 0);
    ck_assert_int_eq(
        llmq_store_app_turn_begin(&second, store_test.store, &ref, T0, test_pool),
        APR_SUCCESS);
    ck_assert_str_eq(second, "v1");
    ck_assert_int_eq(store_test_number("SELECT memory_due FROM llmq_apps"), T0);
    store_test_close();
}
END_TEST

START_TEST(the_list_holds_what_was_answered)
{
    llmq_app_turn_ref_t ref = {"acme", CHAIN, turn_id(3)};
    llmq_job_t *jobs = NULL;
    llmq_job_t *job = NULL;
    apr_int64_t total = 0;
    llmq_app_t *app;
    int n = 0;
    int i;

    store_test_open(_i);
    app = create_app(3, LLMQ_APP_MEMORY_NONE);
    for (i = 1; i <= 5; i++) {
        insert(app, i);
        if (i < 5)
            finish(i);
    }
    ck_assert_int_eq(list(&jobs, &n, &total, 1), APR_SUCCESS);
    ck_assert_int_eq(total, 4);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(jobs[0].id, turn_id(4));
    ck_assert_str_eq(jobs[0].payload, "q4");
    ck_assert_str_eq(jobs[1].id, turn_id(3));
    ck_assert_int_eq(
        llmq_store_app_turn_remove(&job, store_test.store, &ref, T0 + 1, test_pool),
        APR_SUCCESS);
    ck_assert_str_eq(job->payload, "q3");
    ck_assert_int_eq(
        llmq_store_app_turn_remove(&job, store_test.store, &ref, T0 + 1, test_pool),
        APR_NOTFOUND);
    ck_assert_int_eq(list(&jobs, &n, &total, 2), APR_SUCCESS);
    ck_assert_int_eq(total, 3);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(jobs[0].id, turn_id(1));
    store_test_close();
}
END_TEST

START_TEST(others_cannot_remove_it)
{
    llmq_app_turn_ref_t refs[] = {{"other", CHAIN, turn_id(1)},
                                  {"acme", "debug/v2", turn_id(1)},
                                  {"acme", CHAIN, turn_id(2)}};
    llmq_job_t *job = NULL;
    int i;

    store_test_open(_i);
    insert(create_app(3, LLMQ_APP_MEMORY_NONE), 1);
    for (i = 0; i < 3; i++)
        ck_assert_int_eq(
            llmq_store_app_turn_remove(&job, store_test.store, &refs[i], T0, test_pool),
            APR_NOTFOUND);
    store_test_close();
}
END_TEST

START_TEST(a_turn_that_is_canceled_ends)
{
    const char *ids[] = {turn_id(2), turn_id(1), "nobody"};
    llmq_outcome_t late = {.id = turn_id(1),
                           .status = LLMQ_STATUS_COMPLETED,
                           .finished_at = T0 + 9,
                           .result = "{}"};
    llmq_job_t *jobs = NULL;
    llmq_app_t *app;
    int n = 9;

    store_test_open(_i);
    app = create_app(3, LLMQ_APP_MEMORY_NONE);
    insert(app, 1);
    insert(app, 2);
    finish(2);
    ck_assert_int_eq(llmq_store_app_turn_cancel(&jobs, &n, store_test.store, ids, 3,
                                                T0 + 1, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(jobs[0].id, ids[1]);
    ck_assert_int_eq(jobs[0].status, LLMQ_STATUS_CANCELED);
    ck_assert_int_eq(jobs[0].finished_at, T0 + 1);
    ck_assert_int_eq(llmq_store_app_turn_cancel(&jobs, &n, store_test.store, ids, 3,
                                                T0 + 2, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 0);
    llmq_store_job_finish(store_test.store, &late, 1, test_pool);
    ck_assert_int_eq(late.accepted, 0);
    store_test_close();
}
END_TEST

START_TEST(the_past_is_so_many_turns_and_the_memory)
{
    llmq_job_t *jobs[3] = {NULL, NULL, NULL};
    llmq_turn_t *turns = NULL;
    llmq_app_t *app;
    int n = 9;
    int i;

    store_test_open(_i);
    app = create_app(2, LLMQ_APP_MEMORY_LONG_TERM);
    store_test_sql("UPDATE llmq_apps SET summary = 'likes tea'");
    for (i = 1; i <= 3; i++) {
        insert(app, i);
        finish(i);
    }
    jobs[1] = insert(app, 4);
    ck_assert_int_eq(
        llmq_store_app_turn_past(&turns, &n, store_test.store, jobs, 3, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(turns[0].job, turn_id(4));
    ck_assert_str_eq(turns[0].prompt, "q3");
    ck_assert_str_eq(turns[0].context, "likes tea");
    ck_assert_str_eq(turns[1].prompt, "q2");
    store_test_close();
}
END_TEST

START_TEST(no_rounds_and_no_memory)
{
    llmq_job_t *jobs[1];
    llmq_turn_t *turns = NULL;
    llmq_app_t *app;
    int n = 9;

    store_test_open(_i);
    app = create_app(0, LLMQ_APP_MEMORY_NONE);
    store_test_sql("UPDATE llmq_apps SET summary = 'likes tea'");
    insert(app, 1);
    finish(1);
    jobs[0] = insert(app, 2);
    ck_assert_int_eq(
        llmq_store_app_turn_past(&turns, &n, store_test.store, jobs, 1, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_ptr_null(turns[0].prompt);
    ck_assert_ptr_null(turns[0].context);
    store_test_close();
}
END_TEST

TCase *case_store_app_turn(void)
{
    TCase *tc = test_case("store_app_turn");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, an_app_has_one_debug_conversation, 0, n);
    tcase_add_loop_test(tc, the_list_holds_what_was_answered, 0, n);
    tcase_add_loop_test(tc, others_cannot_remove_it, 0, n);
    tcase_add_loop_test(tc, a_turn_that_is_canceled_ends, 0, n);
    tcase_add_loop_test(tc, the_past_is_so_many_turns_and_the_memory, 0, n);
    tcase_add_loop_test(tc, no_rounds_and_no_memory, 0, n);
    return tc;
}
