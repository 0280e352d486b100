#include "dispatch/finisher.h"

#include "base/clock.h"
#include "support_dispatch.h"

#include <apr_strings.h>

#include <string.h>
#include <unistd.h>

#define HOUR apr_time_from_sec(3600)
#define MANY 300 /* more long calls than one look of the finisher covers */

static const char *name_of(int i)
{
    return apr_psprintf(test_pool, "msg_%d", i);
}

/* What stalls ends by its time-out, nothing else does. */
static void put_with_retries(dispatch_rig_t *rig, const char *way, int max_retries)
{
    llmq_job_t *job = dispatch_rig_job("msg_a", LLMQ_LEVEL_NORMAL);

    job->max_retries = max_retries;
    if (strcmp(way, "stall") == 0)
        job->timeout = apr_time_from_msec(300);
    dispatch_rig_store(job);
    dispatch_rig_enter(rig, job);
}

/* ---- failures ---- */

START_TEST(a_failure_goes_back_with_a_raised_fence_and_a_later_moment)
{
    dispatch_rig_t *rig = dispatch_rig_http("drop");
    apr_time_t now = llmq_clock_now();
    llmq_entry_t entry;
    const llmq_job_t *job;

    rig->conf.retry.base = rig->conf.retry.max = HOUR;
    dispatch_rig_start(rig);
    put_with_retries(rig, "drop", 3);
    DISPATCH_WAIT(queue_state(rig->q, "msg_a") == LLMQ_ENTRY_DELAYED);
    job = store_test_find("msg_a");
    ck_assert_int_eq(job->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(job->attempt, 1);
    ck_assert_int_eq(job->retry_count, 1);
    ck_assert_int_eq(job->dead_letter, 0);
    ck_assert_int_eq(job->finished_at, 0);
    ck_assert_int_ge(job->run_at, now + HOUR / 2);
    ck_assert_ptr_nonnull(strstr(job->error, "\"connect\""));
    ck_assert_int_eq(llmq_queue_find(&entry, rig->q, "msg_a"), APR_SUCCESS);
    ck_assert_uint_eq(entry.attempt, 1);
    ck_assert_int_eq(entry.run_at, job->run_at);
    ck_assert_uint_eq(dispatch_rig_sum(rig).total_failed, 0);
    dispatch_rig_close(rig);
}
END_TEST

/* Way of the backend, retries allowed, and what must come of it. */
static const struct {
    const char *way;
    int max_retries;
    llmq_status_e status;
    int requests;
    const char *type;
} ends[] = {
    {"drop", 0, LLMQ_STATUS_FAILED, 1, "\"connect\""},
    {"drop", 2, LLMQ_STATUS_FAILED, 3, "\"connect\""},
    {"stall", 0, LLMQ_STATUS_TIMEOUT, 1, "\"timeout\""},
    {"stall", 1, LLMQ_STATUS_TIMEOUT, 2, "\"timeout\""},
    {"garbage", 1, LLMQ_STATUS_FAILED, 2, "\"protocol\""},
    {"cuterror", 1, LLMQ_STATUS_FAILED, 2, "\"backend\":\"first\""},
    {"leak", 3, LLMQ_STATUS_FAILED, 1, "\"http_status\":401"},
};
#define ENDS (int)(sizeof(ends) / sizeof(ends[0]))

START_TEST(in_the_end_it_is_given_up_as_a_dead_letter)
{
    dispatch_rig_t *rig = dispatch_rig_http(ends[_i].way);
    llmq_queue_stats_t sum;
    const llmq_job_t *job;

    dispatch_rig_start(rig);
    put_with_retries(rig, ends[_i].way, ends[_i].max_retries);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_failed > 0);
    job = store_test_find("msg_a");
    ck_assert_int_eq(job->status, ends[_i].status);
    ck_assert_int_eq(job->dead_letter, 1);
    ck_assert_int_eq(job->retry_count, ends[_i].requests - 1);
    ck_assert_int_eq(job->attempt, ends[_i].requests - 1);
    ck_assert_int_ge(job->finished_at, job->started_at);
    ck_assert_ptr_null(job->result);
    ck_assert_ptr_nonnull(strstr(job->error, ends[_i].type));
    /* On a slow machine the time may be over before a request has come. */
    ck_assert_int_le(http_server_requests(rig->server), ends[_i].requests);
    if (ends[_i].status != LLMQ_STATUS_TIMEOUT)
        ck_assert_int_eq(http_server_requests(rig->server), ends[_i].requests);
    ck_assert_int_eq(queue_state(rig->q, "msg_a"), LLMQ_ENTRY_FREE);
    sum = dispatch_rig_sum(rig);
    ck_assert_uint_eq(sum.total_failed, 1);
    ck_assert_uint_eq(sum.total_completed, 0);
    ck_assert_uint_eq(sum.total_taken, 1);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_later_success_leaves_no_error_behind)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    const llmq_job_t *job;

    dispatch_rig_start(rig);
    dispatch_rig_put(rig, "msg_a", _i);
    dispatch_rig_answer(dispatch_rig_take_call(rig, NULL), "500 Oops", "{}");
    dispatch_rig_complete(dispatch_rig_take_call(rig, NULL));
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 1);
    job = store_test_find("msg_a");
    ck_assert_int_eq(job->status, LLMQ_STATUS_COMPLETED);
    ck_assert_int_eq(job->attempt, 1);
    ck_assert_int_eq(job->retry_count, 1);
    ck_assert_int_eq(job->dead_letter, 0);
    ck_assert_ptr_null(job->error);
    ck_assert_ptr_nonnull(strstr(job->result, "\"Hi\""));
    dispatch_rig_close(rig);
}
END_TEST

