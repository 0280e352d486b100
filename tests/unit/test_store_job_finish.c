#include "store_support.h"

#include <apr_strings.h>

#include <string.h>

#define T0 STORE_TEST_T0

static llmq_outcome_t outcome_of(const char *id, int attempt, llmq_status_e status)
{
    llmq_outcome_t outcome;

    memset(&outcome, 0, sizeof(outcome));
    outcome.id = id;
    outcome.attempt = outcome.next_attempt = attempt;
    outcome.status = status;
    outcome.started_at = T0 + 1;
    if (status >= LLMQ_STATUS_COMPLETED)
        outcome.finished_at = T0 + 2;
    outcome.result = status == LLMQ_STATUS_COMPLETED ? "{\"content\":\"hi\"}" : NULL;
    outcome.error = status == LLMQ_STATUS_COMPLETED ? NULL : "{\"problem\":\"x\"}";
    return outcome;
}

static int accepted(llmq_outcome_t outcome)
{
    ck_assert_int_eq(llmq_store_job_finish(store_test.store, &outcome, 1, test_pool),
                     APR_SUCCESS);
    return outcome.accepted != 0;
}

static void set_status(const char *id, int status)
{
    store_test_sql(apr_psprintf(
        test_pool, "UPDATE llmq_jobs SET status = %d WHERE id = '%s'", status, id));
}

START_TEST(finish_writes_every_final_state)
{
    int from, status;

    store_test_open(_i);
    for (from = LLMQ_STATUS_PENDING; from <= LLMQ_STATUS_PROCESSING; from++) {
        for (status = LLMQ_STATUS_COMPLETED; status < LLMQ_STATUS_COUNT; status++) {
            const char *id = apr_psprintf(test_pool, "msg_%d_%d", from, status);
            llmq_outcome_t outcome = outcome_of(id, 0, status);
            llmq_job_t *job;

            store_test_insert(store_test.store, store_test_job(id));
            set_status(id, from);
            outcome.retry_count = 2;
            outcome.dead_letter = status != LLMQ_STATUS_COMPLETED;
            ck_assert_int_eq(accepted(outcome), 1);
            job = store_test_find(id);
            ck_assert_int_eq(job->status, status);
            ck_assert_int_eq(job->started_at, T0 + 1);
            ck_assert_int_eq(job->finished_at, T0 + 2);
            ck_assert_int_eq(job->updated_at, T0 + 2);
            ck_assert_int_eq(job->retry_count, 2);
            ck_assert_int_eq(job->dead_letter, status != LLMQ_STATUS_COMPLETED);
            ck_assert_pstr_eq(job->result, outcome.result);
            ck_assert_pstr_eq(job->error, outcome.error);
        }
    }
    store_test_close();
}
END_TEST

