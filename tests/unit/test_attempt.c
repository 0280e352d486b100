#include "dispatch/attempt.h"

#include "support_dispatch.h"

#include <apr_strings.h>

#include <string.h>

static llmq_attempt_t *attempt_of(dispatch_rig_t *rig, const char *id)
{
    llmq_job_t *job = dispatch_rig_job(id, LLMQ_LEVEL_HIGH);
    llmq_entry_t entry = {.attempt = 7, .level = LLMQ_LEVEL_HIGH};
    llmq_attempt_t *a;

    job->attempt = 7;
    job->retry_count = 2;
    job->max_retries = 5;
    job->timeout = apr_time_from_sec(9);
    apr_cpystrn(entry.id, id, sizeof(entry.id));
    a = llmq_attempt_create(rig->d, &entry, job, NULL);
    memset(job, 0, sizeof(*job)); /* it must not be needed any more */
    memset(&entry, 0, sizeof(entry));
    return a;
}

START_TEST(an_attempt_keeps_what_its_outcome_needs)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_attempt_t *a;

    dispatch_rig_create(rig);
    a = attempt_of(rig, "msg_a");
    ck_assert_str_eq(a->entry.id, "msg_a");
    ck_assert_ptr_eq(a->job.id, a->entry.id);
    ck_assert_ptr_eq(a->call.id, a->entry.id);
    ck_assert_ptr_eq(a->call.ctx, a);
    ck_assert_ptr_eq(a->call.pool, a->pool);
    ck_assert_str_eq(a->job.tenant, "default");
    ck_assert_int_eq(a->job.attempt, 7);
    ck_assert_int_eq(a->job.retry_count, 2);
    ck_assert_int_eq(a->job.max_retries, 5);
    ck_assert_int_eq(a->job.level, LLMQ_LEVEL_HIGH);
    ck_assert_int_eq(a->call.timeout, apr_time_from_sec(9));
    ck_assert_int_gt(a->begun_at, 0);
    ck_assert_ptr_nonnull(strstr(a->call.messages, "\"role\":\"user\""));
    llmq_attempt_destroy(a);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(the_list_in_flight_counts_and_keeps_the_order)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_attempt_t *a, *b;

    dispatch_rig_create(rig);
    a = attempt_of(rig, "msg_a");
    b = attempt_of(rig, "msg_b");
    ck_assert_int_eq(llmq_attempt_count(rig->d), 0);
    llmq_attempt_launch(a);
    llmq_attempt_launch(b);
    ck_assert_int_eq(llmq_attempt_count(rig->d), 2);
    ck_assert_ptr_eq(APR_RING_FIRST(&rig->d->in_flight), a);
    llmq_attempt_land(a);
    ck_assert_int_eq(llmq_attempt_count(rig->d), 1);
    ck_assert_ptr_eq(APR_RING_FIRST(&rig->d->in_flight), b);
    llmq_attempt_land(b);
    ck_assert_int_eq(llmq_attempt_count(rig->d), 0);
    ck_assert(APR_RING_EMPTY(&rig->d->in_flight, llmq_attempt_t, in_flight));
    llmq_attempt_destroy(a);
    llmq_attempt_destroy(b);
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_attempt(void)
{
    TCase *tc = test_case("attempt");

    tcase_add_test(tc, an_attempt_keeps_what_its_outcome_needs);
    tcase_add_test(tc, the_list_in_flight_counts_and_keeps_the_order);
    return tc;
}
