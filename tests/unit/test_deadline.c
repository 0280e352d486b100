#include "dispatch/deadline.h"

#include "base/clock.h"
#include "support_dispatch.h"

#include <string.h>

static void put_until(dispatch_rig_t *rig, const char *id, apr_time_t deadline)
{
    llmq_job_t *job = dispatch_rig_job(id, LLMQ_LEVEL_NORMAL);

    job->deadline = deadline;
    dispatch_rig_store(job);
    dispatch_rig_enter(rig, job);
}

START_TEST(a_message_that_is_not_begun_in_time_ends_as_timeout)
{
    dispatch_rig_t *rig = dispatch_rig_http("echo");
    const llmq_job_t *job;

    put_until(rig, "msg_late", llmq_clock_now() - 1);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_failed == 1);
    job = store_test_find("msg_late");
    ck_assert_int_eq(job->status, LLMQ_STATUS_TIMEOUT);
    ck_assert_int_ne(job->dead_letter, 0);
    ck_assert_int_eq(job->started_at, 0);
    ck_assert(job->finished_at > 0);
    ck_assert_ptr_nonnull(strstr(job->error, "\"type\":\"deadline\""));
    ck_assert_int_eq(http_server_requests(rig->server), 0);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_message_with_time_left_is_done)
{
    dispatch_rig_t *rig = dispatch_rig_http("echo");

    put_until(rig, "msg_a", llmq_clock_now() + 60 * APR_USEC_PER_SEC);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 1);
    ck_assert_int_eq(dispatch_rig_status("msg_a"), LLMQ_STATUS_COMPLETED);
    dispatch_rig_close(rig);
}
END_TEST

/* Taken in time, answered after its deadline: the deadline is for the begin. */
START_TEST(a_message_that_was_begun_is_not_affected)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    apr_time_t deadline = llmq_clock_now() + 60 * APR_USEC_PER_SEC;
    int connection;

    put_until(rig, "msg_a", deadline);
    dispatch_rig_start(rig);
    connection = dispatch_rig_take_call(rig, NULL);
    llmq_clock_set(deadline + 1);
    dispatch_rig_complete(connection);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 1);
    ck_assert_int_eq(dispatch_rig_status("msg_a"), LLMQ_STATUS_COMPLETED);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(the_end_waits_for_a_database_that_is_away)
{
    dispatch_rig_t *rig = dispatch_rig_http("echo");

    put_until(rig, "msg_late", llmq_clock_now() - 1);
    dispatch_rig_db_away();
    dispatch_rig_start(rig);
    apr_sleep(50000);
    ck_assert_uint_eq(dispatch_rig_sum(rig).total_failed, 0);
    dispatch_rig_db_back();
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_failed == 1);
    ck_assert_int_eq(dispatch_rig_status("msg_late"), LLMQ_STATUS_TIMEOUT);
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_deadline(void)
{
    TCase *tc = test_case("deadline");

    tcase_add_test(tc, a_message_that_is_not_begun_in_time_ends_as_timeout);
    tcase_add_test(tc, a_message_with_time_left_is_done);
    tcase_add_test(tc, a_message_that_was_begun_is_not_affected);
    tcase_add_test(tc, the_end_waits_for_a_database_that_is_away);
    return tc;
}
