#include "dispatch/janitor.h"

#include "base/clock.h"
#include "support_dispatch.h"

#include <apr_strings.h>

#include <string.h>
#include <unistd.h>

#define PAGES 2500 /* rows of two pages and a half */

static const char *name_of(int i)
{
    return apr_psprintf(test_pool, "msg_%d", i);
}

/* A janitor whose dispatcher takes nothing. */
static llmq_janitor_t *janitor_of(dispatch_rig_t *rig)
{
    dispatch_rig_create(rig);
    return llmq_janitor_create(rig->d, rig->pool);
}

/* ---- rebuilding ---- */

START_TEST(rows_that_were_never_put_are_found_after_a_suspicion)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_janitor_t *j = janitor_of(rig);
    llmq_entry_t entry;
    int l;

    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    LLMQ_EACH_LEVEL (l)
        dispatch_rig_store(dispatch_rig_job(name_of(l), l));
    store_test_sql("UPDATE llmq_jobs SET attempt = level");
    if (_i == LLMQ_STATUS_PROCESSING)
        store_test_sql("UPDATE llmq_jobs SET status = 1");
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    ck_assert_uint_eq(dispatch_rig_sum(rig).total_put, 0);
    llmq_queue_suspect(rig->q);
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    ck_assert(!llmq_queue_needs_rebuild(rig->q));
    LLMQ_EACH_LEVEL (l) {
        ck_assert_int_eq(llmq_queue_find(&entry, rig->q, name_of(l)), APR_SUCCESS);
        ck_assert_int_eq(entry.state, LLMQ_ENTRY_READY);
        ck_assert_int_eq(entry.level, l);
        ck_assert_uint_eq(entry.attempt, l);
        ck_assert_int_eq(entry.put_at, STORE_TEST_T0);
    }
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_rebuild_leaves_out_what_is_not_to_be_done_here)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_janitor_t *j = janitor_of(rig);
    int i;

    for (i = 0; i < 7; i++)
        dispatch_rig_store(dispatch_rig_job(name_of(i), LLMQ_LEVEL_NORMAL));
    for (i = 2; i < 5; i++)
        store_test_sql(apr_psprintf(
            test_pool, "UPDATE llmq_jobs SET status = %d WHERE id = 'msg_%d'", i, i));
    store_test_sql("UPDATE llmq_jobs SET removed_at = 5 WHERE id = 'msg_0'");
    store_test_sql("UPDATE llmq_jobs SET owner = 'x', status = 1 WHERE id = 'msg_1'");
    store_test_sql("UPDATE llmq_jobs SET node = 'node_z' WHERE id = 'msg_5'");
    llmq_queue_suspect(rig->q);
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    for (i = 0; i < 7; i++)
        ck_assert_int_eq(queue_state(rig->q, name_of(i)),
                         i == 6 ? LLMQ_ENTRY_READY : LLMQ_ENTRY_FREE);
    dispatch_rig_close(rig);
}
END_TEST

static void store_pages(int n)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 1024, test_pool);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        if (i)
            LLMQ_TEXT_LIT(&t, ",");
        llmq_store_job_row(&t, dispatch_rig_job(name_of(i), LLMQ_LEVEL_LOW));
    }
    LLMQ_TEXT_LIT(&t, "]");
    ck_assert_int_eq(llmq_store_job_insert(store_test.store, t.data, test_pool),
                     APR_SUCCESS);
}

START_TEST(a_rebuild_walks_over_all_pages_in_order)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_janitor_t *j = janitor_of(rig);

    store_pages(PAGES);
    llmq_queue_suspect(rig->q);
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    ck_assert_uint_eq(dispatch_rig_sum(rig).ready, PAGES);
    ck_assert_str_eq(queue_take_ids(rig->q, 3), "msg_0 msg_1 msg_2");
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_row_that_makes_no_sense_does_not_keep_the_queue_from_being_drained)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_janitor_t *j = janitor_of(rig);

    dispatch_rig_store(dispatch_rig_job("msg_bad", LLMQ_LEVEL_NORMAL));
    store_test_sql("UPDATE llmq_jobs SET level = 9");
    dispatch_rig_store(dispatch_rig_job("msg_good", LLMQ_LEVEL_NORMAL));
    llmq_queue_suspect(rig->q);
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    ck_assert(!llmq_queue_needs_rebuild(rig->q));
    ck_assert_int_eq(queue_state(rig->q, "msg_good"), LLMQ_ENTRY_READY);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(without_the_database_a_rebuild_stays_due)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_janitor_t *j = janitor_of(rig);

    dispatch_rig_store(dispatch_rig_job("msg_a", LLMQ_LEVEL_NORMAL));
    dispatch_rig_db_away();
    llmq_queue_suspect(rig->q);
    ck_assert_int_eq(llmq_janitor_tick(j), LLMQ_ESTORE);
    ck_assert(llmq_queue_needs_rebuild(rig->q));
    dispatch_rig_db_back();
    DISPATCH_WAIT(llmq_janitor_tick(j) == APR_SUCCESS);
    ck_assert_int_eq(queue_state(rig->q, "msg_a"), LLMQ_ENTRY_READY);
    dispatch_rig_close(rig);
}
END_TEST

