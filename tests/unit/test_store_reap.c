#include "store_support.h"

#include "store/store_reap.h"

#include <apr_strings.h>

#define T0 STORE_TEST_T0

/* A message of a conversation that lives until @a until. */
static void say(const char *id, const char *chain, apr_time_t until)
{
    llmq_job_t *job = store_test_job(id);

    job->chain = chain;
    job->expires_at = until;
    store_test_insert(store_test.store, job);
}

static void end(const char *id)
{
    llmq_outcome_t done = {0};

    done.id = id;
    done.status = LLMQ_STATUS_COMPLETED;
    done.finished_at = T0 + 1;
    ck_assert_int_eq(llmq_store_job_finish(store_test.store, &done, 1, test_pool),
                     APR_SUCCESS);
}

static llmq_reap_t found(apr_time_t now, int limit)
{
    llmq_reap_t reap = {0};

    ck_assert_int_eq(llmq_store_reap_find(&reap, store_test.store, now, limit, test_pool),
                     APR_SUCCESS);
    return reap;
}

static int jobs(const llmq_reap_t *reap, apr_time_t now, int limit)
{
    int n = -1;

    ck_assert_int_eq(
        llmq_store_reap_jobs(&n, store_test.store, reap, now, limit, test_pool),
        APR_SUCCESS);
    return n;
}

static int empty(const llmq_reap_t *reap, apr_time_t now)
{
    int n = -1;

    ck_assert_int_eq(llmq_store_reap_empty(&n, store_test.store, reap, now, test_pool),
                     APR_SUCCESS);
    return n;
}

static apr_int64_t rows(const char *table)
{
    return store_test_number(
        apr_pstrcat(test_pool, "SELECT count(*) FROM ", table, NULL));
}

START_TEST(expired_and_at_rest_is_removed_for_good)
{
    llmq_reap_t reap;

    store_test_open(_i);
    say("m1", "c1", T0 + 10);
    say("m2", "c2", T0 + 20);
    end("m1");
    end("m2");
    ck_assert_int_eq(found(T0 + 9, 10).n, 0);
    reap = found(T0 + 10, 10);
    ck_assert_int_eq(reap.n, 1);
    /* Not while it has messages. */
    ck_assert_int_eq(empty(&reap, T0 + 10), 0);
    ck_assert_int_eq(jobs(&reap, T0 + 10, 10), 1);
    ck_assert_int_eq(empty(&reap, T0 + 10), 1);
    ck_assert_int_eq(rows("llmq_jobs"), 1);
    ck_assert_int_eq(rows("llmq_conversations"), 1);
    ck_assert_ptr_nonnull(store_test_find("m2"));
    store_test_close();
}
END_TEST

START_TEST(what_is_unfinished_keeps_its_conversation)
{
    store_test_open(_i);
    say("m1", "c1", T0 + 10);
    say("m2", "c1", T0 + 10);
    end("m1");
    ck_assert_int_eq(found(T0 + 10, 10).n, 0);
    ck_assert_int_eq(llmq_store_job_remove(store_test.store, "default", LLMQ_KIND_MESSAGE,
                                           "m2", T0, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(found(T0 + 10, 10).n, 1);
    store_test_close();
}
END_TEST

START_TEST(steps_are_bounded)
{
    llmq_reap_t reap;
    int i;

    store_test_open(_i);
    for (i = 0; i < 7; i++) {
        const char *id = apr_psprintf(test_pool, "m%d", i);

        say(id, apr_psprintf(test_pool, "c%d", i % 3), T0 + 10);
        end(id);
    }
    ck_assert_int_eq(found(T0 + 10, 2).n, 2);
    reap = found(T0 + 10, 5);
    ck_assert_int_eq(reap.n, 3);
    ck_assert_int_eq(jobs(&reap, T0 + 10, 4), 4);
    ck_assert_int_eq(jobs(&reap, T0 + 10, 4), 3);
    ck_assert_int_eq(jobs(&reap, T0 + 10, 4), 0);
    ck_assert_int_eq(empty(&reap, T0 + 10), 3);
    store_test_close();
}
END_TEST

START_TEST(one_that_begins_anew_meanwhile_stays)
{
    llmq_reap_t reap;
    llmq_job_t *job;

    store_test_open(_i);
    say("m1", "c1", T0 + 10);
    end("m1");
    reap = found(T0 + 10, 5);
    ck_assert_int_eq(reap.n, 1);
    job = store_test_job("m2");
    job->chain = "c1";
    job->created_at = T0 + 11;
    job->expires_at = T0 + 100;
    store_test_insert(store_test.store, job);
    ck_assert_int_eq(jobs(&reap, T0 + 10, 10), 0);
    ck_assert_int_eq(empty(&reap, T0 + 10), 0);
    ck_assert_int_eq(rows("llmq_jobs"), 2);
    store_test_close();
}
END_TEST

START_TEST(names_are_of_their_tenant)
{
    llmq_reap_t reap;
    llmq_job_t *job;

    store_test_open(_i);
    say("m1", "c1", T0 + 10);
    end("m1");
    job = store_test_job("m2");
    job->tenant = "other";
    job->chain = "c1";
    job->expires_at = T0 + 100;
    store_test_insert(store_test.store, job);
    end("m2");
    reap = found(T0 + 10, 5);
    ck_assert_int_eq(jobs(&reap, T0 + 10, 10), 1);
    ck_assert_int_eq(empty(&reap, T0 + 10), 1);
    ck_assert_int_eq(rows("llmq_jobs WHERE tenant = 'other'"), 1);
    ck_assert_int_eq(rows("llmq_conversations WHERE tenant = 'other'"), 1);
    store_test_close();
}
END_TEST

TCase *case_store_reap(void)
{
    TCase *tc = test_case("store_reap");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, expired_and_at_rest_is_removed_for_good, 0, dialects);
    tcase_add_loop_test(tc, what_is_unfinished_keeps_its_conversation, 0, dialects);
    tcase_add_loop_test(tc, steps_are_bounded, 0, dialects);
    tcase_add_loop_test(tc, one_that_begins_anew_meanwhile_stays, 0, dialects);
    tcase_add_loop_test(tc, names_are_of_their_tenant, 0, dialects);
    return tc;
}
