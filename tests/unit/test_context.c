#include "dispatch/context.h"

#include "store_support.h"

#include <string.h>

#define T0 STORE_TEST_T0

static const llmq_chat_conf_t conf = {20, 32768};

static llmq_job_t *say(const char *id, const char *result)
{
    llmq_job_t *job = store_test_job(id);
    llmq_outcome_t done = {0};

    job->payload = id;
    job->payload_len = strlen(id);
    store_test_insert(store_test.store, job);
    done.id = id;
    done.status = LLMQ_STATUS_COMPLETED;
    done.finished_at = T0 + 1;
    done.result = result;
    if (result)
        ck_assert_int_eq(llmq_store_job_finish(store_test.store, &done, 1, test_pool),
                         APR_SUCCESS);
    return store_test_find(id);
}

static llmq_chat_past_t *load(llmq_job_t *const *jobs, int n, const llmq_chat_conf_t *c)
{
    llmq_chat_past_t *pasts = NULL;

    ck_assert_int_eq(llmq_context_load(&pasts, store_test.store, jobs, n, c, test_pool),
                     APR_SUCCESS);
    ck_assert_ptr_nonnull(pasts);
    return pasts;
}

START_TEST(each_message_gets_its_own_past)
{
    llmq_chat_past_t *pasts;
    llmq_job_t *jobs[3] = {NULL, NULL, NULL};

    store_test_open(_i);
    say("q1", "{\"content\":\"a1\"}");
    say("q2", "{\"content\":\"a\\n2\",\"model\":\"m\"}");
    jobs[1] = say("q3", NULL);
    jobs[2] = store_test_job("alone");
    jobs[2]->chain = "conv_2";
    store_test_insert(store_test.store, jobs[2]);
    jobs[2] = store_test_find("alone");
    store_test_sql("UPDATE llmq_conversations SET context = 'ctx' WHERE id = 'conv_1'");
    pasts = load(jobs, 3, &conf);
    ck_assert_int_eq(pasts[0].n, 0);
    ck_assert_str_eq(pasts[1].context, "ctx");
    ck_assert_int_eq(pasts[1].n, 2);
    ck_assert_str_eq(pasts[1].turns[0].prompt, "q1");
    ck_assert_str_eq(pasts[1].turns[0].answer, "a1");
    ck_assert_str_eq(pasts[1].turns[1].prompt, "q2");
    ck_assert_str_eq(pasts[1].turns[1].answer, "a\n2");
    ck_assert_int_eq(pasts[2].n, 0);
    ck_assert_ptr_null(pasts[2].context);
    store_test_close();
}
END_TEST

/* What an outside processor may have stored as its result. */
START_TEST(turns_without_an_answer_are_none)
{
    llmq_job_t *jobs[1];
    llmq_chat_past_t *pasts;

    store_test_open(_i);
    say("q1", "{\"content\":\"a1\"}");
    say("q2", "{\"content\":null}");
    say("q3", "{\"content\":[1]}");
    say("q4", "{}");
    say("q5", "[]");
    say("q6", "broken");
    jobs[0] = say("q7", NULL);
    pasts = load(jobs, 1, &conf);
    ck_assert_int_eq(pasts[0].n, 1);
    ck_assert_str_eq(pasts[0].turns[0].prompt, "q1");
    store_test_close();
}
END_TEST

START_TEST(limits_hold)
{
    llmq_chat_conf_t small = {20, 4};
    llmq_job_t *jobs[1];
    llmq_chat_past_t *pasts;

    store_test_open(_i);
    say("q1", "{\"content\":\"a1\"}");
    say("q2", "{\"content\":\"a2\"}");
    jobs[0] = say("q3", NULL);
    pasts = load(jobs, 1, &small);
    ck_assert_int_eq(pasts[0].n, 1);
    ck_assert_str_eq(pasts[0].turns[0].prompt, "q2");
    small.max_turns = 0;
    ck_assert_int_eq(load(jobs, 1, &small)[0].n, 0);
    store_test_close();
}
END_TEST

START_TEST(a_database_that_is_away_is_reported)
{
    llmq_chat_past_t *pasts = NULL;
    llmq_job_t *jobs[1];

    store_test_open(0);
    jobs[0] = say("q1", NULL);
    store_test_sql("ALTER TABLE llmq_conversations RENAME TO away");
    ck_assert_int_eq(
        llmq_context_load(&pasts, store_test.store, jobs, 1, &conf, test_pool),
        LLMQ_ESTORE);
    store_test_close();
}
END_TEST

TCase *case_context(void)
{
    TCase *tc = test_case("context");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, each_message_gets_its_own_past, 0, dialects);
    tcase_add_loop_test(tc, turns_without_an_answer_are_none, 0, dialects);
    tcase_add_loop_test(tc, limits_hold, 0, dialects);
    tcase_add_test(tc, a_database_that_is_away_is_reported);
    return tc;
}