/* ---- damage ---- */

/* A second call for one in flight would stand at the gate before that of "msg_last". */
START_TEST(a_damaged_queue_is_built_anew_around_the_calls_in_flight)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    const char *id;
    int fds[4], i;

    rig->backend.max_concurrent = 4;
    dispatch_rig_start(rig);
    for (i = 0; i < 3; i++)
        dispatch_rig_put(rig, name_of(i), LLMQ_LEVEL_HIGH);
    for (i = 0; i < 3; i++)
        fds[i] = dispatch_rig_take_call(rig, NULL);
    for (i = 0; i <= _i; i++) {
        dispatch_rig_damage(rig);
        llmq_queue_find(NULL, rig->q, "msg_0"); /* whoever comes next notices */
        DISPATCH_WAIT(!llmq_queue_is_damaged(rig->q)
                      && !llmq_queue_needs_rebuild(rig->q));
    }
    ck_assert_uint_eq(dispatch_rig_sum(rig).running, 3);
    ck_assert_uint_eq(dispatch_rig_sum(rig).ready, 0);
    dispatch_rig_put(rig, "msg_last", LLMQ_LEVEL_HIGH);
    fds[3] = dispatch_rig_take_call(rig, &id);
    ck_assert_str_eq(id, "msg_last");
    for (i = 0; i < 4; i++)
        dispatch_rig_complete(fds[i]);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 4);
    ck_assert(dispatch_rig_gate_is_quiet(rig));
    ck_assert_uint_eq(dispatch_rig_sum(rig).total_put, 4);
    for (i = 0; i < 3; i++)
        ck_assert_int_eq(dispatch_rig_status(name_of(i)), LLMQ_STATUS_COMPLETED);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(what_waited_when_the_queue_was_damaged_is_there_again)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_janitor_t *j = janitor_of(rig);
    int l;

    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    LLMQ_EACH_LEVEL (l)
        dispatch_rig_put(rig, name_of(l), l);
    dispatch_rig_damage(rig);
    ck_assert_int_eq(llmq_queue_find(NULL, rig->q, "msg_1"), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    LLMQ_EACH_LEVEL (l)
        ck_assert_int_eq(queue_state(rig->q, name_of(l)), LLMQ_ENTRY_READY);
    ck_assert_uint_eq(dispatch_rig_sum(rig).total_put, 4);
    dispatch_rig_close(rig);
}
END_TEST

/* ---- taking over ---- */

