#include "dispatch/dispatch.h"

#include "support_dispatch.h"

#include <apr_strings.h>

#include <string.h>
#include <unistd.h>

#define EACH_LEVEL 25

static const char *name_of(int level, int i)
{
    return apr_psprintf(test_pool, "msg_%d_%d", level, i);
}

/* ---- work ---- */

START_TEST(what_is_put_is_answered_once_stored_and_counted)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    const llmq_job_t *job;
    int l, i;

    dispatch_rig_start(rig);
    for (i = 0; i < EACH_LEVEL; i++)
        LLMQ_EACH_LEVEL (l)
            dispatch_rig_put(rig, name_of(l, i), l);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 4 * EACH_LEVEL);
    ck_assert_int_eq(llmq_queue_stats(stats, rig->q), APR_SUCCESS);
    LLMQ_EACH_LEVEL (l) {
        ck_assert_uint_eq(stats[l].total_put, EACH_LEVEL);
        ck_assert_uint_eq(stats[l].total_taken, EACH_LEVEL);
        ck_assert_uint_eq(stats[l].total_completed, EACH_LEVEL);
        ck_assert_uint_eq(stats[l].total_failed, 0);
        ck_assert_uint_eq(stats[l].ready + stats[l].running + stats[l].delayed, 0);
        for (i = 0; i < EACH_LEVEL; i++) {
            job = store_test_find(name_of(l, i));
            ck_assert_int_eq(job->status, LLMQ_STATUS_COMPLETED);
            ck_assert_ptr_nonnull(strstr(job->result, "\"Echo: Hello\""));
            ck_assert_ptr_nonnull(strstr(job->result, "\"backend\":\"first\""));
            ck_assert_ptr_null(job->error);
            ck_assert_int_eq(job->attempt, 0);
            ck_assert_int_eq(job->retry_count, 0);
            ck_assert_int_eq(job->dead_letter, 0);
            ck_assert_int_gt(job->started_at, 0);
            ck_assert_int_ge(job->finished_at, job->started_at);
        }
    }
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(with_one_place_the_more_urgent_goes_first)
{
    dispatch_rig_t *rig = dispatch_rig();
    apr_time_t before = 0;
    int l;

    rig->backend.max_concurrent = 1;
    for (l = LLMQ_LEVEL_COUNT - 1; l > LLMQ_LEVEL_NONE; l--)
        dispatch_rig_put(rig, name_of(l, 0), l);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 4);
    LLMQ_EACH_LEVEL (l) {
        const llmq_job_t *job = store_test_find(name_of(l, 0));

        ck_assert_int_le(before, job->started_at);
        before = job->finished_at;
    }
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(what_waited_in_the_database_competes_from_the_first_take_on)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    const char *id;
    int fd;

    rig->backend.max_concurrent = 1;
    dispatch_rig_put(rig, "msg_low", LLMQ_LEVEL_LOW);
    dispatch_rig_store(dispatch_rig_job("msg_urgent", LLMQ_LEVEL_REALTIME));
    llmq_queue_suspect(rig->q);
    dispatch_rig_start(rig);
    fd = dispatch_rig_take_call(rig, &id);
    ck_assert_str_eq(id, "msg_urgent");
    dispatch_rig_complete(fd);
    fd = dispatch_rig_take_call(rig, &id);
    ck_assert_str_eq(id, "msg_low");
    dispatch_rig_complete(fd);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 2);
    dispatch_rig_close(rig);
}
END_TEST

/* ---- the end ---- */

START_TEST(drain_takes_no_more_and_lets_calls_in_flight_finish)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    llmq_entry_t entry;
    int fd;

    rig->backend.max_concurrent = 1;
    dispatch_rig_start(rig);
    dispatch_rig_put(rig, "msg_a", _i);
    fd = dispatch_rig_take_call(rig, NULL);
    dispatch_rig_put(rig, "msg_b", _i);
    llmq_dispatch_drain(rig->d);
    dispatch_rig_complete(fd);
    dispatch_rig_join(rig);
    ck_assert_int_eq(dispatch_rig_status("msg_a"), LLMQ_STATUS_COMPLETED);
    ck_assert_int_eq(queue_state(rig->q, "msg_a"), LLMQ_ENTRY_FREE);
    ck_assert_int_eq(dispatch_rig_status("msg_b"), LLMQ_STATUS_PENDING);
    ck_assert_int_eq(llmq_queue_find(&entry, rig->q, "msg_b"), APR_SUCCESS);
    ck_assert_int_eq(entry.state, LLMQ_ENTRY_READY);
    ck_assert_uint_eq(entry.attempt, 0);
    ck_assert(dispatch_rig_gate_is_quiet(rig));
    dispatch_rig_close(rig);
}
END_TEST