START_TEST(retry_goes_back_to_pending_with_a_new_fence)
{
    llmq_outcome_t outcome = outcome_of("msg_1", 0, LLMQ_STATUS_PENDING);
    llmq_job_t *job;

    store_test_open(_i);
    store_test_insert(store_test.store, store_test_job("msg_1"));
    outcome.next_attempt = 1;
    outcome.retry_count = 1;
    outcome.run_at = T0 + 99;
    ck_assert_int_eq(accepted(outcome), 1);
    job = store_test_find("msg_1");
    ck_assert_int_eq(job->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(job->attempt, 1);
    ck_assert_int_eq(job->retry_count, 1);
    ck_assert_int_eq(job->run_at, T0 + 99);
    ck_assert_int_eq(job->finished_at, 0);
    ck_assert_str_eq(job->error, "{\"problem\":\"x\"}");
    ck_assert_int_eq(accepted(outcome_of("msg_1", 0, LLMQ_STATUS_COMPLETED)), 0);
    ck_assert_int_eq(accepted(outcome_of("msg_1", 1, LLMQ_STATUS_COMPLETED)), 1);
    ck_assert_ptr_null(store_test_find("msg_1")->error);
    store_test_close();
}
END_TEST

START_TEST(start_of_a_long_attempt_is_written_without_a_new_fence)
{
    llmq_outcome_t outcome = outcome_of("msg_1", 0, LLMQ_STATUS_PROCESSING);

    store_test_open(_i);
    store_test_insert(store_test.store, store_test_job("msg_1"));
    outcome.error = NULL;
    ck_assert_int_eq(accepted(outcome), 1);
    ck_assert_int_eq(store_test_find("msg_1")->status, LLMQ_STATUS_PROCESSING);
    ck_assert_int_eq(store_test_find("msg_1")->started_at, T0 + 1);
    ck_assert_int_eq(accepted(outcome_of("msg_1", 0, LLMQ_STATUS_COMPLETED)), 1);
    store_test_close();
}
END_TEST

START_TEST(final_rows_never_change)
{
    int was, status;

    store_test_open(_i);
    for (was = LLMQ_STATUS_COMPLETED; was < LLMQ_STATUS_COUNT; was++) {
        const char *id = apr_psprintf(test_pool, "msg_%d", was);

        store_test_insert(store_test.store, store_test_job(id));
        ck_assert_int_eq(accepted(outcome_of(id, 0, was)), 1);
        for (status = 0; status < LLMQ_STATUS_COUNT; status++) {
            llmq_outcome_t outcome = outcome_of(id, 0, status);

            if (outcome.finished_at)
                outcome.finished_at = T0 + 3;
            outcome.result = "{\"content\":\"late\"}";
            ck_assert_int_eq(accepted(outcome), 0);
            ck_assert_int_eq(store_test_find(id)->status, was);
            ck_assert_int_eq(store_test_find(id)->finished_at, T0 + 2);
        }
    }
    store_test_close();
}
END_TEST

START_TEST(asking_again_after_a_lost_answer_hears_accepted)
{
    llmq_outcome_t retry = outcome_of("msg_2", 0, LLMQ_STATUS_PENDING);

    store_test_open(_i);
    store_test_insert(store_test.store, store_test_job("msg_1"));
    store_test_insert(store_test.store, store_test_job("msg_2"));
    ck_assert_int_eq(accepted(outcome_of("msg_1", 0, LLMQ_STATUS_COMPLETED)), 1);
    ck_assert_int_eq(accepted(outcome_of("msg_1", 0, LLMQ_STATUS_COMPLETED)), 1);
    retry.next_attempt = 1;
    retry.run_at = T0 + 50;
    ck_assert_int_eq(accepted(retry), 1);
    ck_assert_int_eq(accepted(retry), 1);
    ck_assert_int_eq(store_test_find("msg_2")->attempt, 1);
    store_test_close();
}
END_TEST

START_TEST(only_the_present_attempt_is_accepted)
{
    llmq_outcome_t outcomes[3];
    const char *ids[] = {"msg_1"};

    store_test_open(_i);
    store_test_insert(store_test.store, store_test_job("msg_1"));
    store_test_insert(store_test.store, store_test_job("msg_2"));
    ck_assert_int_eq(llmq_store_job_fence(store_test.store, ids, 1, test_pool),
                     APR_SUCCESS);
    outcomes[0] = outcome_of("msg_1", 0, LLMQ_STATUS_COMPLETED);
    outcomes[1] = outcome_of("msg_2", 0, LLMQ_STATUS_COMPLETED);
    outcomes[2] = outcome_of("msg_3", 0, LLMQ_STATUS_COMPLETED);
    outcomes[0].accepted = outcomes[2].accepted = 1;
    ck_assert_int_eq(llmq_store_job_finish(store_test.store, outcomes, 3, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(outcomes[0].accepted, 0);
    ck_assert_int_ne(outcomes[1].accepted, 0);
    ck_assert_int_eq(outcomes[2].accepted, 0);
    ck_assert_int_eq(store_test_find("msg_1")->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(accepted(outcome_of("msg_1", 2, LLMQ_STATUS_COMPLETED)), 0);
    ck_assert_int_eq(accepted(outcome_of("msg_1", 1, LLMQ_STATUS_COMPLETED)), 1);
    store_test_close();
}
END_TEST

/* ------------------------------------------------------------------------- change and remove */

static apr_status_t change(const char *id, llmq_status_e from, int attempt,
                           llmq_status_e to, const char *owner, int reset)
{
    llmq_job_change_t c;

    memset(&c, 0, sizeof(c));
    c.tenant = "default";
    c.kind = LLMQ_KIND_MESSAGE;
    c.id = id;
    c.from = from;
    c.attempt = attempt;
    c.to = to;
    c.owner = owner;
    c.metadata = "{\"a\":1}";
    c.result = to == LLMQ_STATUS_COMPLETED ? "{\"content\":\"out\"}" : NULL;
    c.now = T0 + 10;
    c.reset_retries = reset;
    return llmq_store_job_change(store_test.store, &c, test_pool);
}

START_TEST(claim_keeps_the_dispatcher_away_until_release)
{
    const char *ids[] = {"msg_1"};
    llmq_job_t **jobs, *job;

    store_test_open(_i);
    store_test_insert(store_test_node("node_b"), store_test_job("msg_1"));
    ck_assert_int_eq(
        change("msg_1", LLMQ_STATUS_PENDING, 0, LLMQ_STATUS_PROCESSING, "", 0),
        APR_SUCCESS);
    job = store_test_find("msg_1");
    ck_assert_str_eq(job->owner, "");
    ck_assert_int_eq(job->status, LLMQ_STATUS_PROCESSING);
    ck_assert_int_eq(job->attempt, 1);
    ck_assert_int_eq(job->started_at, T0 + 10);
    ck_assert_int_eq(job->updated_at, T0 + 10);
    ck_assert_str_eq(job->metadata, "{\"a\":1}");
    ck_assert_int_eq(accepted(outcome_of("msg_1", 0, LLMQ_STATUS_COMPLETED)), 0);
    ck_assert_int_eq(accepted(outcome_of("msg_1", 1, LLMQ_STATUS_COMPLETED)), 0);
    ck_assert_int_eq(llmq_store_job_fence(store_test.store, ids, 1, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(store_test_find("msg_1")->attempt, 1);
    ck_assert_int_eq(
        change("msg_1", LLMQ_STATUS_PROCESSING, 1, LLMQ_STATUS_PENDING, NULL, 0),
        APR_SUCCESS);
    ck_assert_ptr_null(store_test_find("msg_1")->owner);
    ck_assert_str_eq(store_test_find("msg_1")->node, "node_a");
    ck_assert_int_eq(llmq_store_job_load(&jobs, store_test.store, ids, 1, test_pool),
                     APR_SUCCESS);
    ck_assert_ptr_nonnull(jobs[0]);
    store_test_close();
}
END_TEST

START_TEST(change_decided_upon_an_old_state_is_refused)
{
    int from, attempt;

    store_test_open(_i);
    store_test_insert(store_test.store, store_test_job("msg_1"));
    for (from = 0; from < LLMQ_STATUS_COUNT; from++) {
        for (attempt = 0; attempt < 3; attempt++) {
            if (from == LLMQ_STATUS_PENDING && attempt == 0)
                continue;
            ck_assert_int_eq(change("msg_1", from, attempt, LLMQ_STATUS_FAILED, NULL, 0),
                             LLMQ_ESTATE);
        }
    }
    ck_assert_int_eq(change("msg_2", 0, 0, LLMQ_STATUS_FAILED, NULL, 0), LLMQ_ESTATE);
    ck_assert_int_eq(store_test_find("msg_1")->attempt, 0);
    ck_assert_str_eq(store_test_find("msg_1")->metadata, "{}");
    store_test_close();
}
END_TEST

START_TEST(change_to_final_and_requeue_set_the_times)
{
    llmq_outcome_t outcome = outcome_of("msg_1", 0, LLMQ_STATUS_FAILED);
    llmq_job_t *job;

    store_test_open(_i);
    job = store_test_job("msg_1");
    job->deadline = T0 + 1;
    store_test_insert(store_test.store, job);
    outcome.retry_count = 3;
    outcome.dead_letter = 1;
    ck_assert_int_eq(accepted(outcome), 1);
    ck_assert_int_eq(change("msg_1", LLMQ_STATUS_FAILED, 0, LLMQ_STATUS_PENDING, NULL, 1),
                     APR_SUCCESS);
    job = store_test_find("msg_1");
    ck_assert_int_eq(job->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(job->finished_at, 0);
    ck_assert_int_eq(job->run_at, T0 + 10);
    ck_assert_int_eq(job->deadline, 0); /* it was missed once and would end it again */
    ck_assert_int_eq(job->retry_count, 0);
    ck_assert_int_eq(job->dead_letter, 0);
    ck_assert_ptr_null(job->error);
    ck_assert_int_eq(
        change("msg_1", LLMQ_STATUS_PENDING, 1, LLMQ_STATUS_PROCESSING, "w1", 0),
        APR_SUCCESS);
    ck_assert_int_eq(
        change("msg_1", LLMQ_STATUS_PROCESSING, 2, LLMQ_STATUS_COMPLETED, NULL, 0),
        APR_SUCCESS);
    job = store_test_find("msg_1");
    ck_assert_int_eq(job->finished_at, T0 + 10);
    ck_assert_str_eq(job->result, "{\"content\":\"out\"}");
    ck_assert_str_eq(job->owner, "w1");
    store_test_close();
}
END_TEST

START_TEST(removed_job_is_gone_for_everybody)
{
    const char *ids[] = {"msg_1"};
    llmq_store_t *store;
    llmq_job_t **jobs;

    store_test_open(_i);
    store = store_test.store;
    store_test_insert(store, store_test_job("msg_1"));
    ck_assert_int_eq(
        llmq_store_job_remove(store, "other", LLMQ_KIND_MESSAGE, "msg_1", T0, test_pool),
        APR_NOTFOUND);
    ck_assert_int_eq(llmq_store_job_remove(store, "default", LLMQ_KIND_MESSAGE, "msg_1",
                                           T0, test_pool),
                     APR_SUCCESS);
    ck_assert_ptr_null(store_test_find("msg_1"));
    ck_assert_int_eq(llmq_store_job_load(&jobs, store, ids, 1, test_pool), APR_SUCCESS);
    ck_assert_ptr_null(jobs[0]);
    ck_assert_int_eq(accepted(outcome_of("msg_1", 0, LLMQ_STATUS_COMPLETED)), 0);
    ck_assert_int_eq(accepted(outcome_of("msg_1", 1, LLMQ_STATUS_COMPLETED)), 0);
    ck_assert_int_eq(change("msg_1", 0, 1, LLMQ_STATUS_FAILED, NULL, 0), LLMQ_ESTATE);
    ck_assert_int_eq(llmq_store_job_remove(store, "default", LLMQ_KIND_MESSAGE, "msg_1",
                                           T0, test_pool),
                     APR_NOTFOUND);
    ck_assert_int_eq(
        store_test_number("SELECT count(*) FROM llmq_jobs WHERE attempt = 1"), 1);
    store_test_close();
}
END_TEST

TCase *case_store_job_finish(void)
{
    TCase *tc = test_case("store_job_finish");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, finish_writes_every_final_state, 0, dialects);
    tcase_add_loop_test(tc, retry_goes_back_to_pending_with_a_new_fence, 0, dialects);
    tcase_add_loop_test(tc, start_of_a_long_attempt_is_written_without_a_new_fence, 0,
                        dialects);
    tcase_add_loop_test(tc, final_rows_never_change, 0, dialects);
    tcase_add_loop_test(tc, asking_again_after_a_lost_answer_hears_accepted, 0, dialects);
    tcase_add_loop_test(tc, only_the_present_attempt_is_accepted, 0, dialects);
    tcase_add_loop_test(tc, claim_keeps_the_dispatcher_away_until_release, 0, dialects);
    tcase_add_loop_test(tc, change_decided_upon_an_old_state_is_refused, 0, dialects);
    tcase_add_loop_test(tc, change_to_final_and_requeue_set_the_times, 0, dialects);
    tcase_add_loop_test(tc, removed_job_is_gone_for_everybody, 0, dialects);
    return tc;
}