static void put_and_take(dispatch_rig_t *rig, const char *id, apr_uint32_t owner)
{
    llmq_entry_t entry;
    int n;

    dispatch_rig_put(rig, id, LLMQ_LEVEL_NORMAL);
    ck_assert_int_eq(llmq_queue_take(&entry, &n, rig->q, 1, owner), APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(entry.id, id);
}

static void check_taken_over(dispatch_rig_t *rig, const char *id)
{
    llmq_entry_t entry;

    ck_assert_int_eq(llmq_queue_find(&entry, rig->q, id), APR_SUCCESS);
    ck_assert_int_eq(entry.state, LLMQ_ENTRY_READY);
    ck_assert_uint_eq(entry.attempt, 1);
    ck_assert_int_eq(store_test_find(id)->attempt, 1);
    ck_assert_int_eq(store_test_find(id)->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(store_test_find(id)->retry_count, 0);
}

static void check_untouched(dispatch_rig_t *rig, const char *id)
{
    ck_assert_int_eq(queue_state(rig->q, id), LLMQ_ENTRY_RUNNING);
    ck_assert_int_eq(store_test_find(id)->attempt, 0);
}

START_TEST(what_a_dead_dispatcher_ran_is_ready_again_under_a_raised_fence)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_janitor_t *j;

    atomic_store(&rig->other_lives, 1);
    put_and_take(rig, "msg_dead", DISPATCH_DEAD_OWNER);
    put_and_take(rig, "msg_alive", DISPATCH_OTHER_OWNER);
    if (_i)
        store_test_sql("UPDATE llmq_jobs SET status = 1");
    j = janitor_of(rig);
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    check_taken_over(rig, "msg_dead");
    check_untouched(rig, "msg_alive");
    atomic_store(&rig->other_lives, 0);
    atomic_store(&rig->deaths, 1);
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    check_taken_over(rig, "msg_dead");
    check_taken_over(rig, "msg_alive");
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(what_this_dispatcher_runs_is_not_taken_over)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_janitor_t *j = janitor_of(rig);

    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    put_and_take(rig, "msg_own", (apr_uint32_t)getpid());
    atomic_store(&rig->deaths, 1);
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    check_untouched(rig, "msg_own");
    dispatch_rig_close(rig);
}
END_TEST

/* The system may give a process the number of one that died. */
START_TEST(what_ran_under_our_pid_before_we_began_is_taken_over)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_janitor_t *j;

    put_and_take(rig, "msg_before", (apr_uint32_t)getpid());
    j = janitor_of(rig);
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    check_taken_over(rig, "msg_before");
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(without_the_database_nobody_is_taken_over_until_it_is_back)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_janitor_t *j = janitor_of(rig);

    put_and_take(rig, "msg_dead", DISPATCH_DEAD_OWNER);
    dispatch_rig_db_away();
    ck_assert_int_eq(llmq_janitor_tick(j), LLMQ_ESTORE);
    ck_assert_int_eq(queue_state(rig->q, "msg_dead"), LLMQ_ENTRY_RUNNING);
    dispatch_rig_db_back();
    DISPATCH_WAIT(llmq_janitor_tick(j) == APR_SUCCESS);
    check_taken_over(rig, "msg_dead");
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(what_was_taken_over_is_answered_once)
{
    dispatch_rig_t *rig = dispatch_rig_http("echo");

    put_and_take(rig, "msg_dead", DISPATCH_DEAD_OWNER);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 1);
    ck_assert_int_eq(store_test_find("msg_dead")->attempt, 1);
    ck_assert_int_eq(http_server_requests(rig->server), 1);
    dispatch_rig_close(rig);
}
END_TEST

/* ---- totals ---- */

/* Per level l: l completed, l failed and one timed out. */
static void store_past(void)
{
    int l, i;

    LLMQ_EACH_LEVEL (l) {
        for (i = 0; i < 2 * l + 1; i++)
            dispatch_rig_store(
                dispatch_rig_job(apr_psprintf(test_pool, "past_%d_%d", l, i), l));
        store_test_sql(apr_psprintf(
            test_pool,
            "UPDATE llmq_jobs SET status = CASE WHEN CAST(substr(id, 8) AS integer) < %d "
            "THEN 2 WHEN CAST(substr(id, 8) AS integer) < %d THEN 3 ELSE 4 END "
            "WHERE level = %d",
            l, 2 * l, l));
    }
}

START_TEST(totals_are_loaded_into_a_fresh_queue)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_janitor_t *j = janitor_of(rig);
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    int l;

    store_past();
    if (_i) /* a child was faster than the first look */
        dispatch_rig_put(rig, "msg_early", LLMQ_LEVEL_LOW);
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_stats(stats, rig->q), APR_SUCCESS);
    LLMQ_EACH_LEVEL (l) {
        ck_assert_uint_eq(stats[l].total_completed, l);
        ck_assert_uint_eq(stats[l].total_failed, l + 1);
    }
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_queue_that_has_seen_work_keeps_its_totals)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_janitor_t *j;

    put_and_take(rig, "msg_a", DISPATCH_DEAD_OWNER);
    queue_ack(rig->q, "msg_a", LLMQ_ACK_COMPLETED);
    store_test_sql("DELETE FROM llmq_jobs");
    store_past();
    j = janitor_of(rig);
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    ck_assert_uint_eq(dispatch_rig_sum(rig).total_completed, 1);
    ck_assert_uint_eq(dispatch_rig_sum(rig).total_failed, 0);
    dispatch_rig_close(rig);
}
END_TEST