/* Given back: nothing of the attempt counts but its fence. */
static void check_given_back(dispatch_rig_t *rig, const char *id)
{
    const llmq_job_t *job = store_test_find(id);
    llmq_entry_t entry;

    ck_assert_int_eq(job->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(job->attempt, 1);
    ck_assert_int_eq(job->retry_count, 0);
    ck_assert_int_eq(job->dead_letter, 0);
    ck_assert_ptr_null(job->result);
    ck_assert_int_eq(llmq_queue_find(&entry, rig->q, id), APR_SUCCESS);
    ck_assert_int_eq(entry.state, LLMQ_ENTRY_READY);
    ck_assert_uint_eq(entry.attempt, 1);
}

enum { END_STOP, END_GRACE, END_ORPHAN, END_STOP_THEN_DRAIN, END_DRAIN_THEN_STOP, ENDS };

static void end_somehow(dispatch_rig_t *rig, int how)
{
    switch (how) {
    case END_STOP: llmq_dispatch_stop(rig->d); break;
    case END_GRACE: llmq_dispatch_drain(rig->d); break;
    case END_ORPHAN: atomic_store(&rig->orphaned, 1); break;
    case END_STOP_THEN_DRAIN:
        llmq_dispatch_stop(rig->d);
        llmq_dispatch_drain(rig->d);
        break;
    default: llmq_dispatch_drain(rig->d); llmq_dispatch_stop(rig->d);
    }
}

START_TEST(whatever_ends_it_calls_in_flight_are_given_back_with_a_raised_fence)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    int fds[3], i;

    if (_i == END_GRACE)
        rig->conf.grace = apr_time_from_msec(100);
    dispatch_rig_start(rig);
    for (i = 0; i < 3; i++)
        dispatch_rig_put(rig, name_of(1, i), 1);
    for (i = 0; i < 3; i++)
        fds[i] = dispatch_rig_take_call(rig, NULL);
    end_somehow(rig, _i);
    dispatch_rig_join(rig);
    for (i = 0; i < 3; i++) {
        check_given_back(rig, name_of(1, i));
        DISPATCH_WAIT(dispatch_rig_hung_up(fds[i]));
        close(fds[i]);
    }
    ck_assert(dispatch_rig_gate_is_quiet(rig));
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(an_orphan_does_not_wait_for_its_calls_while_draining)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    int fd;

    dispatch_rig_start(rig);
    dispatch_rig_put(rig, "msg_a", _i);
    fd = dispatch_rig_take_call(rig, NULL);
    llmq_dispatch_drain(rig->d);
    atomic_store(&rig->orphaned, 1);
    dispatch_rig_join(rig);
    check_given_back(rig, "msg_a");
    close(fd);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(without_the_database_it_ends_and_its_entries_stay_for_the_next)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    llmq_entry_t entry;
    int fd;

    dispatch_rig_start(rig);
    dispatch_rig_put(rig, "msg_a", _i);
    fd = dispatch_rig_take_call(rig, NULL);
    dispatch_rig_db_away();
    dispatch_rig_complete(fd);
    DISPATCH_WAIT(dispatch_rig_logged("LLMQ0706") > 0);
    llmq_dispatch_stop(rig->d);
    dispatch_rig_join(rig);
    dispatch_rig_db_back();
    ck_assert_int_lt(dispatch_rig_status("msg_a"), LLMQ_STATUS_COMPLETED);
    ck_assert_int_eq(llmq_queue_find(&entry, rig->q, "msg_a"), APR_SUCCESS);
    ck_assert_int_eq(entry.state, LLMQ_ENTRY_RUNNING);
    ck_assert_uint_eq(entry.owner, (unsigned)getpid());
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(one_that_was_given_back_is_answered_by_the_next_dispatcher)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    int fd;

    dispatch_rig_start(rig);
    dispatch_rig_put(rig, "msg_a", _i);
    fd = dispatch_rig_take_call(rig, NULL);
    llmq_dispatch_stop(rig->d);
    dispatch_rig_join(rig);
    close(fd);
    apr_pool_destroy(rig->pool);
    rig->d = NULL;
    dispatch_rig_start(rig);
    dispatch_rig_complete(dispatch_rig_take_call(rig, NULL));
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 1);
    ck_assert_int_eq(dispatch_rig_status("msg_a"), LLMQ_STATUS_COMPLETED);
    ck_assert_int_eq(store_test_find("msg_a")->attempt, 1);
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_dispatch(void)
{
    TCase *tc = test_case("dispatch");

    tcase_add_test(tc, what_is_put_is_answered_once_stored_and_counted);
    tcase_add_test(tc, with_one_place_the_more_urgent_goes_first);
    tcase_add_test(tc, what_waited_in_the_database_competes_from_the_first_take_on);
    tcase_add_loop_test(tc, drain_takes_no_more_and_lets_calls_in_flight_finish, 1, 5);
    tcase_add_loop_test(
        tc, whatever_ends_it_calls_in_flight_are_given_back_with_a_raised_fence, 0, ENDS);
    tcase_add_loop_test(tc, an_orphan_does_not_wait_for_its_calls_while_draining, 1, 2);
    tcase_add_loop_test(
        tc, without_the_database_it_ends_and_its_entries_stay_for_the_next, 1, 2);
    tcase_add_loop_test(tc, one_that_was_given_back_is_answered_by_the_next_dispatcher, 1,
                        5);
    return tc;
}