/* ---- the ones that take long ---- */

START_TEST(a_long_call_is_seen_to_be_processed)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    const llmq_job_t *job;
    int fd;

    dispatch_rig_start(rig);
    dispatch_rig_put(rig, "msg_a", _i);
    fd = dispatch_rig_take_call(rig, NULL);
    DISPATCH_WAIT(dispatch_rig_status("msg_a") == LLMQ_STATUS_PROCESSING);
    job = store_test_find("msg_a");
    ck_assert_int_eq(job->attempt, 0);
    ck_assert_int_gt(job->started_at, STORE_TEST_T0);
    ck_assert_int_eq(job->finished_at, 0);
    dispatch_rig_complete(fd);
    DISPATCH_WAIT(dispatch_rig_status("msg_a") == LLMQ_STATUS_COMPLETED);
    dispatch_rig_close(rig);
}
END_TEST

static void remove_job(const char *id)
{
    ck_assert_int_eq(llmq_store_job_remove(store_test.store, "default", LLMQ_KIND_MESSAGE,
                                           id, llmq_clock_now(), test_pool),
                     APR_SUCCESS);
}

START_TEST(a_withdrawn_call_is_aborted_and_counts_nowhere)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    llmq_queue_stats_t sum;
    int fd;

    dispatch_rig_start(rig);
    dispatch_rig_put(rig, "msg_a", LLMQ_LEVEL_HIGH);
    fd = dispatch_rig_take_call(rig, NULL);
    if (_i) /* before its start is written, or after */
        DISPATCH_WAIT(dispatch_rig_status("msg_a") == LLMQ_STATUS_PROCESSING);
    remove_job("msg_a");
    ck_assert_int_eq(llmq_queue_cancel(rig->q, "msg_a"), LLMQ_EBUSY);
    DISPATCH_WAIT(dispatch_rig_hung_up(fd));
    DISPATCH_WAIT(queue_state(rig->q, "msg_a") == LLMQ_ENTRY_FREE);
    close(fd);
    sum = dispatch_rig_sum(rig);
    ck_assert_uint_eq(sum.total_completed + sum.total_failed, 0);
    ck_assert_int_eq(store_test_number("SELECT attempt FROM llmq_jobs"), 1);
    ck_assert_int_eq(store_test_number("SELECT retry_count FROM llmq_jobs"), 0);
    DISPATCH_WAIT(llmq_endpoint_free(rig->d->endpoints) == rig->backend.max_concurrent);
    dispatch_rig_close(rig);
}
END_TEST

/* However many there are, each start is written and each can be withdrawn. */
START_TEST(any_number_of_long_calls_is_looked_after)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    int i;

    rig->backend.max_concurrent = MANY;
    dispatch_rig_start(rig);
    for (i = 0; i < MANY; i++)
        dispatch_rig_put(rig, name_of(i), LLMQ_LEVEL_NORMAL);
    DISPATCH_WAIT(dispatch_rig_sum(rig).running == MANY);
    DISPATCH_WAIT(dispatch_rig_status(name_of(MANY - 1)) == LLMQ_STATUS_PROCESSING);
    remove_job(name_of(MANY - 1));
    ck_assert_int_eq(llmq_queue_cancel(rig->q, name_of(MANY - 1)), LLMQ_EBUSY);
    DISPATCH_WAIT(queue_state(rig->q, name_of(MANY - 1)) == LLMQ_ENTRY_FREE);
    dispatch_rig_close(rig);
}
END_TEST

/* ---- the database away ---- */

START_TEST(an_outcome_waits_for_the_database_and_is_written_once)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    int fds[4], i;

    dispatch_rig_start(rig);
    for (i = 0; i < 4; i++)
        dispatch_rig_put(rig, name_of(i), LLMQ_LEVEL_LOW);
    for (i = 0; i < 4; i++)
        fds[i] = dispatch_rig_take_call(rig, NULL);
    dispatch_rig_db_away();
    for (i = 0; i < 4; i++)
        dispatch_rig_complete(fds[i]);
    DISPATCH_WAIT(llmq_endpoint_free(rig->d->endpoints) == 8);
    DISPATCH_WAIT(dispatch_rig_logged("LLMQ0706") > 0);
    ck_assert_int_eq(llmq_attempt_count(rig->d), 4);
    dispatch_rig_db_back();
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 4);
    for (i = 0; i < 4; i++) {
        ck_assert_int_eq(dispatch_rig_status(name_of(i)), LLMQ_STATUS_COMPLETED);
        ck_assert_int_eq(store_test_find(name_of(i))->attempt, 0);
    }
    ck_assert_int_eq(llmq_attempt_count(rig->d), 0);
    ck_assert(dispatch_rig_gate_is_quiet(rig));
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_finisher(void)
{
    TCase *tc = test_case("finisher");

    tcase_add_test(tc, a_failure_goes_back_with_a_raised_fence_and_a_later_moment);
    tcase_add_loop_test(tc, in_the_end_it_is_given_up_as_a_dead_letter, 0, ENDS);
    tcase_add_loop_test(tc, a_later_success_leaves_no_error_behind, 1, 5);
    tcase_add_loop_test(tc, a_long_call_is_seen_to_be_processed, 1, 5);
    tcase_add_loop_test(tc, a_withdrawn_call_is_aborted_and_counts_nowhere, 0, 2);
    tcase_add_test(tc, any_number_of_long_calls_is_looked_after);
    tcase_add_test(tc, an_outcome_waits_for_the_database_and_is_written_once);
    return tc;
}
