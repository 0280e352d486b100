#include "store_support.h"

#include "store/store_turn.h"

#include <apr_strings.h>

#include <string.h>

#define T0   STORE_TEST_T0
#define LOTS 1000000

/* A message; with a result it is completed. */
static llmq_job_t *say(const char *id, const char *tenant, const char *chain,
                       const char *result)
{
    llmq_job_t *job = store_test_job(id);
    llmq_outcome_t done = {0};

    job->tenant = tenant;
    job->chain = chain;
    job->payload = apr_pstrcat(test_pool, "says ", id, NULL);
    job->payload_len = strlen(job->payload);
    store_test_insert(store_test.store, job);
    done.id = id;
    done.status = LLMQ_STATUS_COMPLETED;
    done.finished_at = T0 + 1;
    done.result = result;
    if (result)
        ck_assert_int_eq(llmq_store_job_finish(store_test.store, &done, 1, test_pool),
                         APR_SUCCESS);
    return job;
}

static llmq_job_t *answered(const char *id, const char *chain)
{
    return say(id, "default", chain,
               apr_psprintf(test_pool, "{\"content\":\"re %s\"}", id));
}

static void set_context(const char *chain, const char *context)
{
    store_test_sql(apr_psprintf(
        test_pool, "UPDATE llmq_conversations SET context = '%s' WHERE id = '%s'",
        context, chain));
}

/* What is loaded, as a text: job(context)prompt>result … */
static const char *loaded(llmq_job_t *const *jobs, int n, int max_turns,
                          apr_int64_t bytes)
{
    const char *text = "";
    llmq_turn_t *turns = NULL;
    int n_turns, i;

    ck_assert_int_eq(llmq_store_turn_load(&turns, &n_turns, store_test.store, jobs, n,
                                          max_turns, bytes, test_pool),
                     APR_SUCCESS);
    for (i = 0; i < n_turns; i++)
        text = apr_pstrcat(test_pool, text, i ? " " : "", turns[i].job, "(",
                           turns[i].context ? turns[i].context : "", ")",
                           turns[i].prompt ? turns[i].prompt : "-", NULL);
    return text;
}

START_TEST(first_messages_have_no_past)
{
    llmq_job_t *jobs[3];

    store_test_open(_i);
    jobs[0] = say("m1", "default", "c1", NULL);
    jobs[1] = NULL;
    jobs[2] = say("m2", "default", "c2", NULL);
    ck_assert_str_eq(loaded(jobs, 3, 20, LOTS), "");
    jobs[0]->chain = jobs[2]->chain = NULL;
    ck_assert_str_eq(loaded(jobs, 3, 20, LOTS), "");
    ck_assert_str_eq(loaded(jobs, 0, 20, LOTS), "");
    store_test_close();
}
END_TEST

START_TEST(a_context_comes_without_turns)
{
    llmq_job_t *jobs[1];

    store_test_open(_i);
    jobs[0] = say("m1", "default", "c1", NULL);
    set_context("c1", "Be brief");
    ck_assert_str_eq(loaded(jobs, 1, 20, LOTS), "m1(Be brief)-");
    ck_assert_str_eq(loaded(jobs, 1, 0, 0), "m1(Be brief)-");
    store_test_close();
}
END_TEST

START_TEST(turns_come_oldest_first_the_newest_are_kept)
{
    llmq_job_t *jobs[1];

    store_test_open(_i);
    answered("m1", "c1");
    answered("m2", "c1");
    answered("m3", "c1");
    jobs[0] = say("m4", "default", "c1", NULL);
    ck_assert_str_eq(loaded(jobs, 1, 20, LOTS), "m4()says m1 m4()says m2 m4()says m3");
    ck_assert_str_eq(loaded(jobs, 1, 2, LOTS), "m4()says m2 m4()says m3");
    ck_assert_str_eq(loaded(jobs, 1, 0, LOTS), "");
    /* The newest comes whatever its size; the context once. */
    set_context("c1", "ctx");
    ck_assert_str_eq(loaded(jobs, 1, 20, 1), "m4(ctx)says m3");
    ck_assert_str_eq(loaded(jobs, 1, 20, 60), "m4()says m2 m4(ctx)says m3");
    /* In the order of the answers. */
    store_test_sql("UPDATE llmq_jobs SET finished_at = 9000000000000000 WHERE id = 'm1'");
    ck_assert_str_eq(loaded(jobs, 1, 20, LOTS), "m4()says m2 m4()says m3 m4(ctx)says m1");
    store_test_close();
}
END_TEST

START_TEST(only_what_was_answered_in_this_conversation_counts)
{
    llmq_job_t *jobs[1];

    store_test_open(_i);
    answered("m1", "c1");
    answered("m2", "c2");
    say("m3", "other", "c1", "{\"content\":\"x\"}");
    say("m4", "default", "c1", NULL);
    answered("m5", "c1");
    ck_assert_int_eq(llmq_store_job_remove(store_test.store, "default", LLMQ_KIND_MESSAGE,
                                           "m5", T0, test_pool),
                     APR_SUCCESS);
    jobs[0] = say("m6", "default", "c1", NULL);
    ck_assert_str_eq(loaded(jobs, 1, 20, LOTS), "m6()says m1");
    store_test_close();
}
END_TEST

START_TEST(an_earlier_conversation_of_the_id_does_not_count)
{
    llmq_job_t *jobs[1];

    store_test_open(_i);
    answered("m1", "c1");
    set_context("c1", "old");
    store_test_sql("UPDATE llmq_conversations SET expires_at = 1");
    jobs[0] = say("m2", "default", "c1", NULL);
    ck_assert_str_eq(loaded(jobs, 1, 20, LOTS), "");
    store_test_close();
}
END_TEST

START_TEST(a_batch_gets_each_its_own)
{
    llmq_job_t *jobs[3];

    store_test_open(_i);
    answered("a1", "c1");
    answered("b1", "c2");
    answered("b2", "c2");
    jobs[0] = say("b3", "default", "c2", NULL);
    jobs[1] = say("x1", "default", "c3", NULL);
    jobs[2] = say("a2", "default", "c1", NULL);
    set_context("c3", "three");
    ck_assert_str_eq(loaded(jobs, 3, 20, LOTS),
                     "a2()says a1 b3()says b1 b3()says b2 x1(three)-");
    store_test_close();
}
END_TEST

TCase *case_store_turn(void)
{
    TCase *tc = test_case("store_turn");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, first_messages_have_no_past, 0, dialects);
    tcase_add_loop_test(tc, a_context_comes_without_turns, 0, dialects);
    tcase_add_loop_test(tc, turns_come_oldest_first_the_newest_are_kept, 0, dialects);
    tcase_add_loop_test(tc, only_what_was_answered_in_this_conversation_counts, 0,
                        dialects);
    tcase_add_loop_test(tc, an_earlier_conversation_of_the_id_does_not_count, 0,
                        dialects);
    tcase_add_loop_test(tc, a_batch_gets_each_its_own, 0, dialects);
    return tc;
}
