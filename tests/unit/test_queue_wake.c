#include "queue/queue_wake.h"

#include "base/clock.h"
#include "support_queue.h"

#include <apr_strings.h>

#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG (20 * APR_USEC_PER_SEC)

/* Forget what the set-up has noted. */
static queue_rig_t *quiet_rig(void)
{
    queue_rig_t *rig = queue_rig(50, 1);

    queue_take_ids(rig->q, 1);
    return rig;
}

static int has_byte(const queue_rig_t *rig)
{
    struct pollfd pfd = {.fd = rig->wake[0], .events = POLLIN};

    return poll(&pfd, 1, 0) == 1;
}

START_TEST(wait_ends_when_nothing_happens)
{
    queue_rig_t *rig = quiet_rig();

    ck_assert_int_eq(llmq_queue_wait(rig->q, 0), APR_TIMEUP);
    ck_assert_int_eq(llmq_queue_wait(rig->q, 2000), APR_TIMEUP);
    ck_assert_int_eq(has_byte(rig), 0);
}
END_TEST

START_TEST(what_happened_since_the_last_take_is_told_once)
{
    queue_rig_t *rig = quiet_rig();

    queue_put(rig->q, "a", _i, 1, 0);
    queue_put(rig->q, "b", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_wait(rig->q, LONG), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_wait(rig->q, 1000), APR_TIMEUP);
    ck_assert_str_eq(queue_take_ids(rig->q, 9), "a");
    ck_assert_int_eq(llmq_queue_wait(rig->q, 1000), APR_TIMEUP);
}
END_TEST

START_TEST(a_take_cut_short_makes_the_next_wait_return)
{
    queue_rig_t *rig = queue_rig(50, 9);

    queue_put(rig->q, "a", _i, 1, 0);
    queue_put(rig->q, "b", _i, 1, 0);
    queue_put(rig->q, "c", _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(rig->q, 1), "a");
    ck_assert_int_eq(llmq_queue_wait(rig->q, LONG), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(rig->q, 1), "b");
    ck_assert_int_eq(llmq_queue_wait(rig->q, LONG), APR_SUCCESS);
    /* It may have no hands free: then it is not told again and again. */
    ck_assert_int_eq(llmq_queue_wait(rig->q, 1000), APR_TIMEUP);
    ck_assert_str_eq(queue_take_ids(rig->q, 1), "c");
    ck_assert_int_eq(llmq_queue_wait(rig->q, 1000), APR_TIMEUP);
}
END_TEST

START_TEST(each_event_that_makes_something_possible_is_told)
{
    queue_rig_t *rig = quiet_rig();
    llmq_queue_t *q = rig->q;
    int to = _i == LLMQ_LEVEL_LOW ? LLMQ_LEVEL_REALTIME : _i + 1;

    queue_put(q, "a", _i, 1, 5);
    queue_take_ids(q, 9);
    /* Behind its chain, and then in a level at its limit: nothing can be taken. */
    queue_put(q, "b", _i, 1, 5);
    queue_put(q, "c", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_wait(q, 1000), APR_TIMEUP);
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_int_eq(llmq_queue_wait(q, LONG), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "b");
    ck_assert_int_eq(llmq_queue_requeue(q, "b", 0, 0, 0), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_wait(q, LONG), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "b");
    ck_assert_int_eq(llmq_queue_reprioritise(q, "c", to), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_wait(q, LONG), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "c");
    ck_assert_int_eq(llmq_queue_cancel(q, "c"), LLMQ_EBUSY);
    ck_assert_int_eq(llmq_queue_wait(q, LONG), APR_SUCCESS);
    llmq_queue_wake(q);
    ck_assert_int_eq(llmq_queue_wait(q, LONG), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_configure(q, &rig->conf), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_wait(q, LONG), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_wait(q, 1000), APR_TIMEUP);
}
END_TEST

START_TEST(an_end_frees_its_level)
{
    llmq_queue_t *q = quiet_rig()->q;

    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
    ck_assert_int_eq(llmq_queue_wait(q, 1000), APR_TIMEUP);
    queue_ack(q, "a", LLMQ_ACK_GONE);
    ck_assert_int_eq(llmq_queue_wait(q, LONG), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "b");
    /* What waits behind an answered call may go as well. */
    queue_put(q, "c", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_wait(q, 1000), APR_TIMEUP);
    ck_assert_int_eq(llmq_queue_answered(q, "b", 0), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_wait(q, LONG), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "c");
}
END_TEST

START_TEST(an_attempt_put_off_frees_its_level)
{
    llmq_queue_t *q = quiet_rig()->q;

    llmq_clock_set(QUEUE_NOW);
    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
    ck_assert_int_eq(llmq_queue_requeue(q, "a", 0, 0, QUEUE_NOW + LONG), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_wait(q, LONG), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "b");
}
END_TEST

