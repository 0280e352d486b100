#include "support_dispatch.h"

#include "base/clock.h"
#include "dispatch/lease_keeper.h"
#include "queue/queue_claim.h"
#include "queue/queue_job.h"
#include "store/store_lease.h"

#include <apr_strings.h>

#include <string.h>
#include <unistd.h>

#define SEC(n) apr_time_from_sec(n)

static dispatch_rig_t *rig;
static llmq_lease_keeper_t *keeper;

static void start(void)
{
    rig = dispatch_rig();
    rig->conf.max_deliveries = 2;
    rig->conf.retry.base = rig->conf.retry.max = SEC(100);
    dispatch_rig_create(rig);
    keeper = llmq_lease_keeper_create(rig->d, rig->pool);
    ck_assert_ptr_nonnull(keeper);
}

/* A task that is stored and was taken for a claim, its lease long over. */
static void take_task(const char *id)
{
    llmq_job_t *job = store_test_job(id);
    llmq_entry_t entry;

    job->kind = LLMQ_KIND_TASK;
    job->type = "vector_storage";
    job->chain = NULL;
    job->timeout = SEC(3600);
    job->max_retries = 1;
    store_test_insert(store_test.store, job);
    llmq_queue_job_entry(&entry, job);
    llmq_queue_put(rig->tasks, &entry, 1, 0);
    ck_assert_int_eq(
        llmq_queue_take_id(&entry, rig->tasks, id, (apr_uint32_t)getpid(), 1),
        APR_SUCCESS);
}

/* ... and claimed. @param set further columns */
static void lease_task(const char *id, const char *set)
{
    take_task(id);
    store_test_sql(apr_psprintf(
        test_pool,
        "UPDATE llmq_jobs SET status = 1, owner = 'w', lease_token = 'lease_x', "
        "deliveries = 1, lease_until = 1, started_at = %" APR_TIME_T_FMT "%s "
        "WHERE id = '%s'",
        llmq_clock_now(), set, id));
}

static llmq_job_t *look(const char *id)
{
    llmq_job_t **jobs;

    ck_assert_int_eq(
        llmq_store_lease_look(&jobs, NULL, store_test.store, &id, 1, test_pool),
        APR_SUCCESS);
    return jobs[0];
}

static llmq_entry_t entry_of(const char *id)
{
    llmq_entry_t entry = {.state = LLMQ_ENTRY_FREE};

    llmq_queue_find(&entry, rig->tasks, id);
    return entry;
}

static void tick(void)
{
    ck_assert_int_eq(llmq_lease_keeper_tick(keeper), APR_SUCCESS);
}

