#include "dispatch/outcome_tell.h"

#include "support_dispatch.h"

#include <unistd.h>

static void fence(const char *id)
{
    ck_assert_int_eq(llmq_store_job_fence(store_test.store, &id, 1, test_pool),
                     APR_SUCCESS);
}

START_TEST(an_outcome_whose_job_was_claimed_changes_nothing)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    const llmq_job_t *job;
    llmq_queue_stats_t sum;
    int fd;

    dispatch_rig_start(rig);
    dispatch_rig_put(rig, "msg_a", _i);
    fd = dispatch_rig_take_call(rig, NULL);
    store_test_sql("UPDATE llmq_jobs SET owner = 'somebody', status = 1, updated_at = 5, "
                   "attempt = attempt + 1");
    dispatch_rig_complete(fd);
    DISPATCH_WAIT(queue_state(rig->q, "msg_a") == LLMQ_ENTRY_FREE);
    job = store_test_find("msg_a");
    ck_assert_int_eq(job->status, LLMQ_STATUS_PROCESSING);
    ck_assert_str_eq(job->owner, "somebody");
    ck_assert_int_eq(job->attempt, 1);
    ck_assert_int_eq(job->updated_at, 5);
    ck_assert_ptr_null(job->result);
    ck_assert_ptr_null(job->error);
    sum = dispatch_rig_sum(rig);
    ck_assert_uint_eq(sum.total_completed + sum.total_failed, 0);
    dispatch_rig_close(rig);
}
END_TEST

/* Whoever raised it may have had no part in our queue: the job is ours still. */
START_TEST(a_job_whose_fence_was_raised_is_done_again_under_the_new_one)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    const llmq_job_t *job;
    int fd;

    dispatch_rig_start(rig);
    dispatch_rig_put(rig, "msg_a", _i);
    fd = dispatch_rig_take_call(rig, NULL);
    fence("msg_a");
    dispatch_rig_complete(fd);
    fd = dispatch_rig_take_call(rig, NULL);
    job = store_test_find("msg_a");
    ck_assert_int_ne(job->status, LLMQ_STATUS_COMPLETED);
    ck_assert_ptr_null(job->result);
    dispatch_rig_complete(fd);
    DISPATCH_WAIT(dispatch_rig_status("msg_a") == LLMQ_STATUS_COMPLETED);
    ck_assert_int_eq(store_test_find("msg_a")->attempt, 1);
    DISPATCH_WAIT(queue_state(rig->q, "msg_a") == LLMQ_ENTRY_FREE);
    ck_assert_uint_eq(dispatch_rig_sum(rig).total_completed, 1);
    dispatch_rig_close(rig);
}
END_TEST

/* A release: the store raises the fence, the queue gives it out again at once. The first
 * attempt ends by itself, or it is aborted because its start comes too late; the trigger
 * sees to it that it does. */
START_TEST(the_end_of_an_overtaken_attempt_leaves_its_successor_alone)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    const llmq_job_t *job;
    int first, second;

    store_test_sql("CREATE TRIGGER refuse BEFORE UPDATE ON llmq_jobs "
                   "WHEN NEW.status = 1 AND OLD.attempt = 0 "
                   "BEGIN SELECT RAISE(ABORT, 'constraint failed'); END");
    dispatch_rig_start(rig);
    dispatch_rig_put(rig, "msg_a", LLMQ_LEVEL_REALTIME);
    first = dispatch_rig_take_call(rig, NULL);
    fence("msg_a");
    ck_assert_int_eq(llmq_queue_requeue(rig->q, "msg_a", 0, 1, 0), APR_SUCCESS);
    second = dispatch_rig_take_call(rig, NULL);
    if (_i)
        dispatch_rig_complete(first);
    else
        DISPATCH_WAIT(dispatch_rig_hung_up(first));
    DISPATCH_WAIT(llmq_attempt_count(rig->d) < 2);
    ck_assert(!dispatch_rig_hung_up(second));
    dispatch_rig_complete(second);
    DISPATCH_WAIT(dispatch_rig_status("msg_a") == LLMQ_STATUS_COMPLETED);
    job = store_test_find("msg_a");
    ck_assert_int_eq(job->attempt, 1);
    ck_assert_int_eq(job->retry_count, 0);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 1);
    if (!_i)
        close(first);
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_outcome_tell(void)
{
    TCase *tc = test_case("outcome_tell");

    tcase_add_loop_test(tc, an_outcome_whose_job_was_claimed_changes_nothing, 1, 3);
    tcase_add_loop_test(tc, a_job_whose_fence_was_raised_is_done_again_under_the_new_one,
                        1, 3);
    tcase_add_loop_test(tc, the_end_of_an_overtaken_attempt_leaves_its_successor_alone, 0,
                        2);
    return tc;
}
