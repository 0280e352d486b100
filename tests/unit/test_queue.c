#include "queue/queue.h"

#include "base/clock.h"
#include "support_queue.h"

START_TEST(admit_refuses_at_max_size_exactly)
{
    llmq_queue_t *q = queue_rig(3, 1)->q;
    llmq_entry_t e = queue_entry("b", _i, 1, 0);

    queue_put(q, "a", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), LLMQ_EFULL);
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, LLMQ_PUT_ADMITTED), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), LLMQ_EFULL);
    llmq_queue_dismiss(q, 0, _i);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), LLMQ_EFULL);
    /* Running entries take up no place. */
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), LLMQ_EFULL);
    ck_queue(q);
}
END_TEST

START_TEST(blocked_and_delayed_entries_count_towards_max_size)
{
    llmq_queue_t *q = queue_rig(3, 9)->q;

    llmq_clock_set(QUEUE_NOW);
    queue_put(q, "head", _i, 1, 5);
    queue_put(q, "blocked", _i, 1, 5);
    queue_put_at(q, "delayed", _i, QUEUE_NOW + 1);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), LLMQ_EFULL);
    ck_assert_int_eq(llmq_queue_cancel(q, "blocked"), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_cancel(q, "delayed"), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), LLMQ_EFULL);
}
END_TEST

START_TEST(admit_of_an_unknown_level_is_refused)
{
    llmq_queue_t *q = queue_rig(3, 9)->q;

    ck_assert_int_eq(llmq_queue_admit(q, 0, LLMQ_LEVEL_NONE), APR_EINVAL);
    ck_assert_int_eq(llmq_queue_admit(q, 0, LLMQ_LEVEL_COUNT), APR_EINVAL);
    llmq_queue_dismiss(q, 0, LLMQ_LEVEL_COUNT);
    ck_queue(q);
}
END_TEST

START_TEST(ack_lets_the_entry_leave_once)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    int how;

    for (how = LLMQ_ACK_COMPLETED; how <= LLMQ_ACK_GONE; how++) {
        queue_put(q, "a", _i, 1, 0);
        queue_put(q, "b", _i, 1, 0);
        ck_assert_str_eq(queue_take_ids(q, 9), "a b");
        queue_ack(q, "a", how);
        queue_ack(q, "a", how);
        ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_FREE);
        ck_assert_int_eq(queue_state(q, "b"), LLMQ_ENTRY_RUNNING);
        queue_ack(q, "b", how);
        queue_ack(q, "unknown", how);
        ck_queue(q);
    }
}
END_TEST

START_TEST(ack_of_an_older_attempt_changes_nothing)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_queue_ack_t ack = {.id = "a", .attempt = 0, .how = LLMQ_ACK_COMPLETED};

    queue_put(q, "a", _i, 1, 0);
    queue_take_ids(q, 1);
    ck_assert_int_eq(llmq_queue_requeue(q, "a", 0, 1, 0), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_ack(q, &ack, 1), APR_SUCCESS);
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_READY);
    ck_assert_str_eq(queue_take_ids(q, 1), "a");
    ck_assert_int_eq(llmq_queue_ack(q, &ack, 1), APR_SUCCESS);
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_RUNNING);
    ack.attempt = 1;
    ck_assert_int_eq(llmq_queue_ack(q, &ack, 1), APR_SUCCESS);
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_FREE);
}
END_TEST

START_TEST(ack_of_what_does_not_run_changes_nothing)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    queue_put(q, "ready", _i, 1, 5);
    queue_put(q, "blocked", _i, 1, 5);
    queue_put_at(q, "delayed", _i, QUEUE_NOW + 1);
    queue_ack(q, "ready", LLMQ_ACK_COMPLETED);
    queue_ack(q, "blocked", LLMQ_ACK_COMPLETED);
    queue_ack(q, "delayed", LLMQ_ACK_COMPLETED);
    ck_assert_int_eq(queue_state(q, "ready"), LLMQ_ENTRY_READY);
    ck_assert_int_eq(queue_state(q, "blocked"), LLMQ_ENTRY_BLOCKED);
    ck_assert_int_eq(queue_state(q, "delayed"), LLMQ_ENTRY_DELAYED);
    ck_queue(q);
}
END_TEST