START_TEST(a_due_delay_ends_the_wait)
{
    llmq_queue_t *q = quiet_rig()->q;
    llmq_entry_t e = queue_entry("a", _i, 1, 0);

    llmq_clock_set(llmq_clock_now()); /* it is not due before it is put and told */
    e.run_at = llmq_clock_now() + 20000;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
    /* A new first due time is told, so that a sleeper sleeps less. */
    ck_assert_int_eq(llmq_queue_wait(q, LONG), APR_SUCCESS);
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_DELAYED);
    llmq_clock_set(0);
    ck_assert_int_eq(llmq_queue_wait(q, LONG), APR_SUCCESS);
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_READY);
    ck_assert_int_eq(llmq_queue_wait(q, 1000), APR_TIMEUP);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
    ck_queue(q);
}
END_TEST

START_TEST(nothing_is_written_while_nobody_sleeps)
{
    queue_rig_t *rig = quiet_rig();
    int i;

    for (i = 0; i < 50; i++)
        queue_put(rig->q, apr_psprintf(test_pool, "m%d", i), _i, 1, 0);
    llmq_queue_wake(rig->q);
    ck_assert_int_eq(has_byte(rig), 0);
}
END_TEST

START_TEST(one_byte_serves_all_events_of_a_sleep)
{
    queue_rig_t *rig = quiet_rig();
    char buf[8];
    int i;

    atomic_store(&rig->q->header->asleep, 1); /* as a sleeper does */
    for (i = 0; i < 10; i++)
        llmq_queue_wake(rig->q);
    ck_assert_int_eq(read(rig->wake[0], buf, sizeof(buf)), 1);
}
END_TEST

START_TEST(a_full_pipe_does_not_block_the_waker)
{
    queue_rig_t *rig = quiet_rig();

    while (write(rig->wake[1], "x", 1) == 1)
        continue;
    atomic_store(&rig->q->header->asleep, 1);
    llmq_queue_wake(rig->q);
    ck_assert_int_eq(llmq_queue_wait(rig->q, LONG), APR_SUCCESS);
}
END_TEST

#define ROUNDS 3000

/* Sleeps a whole slice; non-zero if that was in vain: a put had been over long before the
 * slice was. One that comes with the end of the slice is no lost wake. */
static int sleeps_through(llmq_queue_t *q, const _Atomic(apr_int64_t) *put_at)
{
    apr_interval_time_t begun = llmq_clock_steady();
    apr_int64_t put;

    if (llmq_queue_wake_sleep(q, LLMQ_QUEUE_WAKE_SLICE) || !llmq_queue_wake_is_due(q))
        return 0;
    put = atomic_load(put_at);
    return put && put < begun + LLMQ_QUEUE_WAKE_SLICE / 2;
}

static void take_pings(queue_rig_t *rig, const _Atomic(apr_int64_t) *put_at)
{
    int i = 0;

    queue_rig_child(rig);
    while (i < ROUNDS) {
        const char *id;

        if (sleeps_through(rig->q, put_at))
            _exit(1);
        id = queue_take_ids(rig->q, 1);
        if (*id) {
            queue_ack(rig->q, id, LLMQ_ACK_COMPLETED);
            i++;
        }
    }
    _exit(0);
}

/* The parent puts one entry and waits until the child has acked it, so that the child is
 * about to fall asleep each time a put comes. */
START_TEST(no_wake_is_lost_between_processes)
{
    queue_rig_t *rig = quiet_rig();
    llmq_queue_t *q = rig->q;
    _Atomic(apr_int64_t) *put_at = mmap(NULL, sizeof(*put_at), PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child;
    int i, status;

    ck_assert_ptr_ne(put_at, MAP_FAILED);
    child = fork();
    if (child == 0)
        take_pings(rig, put_at);
    for (i = 0; i < ROUNDS; i++) {
        llmq_entry_t e = queue_entry("ping", _i, 1, 0);

        atomic_store(put_at, 0);
        ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
        atomic_store(put_at, llmq_clock_steady());
        while (queue_state(q, "ping") != LLMQ_ENTRY_FREE)
            if (waitpid(child, &status, WNOHANG) == child)
                ck_abort_msg("the child ended with %d", status);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

TCase *case_queue_wake(void)
{
    TCase *tc = test_case("queue_wake");

    tcase_add_test(tc, wait_ends_when_nothing_happens);
    tcase_add_loop_test(tc, what_happened_since_the_last_take_is_told_once, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_take_cut_short_makes_the_next_wait_return, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, each_event_that_makes_something_possible_is_told, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, an_end_frees_its_level, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, an_attempt_put_off_frees_its_level, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_due_delay_ends_the_wait, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, nothing_is_written_while_nobody_sleeps, 1, LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, one_byte_serves_all_events_of_a_sleep);
    tcase_add_test(tc, a_full_pipe_does_not_block_the_waker);
    tcase_add_loop_test(tc, no_wake_is_lost_between_processes, LLMQ_LEVEL_NORMAL,
                        LLMQ_LEVEL_NORMAL + 1);
    return tc;
}
