#include "dispatch/outcome_write.h"

#include "support_dispatch.h"

#include <apr_strings.h>

#include <string.h>

static const char *name_of(int i)
{
    return apr_psprintf(test_pool, "msg_%d", i);
}

START_TEST(a_refused_answer_becomes_a_failure_and_its_neighbours_are_stored)
{
    dispatch_rig_t *rig = dispatch_rig();
    const llmq_job_t *job;
    int i;

    store_test_sql("CREATE TRIGGER refuse BEFORE UPDATE ON llmq_jobs "
                   "WHEN NEW.id = 'msg_5' AND NEW.result IS NOT NULL "
                   "BEGIN SELECT RAISE(ABORT, 'constraint failed'); END");
    for (i = 0; i < 8; i++)
        dispatch_rig_put(rig, name_of(i), LLMQ_LEVEL_NORMAL);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 7);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_failed == 1);
    for (i = 0; i < 8; i++)
        ck_assert_int_eq(dispatch_rig_status(name_of(i)),
                         i == 5 ? LLMQ_STATUS_FAILED : LLMQ_STATUS_COMPLETED);
    job = store_test_find("msg_5");
    ck_assert_int_eq(job->dead_letter, 1);
    ck_assert_ptr_nonnull(strstr(job->error, "unstorable"));
    dispatch_rig_close(rig);
}
END_TEST

/* A turn, and a memory that nothing is left to be made of. */
START_TEST(a_refused_end_of_an_app_is_no_dead_letter)
{
    static const llmq_kind_e kinds[] = {LLMQ_KIND_DEBUG, LLMQ_KIND_MEMORY};
    dispatch_rig_t *rig = dispatch_rig();
    llmq_job_t *job = dispatch_rig_job("turn_1", LLMQ_LEVEL_NORMAL);

    store_test_sql("CREATE TRIGGER refuse BEFORE UPDATE ON llmq_jobs "
                   "WHEN NEW.result IS NOT NULL "
                   "BEGIN SELECT RAISE(ABORT, 'constraint failed'); END");
    job->kind = kinds[_i];
    job->chain = _i ? "memory/app" : "debug/app";
    job->metadata = "{\"app_id\":\"app\",\"dialog_round\":3,\"memory\":true}";
    dispatch_rig_store(job);
    dispatch_rig_enter(rig, job);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(queue_state(rig->q, "turn_1") == LLMQ_ENTRY_FREE);
    ck_assert_int_eq(llmq_store_job_find(&job, store_test.store, "default", kinds[_i],
                                         "turn_1", test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(job->status, LLMQ_STATUS_FAILED);
    ck_assert_int_eq(job->dead_letter, 0);
    ck_assert_ptr_nonnull(strstr(job->error, "unstorable"));
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_row_that_takes_nothing_does_not_hold_up_the_others)
{
    dispatch_rig_t *rig = dispatch_rig();
    int i;

    store_test_sql("CREATE TRIGGER refuse BEFORE UPDATE ON llmq_jobs "
                   "WHEN NEW.id = 'msg_0' "
                   "BEGIN SELECT RAISE(ABORT, 'constraint failed'); END");
    for (i = 0; i < 4; i++)
        dispatch_rig_put(rig, name_of(i), LLMQ_LEVEL_NORMAL);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed >= 3);
    for (i = 1; i < 4; i++)
        ck_assert_int_eq(dispatch_rig_status(name_of(i)), LLMQ_STATUS_COMPLETED);
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_outcome_write(void)
{
    TCase *tc = test_case("outcome_write");

    tcase_add_test(tc, a_refused_answer_becomes_a_failure_and_its_neighbours_are_stored);
    tcase_add_loop_test(tc, a_refused_end_of_an_app_is_no_dead_letter, 0, 2);
    tcase_add_test(tc, a_row_that_takes_nothing_does_not_hold_up_the_others);
    return tc;
}