START_TEST(configure_changes_limits_within_the_segment)
{
    queue_rig_t *rig = queue_rig(2, 1);
    llmq_queue_conf_t conf = rig->conf;

    queue_put(rig->q, "a", _i, 1, 0);
    queue_put(rig->q, "b", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_admit(rig->q, 0, _i), LLMQ_EFULL);
    ck_assert_str_eq(queue_take_ids(rig->q, 9), "a");
    conf.level[_i].max_size = 3;
    conf.level[_i].max_concurrent = 2;
    ck_assert_int_eq(llmq_queue_configure(rig->q, &conf), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(rig->q, 9), "b");
    ck_assert_int_eq(llmq_queue_admit(rig->q, 0, _i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(rig->q, 0, _i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(rig->q, 0, _i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(rig->q, 0, _i), LLMQ_EFULL);
    conf.level[_i].max_size = 5000;
    ck_assert_int_eq(llmq_queue_configure(rig->q, &conf), LLMQ_EFULL);
    ck_assert_int_eq(llmq_queue_admit(rig->q, 0, _i), LLMQ_EFULL);
}
END_TEST

START_TEST(a_changed_setting_is_seen_and_wakes_the_taker)
{
    queue_rig_t *rig = queue_rig(10, 10);
    apr_uint32_t before = llmq_queue_settings_version(rig->q);

    while (llmq_queue_wait(rig->q, 0) == APR_SUCCESS)
        queue_take_ids(rig->q, 1);
    llmq_queue_settings_changed(rig->q);
    ck_assert_uint_ne(llmq_queue_settings_version(rig->q), before);
    ck_assert_int_eq(llmq_queue_wait(rig->q, 0), APR_SUCCESS);
}
END_TEST

START_TEST(a_hastened_entry_is_ready_at_its_place_in_the_chain)
{
    queue_rig_t *rig = queue_rig(10, 10);
    llmq_entry_t e = queue_entry("msg_a", _i, 1, 7);

    e.run_at = llmq_clock_now() + apr_time_from_sec(3600);
    ck_assert_int_eq(llmq_queue_put(rig->q, &e, 1, 0), APR_SUCCESS);
    queue_put(rig->q, "msg_b", _i, 1, 7);
    ck_assert_str_eq(queue_take_ids(rig->q, 9), "");
    ck_assert_int_eq(llmq_queue_hasten(rig->q, "msg_none", 1), APR_NOTFOUND);
    ck_assert_int_eq(llmq_queue_hasten(rig->q, "msg_a", 3), APR_SUCCESS);
    ck_assert_int_eq(queue_state(rig->q, "msg_b"), LLMQ_ENTRY_BLOCKED);
    ck_assert_int_eq(llmq_queue_hasten(rig->q, "msg_a", 4), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_hasten(rig->q, "msg_b", 2), APR_SUCCESS);
    ck_assert_uint_eq(queue_found(rig->q, "msg_a")->attempt, 4);
    ck_assert_uint_eq(queue_found(rig->q, "msg_b")->attempt, 2);
    ck_assert_str_eq(queue_take_ids(rig->q, 9), "msg_a");
    ck_assert_int_eq(llmq_queue_hasten(rig->q, "msg_a", 5), LLMQ_EBUSY);
    ck_assert_uint_eq(queue_found(rig->q, "msg_a")->attempt, 4);
    ck_assert_int_eq(llmq_queue_next_due(rig->q), -1);
    ck_assert_ptr_null(queue_check(rig->q));
}
END_TEST

TCase *case_queue(void)
{
    TCase *tc = test_case("queue");

    tcase_add_loop_test(tc, admit_refuses_at_max_size_exactly, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, blocked_and_delayed_entries_count_towards_max_size, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, admit_of_an_unknown_level_is_refused);
    tcase_add_loop_test(tc, ack_lets_the_entry_leave_once, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, ack_of_an_older_attempt_changes_nothing, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, ack_of_what_does_not_run_changes_nothing, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, configure_changes_limits_within_the_segment, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, a_changed_setting_is_seen_and_wakes_the_taker);
    tcase_add_loop_test(tc, a_hastened_entry_is_ready_at_its_place_in_the_chain, 1,
                        LLMQ_LEVEL_COUNT);
    return tc;
}