/* ---- nodes ---- */

START_TEST(this_node_is_seen_to_live)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_janitor_t *j = janitor_of(rig);
    apr_time_t now = llmq_clock_now();

    llmq_clock_set(now); /* it beats again when the test says so */
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    ck_assert_int_ge(
        store_test_number("SELECT heartbeat FROM llmq_nodes WHERE node = 'node_a'"), now);
    store_test_sql("UPDATE llmq_nodes SET heartbeat = 5");
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    ck_assert_int_eq(store_test_number("SELECT heartbeat FROM llmq_nodes"), 5);
    llmq_clock_set(llmq_clock_now() + store_test.conf.node_timeout / 2);
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    ck_assert_int_gt(store_test_number("SELECT heartbeat FROM llmq_nodes"), now);
    llmq_clock_set(0);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(work_of_a_silent_node_is_adopted_into_the_queue)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_janitor_t *j = janitor_of(rig);
    llmq_entry_t entry;

    store_test_insert(store_test_node("node_b"),
                      dispatch_rig_job("msg_b", LLMQ_LEVEL_HIGH));
    store_test_sql("UPDATE llmq_nodes SET heartbeat = 5 WHERE node = 'node_b'");
    ck_assert_int_eq(llmq_janitor_tick(j), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_find(&entry, rig->q, "msg_b"), APR_SUCCESS);
    ck_assert_uint_eq(entry.attempt, 1);
    ck_assert_int_eq(store_test_find("msg_b")->attempt, 1);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(nothing_is_drained_while_another_node_holds_the_file)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_janitor_t *j = janitor_of(rig);

    store_test_sql(apr_psprintf(test_pool,
                                "INSERT INTO llmq_nodes VALUES ('node_b', "
                                "%" APR_TIME_T_FMT ", 1)",
                                llmq_clock_now()));
    ck_assert_int_eq(llmq_janitor_tick(j), LLMQ_ESTATE);
    dispatch_rig_put(rig, "msg_a", LLMQ_LEVEL_HIGH);
    dispatch_rig_start(rig);
    ck_assert_int_eq(queue_state(rig->q, "msg_a"), LLMQ_ENTRY_READY);
    ck_assert_ptr_null(rig->d->line[LLMQ_KIND_MESSAGE].thread);
    store_test_sql("UPDATE llmq_nodes SET heartbeat = 5 WHERE node = 'node_b'");
    DISPATCH_WAIT(dispatch_rig_status("msg_a") == LLMQ_STATUS_COMPLETED);
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_janitor(void)
{
    TCase *tc = test_case("janitor");

    tcase_add_loop_test(tc, rows_that_were_never_put_are_found_after_a_suspicion, 0, 2);
    tcase_add_test(tc, a_rebuild_leaves_out_what_is_not_to_be_done_here);
    tcase_add_test(tc, a_rebuild_walks_over_all_pages_in_order);
    tcase_add_test(tc,
                   a_row_that_makes_no_sense_does_not_keep_the_queue_from_being_drained);
    tcase_add_test(tc, without_the_database_a_rebuild_stays_due);
    tcase_add_loop_test(tc, a_damaged_queue_is_built_anew_around_the_calls_in_flight, 0,
                        3);
    tcase_add_test(tc, what_waited_when_the_queue_was_damaged_is_there_again);
    tcase_add_loop_test(
        tc, what_a_dead_dispatcher_ran_is_ready_again_under_a_raised_fence, 0, 2);
    tcase_add_test(tc, what_this_dispatcher_runs_is_not_taken_over);
    tcase_add_test(tc, what_ran_under_our_pid_before_we_began_is_taken_over);
    tcase_add_test(tc, without_the_database_nobody_is_taken_over_until_it_is_back);
    tcase_add_test(tc, what_was_taken_over_is_answered_once);
    tcase_add_loop_test(tc, totals_are_loaded_into_a_fresh_queue, 0, 2);
    tcase_add_test(tc, a_queue_that_has_seen_work_keeps_its_totals);
    tcase_add_test(tc, this_node_is_seen_to_live);
    tcase_add_test(tc, work_of_a_silent_node_is_adopted_into_the_queue);
    tcase_add_test(tc, nothing_is_drained_while_another_node_holds_the_file);
    return tc;
}