START_TEST(silent_worker_loses_its_job)
{
    start();
    lease_task("t", "");
    tick();
    ck_assert_int_eq(look("t")->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(look("t")->attempt, 1);
    ck_assert_int_eq(look("t")->deliveries, 1);
    ck_assert_int_eq(look("t")->retry_count, 0);
    ck_assert_ptr_null(look("t")->error);
    ck_assert_int_eq(entry_of("t").state, LLMQ_ENTRY_READY);
    ck_assert_uint_eq(entry_of("t").attempt, 1);
    ck_assert_int_eq(dispatch_rig_logged("LLMQ0740"), 1);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(what_workers_die_of_becomes_a_dead_letter)
{
    start();
    lease_task("t", ", deliveries = 2");
    tick();
    ck_assert_int_eq(look("t")->status, LLMQ_STATUS_FAILED);
    ck_assert_int_eq(look("t")->dead_letter, 1);
    ck_assert_ptr_nonnull(strstr(look("t")->error, "poison"));
    ck_assert_int_eq(entry_of("t").state, LLMQ_ENTRY_FREE);
    ck_assert_int_eq(dispatch_rig_logged("LLMQ0741"), 1);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(time_out_uses_up_a_retry_and_waits)
{
    start();
    lease_task("t", ", started_at = 5");
    lease_task("last", ", started_at = 5, retry_count = 1");
    tick();
    ck_assert_int_eq(look("t")->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(look("t")->retry_count, 1);
    ck_assert_ptr_nonnull(strstr(look("t")->error, "timeout"));
    ck_assert_int_eq(entry_of("t").state, LLMQ_ENTRY_DELAYED);
    ck_assert_int_eq(look("last")->status, LLMQ_STATUS_FAILED);
    ck_assert_int_eq(look("last")->dead_letter, 1);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(claim_that_never_came_is_ready_under_a_new_fence)
{
    start();
    take_task("t");
    tick();
    ck_assert_int_eq(look("t")->attempt, 1);
    ck_assert_int_eq(look("t")->deliveries, 0);
    ck_assert_int_eq(entry_of("t").state, LLMQ_ENTRY_READY);
    ck_assert_uint_eq(entry_of("t").attempt, 1);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(renewed_lease_goes_on)
{
    apr_time_t later = llmq_clock_now() + SEC(600);

    start();
    lease_task("t", apr_psprintf(test_pool, ", lease_until = %" APR_TIME_T_FMT, later));
    tick();
    ck_assert_int_eq(look("t")->status, LLMQ_STATUS_PROCESSING);
    ck_assert_int_eq(entry_of("t").state, LLMQ_ENTRY_RUNNING);
    ck_assert_int_eq(entry_of("t").lease_until, later);
    dispatch_rig_close(rig);
}
END_TEST

/* What another process, or another node, has done with it. */
static const char *const others[] = {
    ", status = 2",        /* completed */
    ", status = 3",        /* failed */
    ", status = 5",        /* canceled */
    ", removed_at = 1",    /* deleted */
    ", lease_until = 0",   /* claimed in S0's way */
    ", node = 'somebody'", /* another node's by now */
};

START_TEST(what_is_not_ours_to_give_leaves_the_queue)
{
    start();
    lease_task("t", others[_i]);
    tick();
    ck_assert_int_eq(entry_of("t").state, LLMQ_ENTRY_FREE);
    ck_assert_int_eq(look("t")->attempt, 0);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(newer_fence_is_followed)
{
    start();
    take_task("t");
    store_test_sql("UPDATE llmq_jobs SET attempt = 4 WHERE id = 't'");
    tick();
    ck_assert_int_eq(entry_of("t").state, LLMQ_ENTRY_READY);
    ck_assert_uint_eq(entry_of("t").attempt, 4);
    ck_assert_int_eq(look("t")->attempt, 4);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(start_of_a_dead_dispatcher_is_fenced)
{
    start();
    take_task("t");
    store_test_sql("UPDATE llmq_jobs SET status = 1 WHERE id = 't'");
    tick();
    ck_assert_int_eq(look("t")->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(look("t")->attempt, 1);
    ck_assert_int_eq(entry_of("t").state, LLMQ_ENTRY_READY);
    ck_assert_uint_eq(entry_of("t").attempt, 1);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(nothing_changes_while_the_database_is_away)
{
    start();
    lease_task("t", "");
    dispatch_rig_db_away();
    ck_assert_int_ne(llmq_lease_keeper_tick(keeper), APR_SUCCESS);
    ck_assert_int_eq(entry_of("t").state, LLMQ_ENTRY_RUNNING);
    dispatch_rig_db_back();
    tick();
    ck_assert_int_eq(entry_of("t").state, LLMQ_ENTRY_READY);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(more_than_a_page_after_a_long_sleep)
{
    int i;

    start();
    for (i = 0; i < 520; i++)
        lease_task(apr_psprintf(test_pool, "t_%d", i), "");
    tick();
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_jobs WHERE status = 0"),
                     520);
    ck_assert_int_eq(entry_of("t_519").state, LLMQ_ENTRY_READY);
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_lease_keeper(void)
{
    TCase *tc = test_case("lease_keeper");

    tcase_add_test(tc, silent_worker_loses_its_job);
    tcase_add_test(tc, what_workers_die_of_becomes_a_dead_letter);
    tcase_add_test(tc, time_out_uses_up_a_retry_and_waits);
    tcase_add_test(tc, claim_that_never_came_is_ready_under_a_new_fence);
    tcase_add_test(tc, renewed_lease_goes_on);
    tcase_add_loop_test(tc, what_is_not_ours_to_give_leaves_the_queue, 0,
                        sizeof(others) / sizeof(others[0]));
    tcase_add_test(tc, newer_fence_is_followed);
    tcase_add_test(tc, start_of_a_dead_dispatcher_is_fenced);
    tcase_add_test(tc, nothing_changes_while_the_database_is_away);
    tcase_add_test(tc, more_than_a_page_after_a_long_sleep);
    return tc;
}
