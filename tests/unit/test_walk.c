#include "support_dispatch.h"

#include "dispatch/dispatch_inner.h"
#include "dispatch/walk.h"
#include "queue/queue_job.h"

/* A task in the store that no queue knows. */
static void insert_task(const char *id, const char *type)
{
    llmq_job_t *job = store_test_job(id);

    job->kind = LLMQ_KIND_TASK;
    job->type = type;
    job->chain = NULL;
    store_test_insert(store_test.store, job);
}

/* The walk clears what it works in. */
static apr_status_t walk(dispatch_rig_t *rig, llmq_kind_e kind)
{
    apr_pool_t *scratch;
    apr_status_t rv;

    apr_pool_create(&scratch, test_pool);
    rv = llmq_walk_if_needed(rig->d, kind, scratch);
    apr_pool_destroy(scratch);
    return rv;
}

START_TEST(each_queue_gets_its_kind)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_entry_t entry;

    dispatch_rig_create(rig);
    insert_task("task_1", "vector_storage");
    store_test_insert(store_test.store, store_test_job("msg_1"));
    llmq_queue_suspect(rig->tasks);
    ck_assert_int_eq(walk(rig, LLMQ_KIND_TASK), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_find(&entry, rig->tasks, "task_1"), APR_SUCCESS);
    ck_assert_int_eq(entry.state, LLMQ_ENTRY_READY);
    ck_assert_uint_eq(entry.tenant, llmq_queue_job_lane("default", "vector_storage"));
    ck_assert_int_eq(llmq_queue_find(&entry, rig->tasks, "msg_1"), APR_NOTFOUND);
    llmq_queue_suspect(rig->q);
    ck_assert_int_eq(walk(rig, LLMQ_KIND_MESSAGE), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_find(&entry, rig->q, "msg_1"), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_find(&entry, rig->q, "task_1"), APR_NOTFOUND);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(what_a_worker_has_runs)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_entry_t entry;

    dispatch_rig_create(rig);
    insert_task("task_1", "vector_storage");
    insert_task("task_2", "vector_storage");
    store_test_sql("UPDATE llmq_jobs SET status = 1, owner = 'w', lease_until = 77, "
                   "started_at = 5, attempt = 3 WHERE id = 'task_2'");
    llmq_queue_suspect(rig->tasks);
    ck_assert_int_eq(walk(rig, LLMQ_KIND_TASK), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_find(&entry, rig->tasks, "task_2"), APR_SUCCESS);
    ck_assert_int_eq(entry.state, LLMQ_ENTRY_RUNNING);
    ck_assert_int_eq(entry.lease_until, 77);
    ck_assert_int_eq(entry.taken_at, 5);
    ck_assert_int_eq(entry.attempt, 3);
    ck_assert_int_eq(llmq_queue_find(&entry, rig->tasks, "task_1"), APR_SUCCESS);
    ck_assert_int_eq(entry.state, LLMQ_ENTRY_READY);
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_walk(void)
{
    TCase *tc = test_case("walk");

    tcase_add_test(tc, each_queue_gets_its_kind);
    tcase_add_test(tc, what_a_worker_has_runs);
    return tc;
}
