#include "queue/queue_bell.h"

#include "base/clock.h"
#include "queue/queue_lock.h"
#include "support_queue.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG (20 * APR_USEC_PER_SEC)

static llmq_queue_t *queue_with_bells(int n)
{
    queue_rig_t *rig = queue_rig(50, 1);

    ck_assert_int_eq(llmq_queue_bell_create(rig->q, n, test_pool), APR_SUCCESS);
    return rig->q;
}

static llmq_queue_bell_t *attach(llmq_queue_t *q)
{
    llmq_queue_bell_t *bell;

    ck_assert_int_eq(llmq_queue_bell_attach(&bell, q, test_pool), APR_SUCCESS);
    return bell;
}

static int is_ringing(const llmq_queue_bell_t *bell)
{
    struct pollfd pfd = {.fd = llmq_queue_bell_fd(bell), .events = POLLIN};

    return poll(&pfd, 1, 0) == 1;
}

START_TEST(an_armed_bell_is_rung_once_by_a_put)
{
    llmq_queue_t *q = queue_with_bells(3);
    llmq_queue_bell_t *a = attach(q), *b = attach(q), *idle = attach(q);

    ck_assert_int_ne(llmq_queue_bell_fd(a), llmq_queue_bell_fd(b));
    llmq_queue_bell_arm(a);
    llmq_queue_bell_arm(b);
    ck_assert_int_eq(is_ringing(a), 0);
    queue_put(q, "a", _i, 1, 0);
    ck_assert_int_eq(is_ringing(a), 1);
    ck_assert_int_eq(is_ringing(b), 1);
    ck_assert_int_eq(is_ringing(idle), 0);
    ck_assert_int_ne(llmq_queue_bell_hush(a), 0);
    ck_assert_int_eq(llmq_queue_bell_hush(a), 0);
    /* No longer armed. */
    queue_put(q, "b", _i, 1, 0);
    ck_assert_int_eq(is_ringing(a), 0);
    llmq_queue_bell_arm(a);
    llmq_queue_bell_hush(a);
    queue_put(q, "c", _i, 1, 0);
    ck_assert_int_eq(is_ringing(a), 0);
}
END_TEST

START_TEST(what_can_not_be_taken_rings_nothing)
{
    llmq_queue_t *q = queue_with_bells(1);
    llmq_queue_bell_t *bell = attach(q);

    queue_put(q, "a", _i, 1, 5);
    ck_assert_str_eq(queue_take_ids(q, 1), "a");
    llmq_queue_bell_arm(bell);
    queue_put(q, "behind", _i, 1, 5);
    queue_put(q, "beyond", _i, 1, 0); /* one may run */
    ck_assert_int_eq(is_ringing(bell), 0);
    ck_assert_int_eq(llmq_queue_answered(q, "a", 0), APR_SUCCESS);
    ck_assert_int_eq(is_ringing(bell), 1);
}
END_TEST

START_TEST(each_end_rings)
{
    llmq_queue_t *q = queue_with_bells(1);
    llmq_queue_bell_t *bell = attach(q);

    queue_put(q, "a", _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 1), "a");
    queue_put(q, "b", _i, 1, 0);
    llmq_queue_bell_arm(bell);
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_int_ne(llmq_queue_bell_hush(bell), 0);
    ck_assert_str_eq(queue_take_ids(q, 1), "b");
    llmq_queue_bell_arm(bell);
    ck_assert_int_eq(llmq_queue_requeue(q, "b", 0, 1, 0), APR_SUCCESS);
    ck_assert_int_ne(llmq_queue_bell_hush(bell), 0);
    ck_assert_int_eq(llmq_queue_pause(q, 0, _i, 1), APR_SUCCESS);
    llmq_queue_bell_arm(bell);
    ck_assert_int_eq(llmq_queue_pause(q, 0, _i, 0), APR_SUCCESS);
    ck_assert_int_ne(llmq_queue_bell_hush(bell), 0);
}
END_TEST

START_TEST(bells_go_from_hand_to_hand)
{
    llmq_queue_t *q = queue_with_bells(2);
    llmq_queue_bell_t *a = attach(q), *b = attach(q), *c;
    apr_pool_t *p;
    pid_t child;
    int status;

    ck_assert_int_eq(llmq_queue_bell_attach(&c, q, test_pool), LLMQ_EFULL);
    llmq_queue_bell_arm(b);
    llmq_queue_bell_ring(b);
    llmq_queue_bell_detach(b);
    apr_pool_create(&p, test_pool);
    ck_assert_int_eq(llmq_queue_bell_attach(&c, q, p), APR_SUCCESS);
    ck_assert_int_eq(is_ringing(c), 0);
    apr_pool_destroy(p);
    child = fork();
    if (child == 0)
        _exit(llmq_queue_bell_attach(&c, q, test_pool) != APR_SUCCESS);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    /* It died without a word. */
    b = attach(q);
    ck_assert_int_ne(llmq_queue_bell_fd(a), llmq_queue_bell_fd(b));
    ck_assert_int_eq(llmq_queue_bell_attach(&c, q, test_pool), LLMQ_EFULL);
}
END_TEST

START_TEST(all_bells_can_be_rung)
{
    llmq_queue_t *q = queue_with_bells(LLMQ_QUEUE_BELLS);
    llmq_queue_bell_t *bell[LLMQ_QUEUE_BELLS];
    int i, n = 0;

    for (i = 0; i < LLMQ_QUEUE_BELLS; i++) {
        bell[i] = attach(q);
        llmq_queue_bell_arm(bell[i]);
    }
    queue_put(q, "a", _i, 1, 0);
    for (i = 0; i < LLMQ_QUEUE_BELLS; i++)
        n += llmq_queue_bell_hush(bell[i]) != 0;
    ck_assert_int_eq(n, LLMQ_QUEUE_BELLS);
}
END_TEST

START_TEST(a_queue_without_bells_gives_none)
{
    llmq_queue_t *q = queue_rig(50, 1)->q;
    llmq_queue_bell_t *bell;

    ck_assert_int_eq(llmq_queue_bell_attach(&bell, q, test_pool), LLMQ_EFULL);
    ck_assert_int_eq(llmq_queue_bell_create(q, 0, test_pool), APR_EINVAL);
    ck_assert_int_eq(llmq_queue_bell_create(q, LLMQ_QUEUE_BELLS + 1, test_pool),
                     APR_EINVAL);
    queue_put(q, "a", _i, 1, 0);
}
END_TEST

START_TEST(a_wait_ends_when_the_bell_rings_or_the_time_is_over)
{
    llmq_queue_t *q = queue_with_bells(1);
    llmq_queue_bell_t *bell = attach(q);

    llmq_queue_bell_arm(bell);
    ck_assert_int_eq(llmq_queue_bell_wait(bell, 1000), APR_TIMEUP);
    llmq_queue_bell_arm(bell);
    queue_put(q, "a", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_bell_wait(bell, LONG), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_bell_wait(bell, 0), APR_TIMEUP);
    /* Armed or not, a process rings its own. */
    llmq_queue_bell_ring(bell);
    ck_assert_int_eq(llmq_queue_bell_wait(bell, LONG), APR_SUCCESS);
}
END_TEST

START_TEST(a_due_delay_ends_the_wait_and_is_told_to_all)
{
    llmq_queue_t *q = queue_with_bells(2);
    llmq_queue_bell_t *bell = attach(q), *other = attach(q);

    llmq_queue_bell_arm(bell);
    llmq_queue_bell_arm(other);
    llmq_clock_set(llmq_clock_now()); /* it is not due before all have been told */
    queue_put_at(q, "a", _i, llmq_clock_now() + 20000);
    /* Whoever sleeps must sleep less from now on. */
    ck_assert_int_eq(llmq_queue_bell_wait(bell, LONG), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_bell_hush(other) != 0, 1);
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_DELAYED);
    llmq_queue_bell_arm(bell);
    llmq_queue_bell_arm(other);
    llmq_clock_set(0);
    ck_assert_int_eq(llmq_queue_bell_wait(bell, LONG), APR_SUCCESS);
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_READY);
    ck_assert_int_eq(is_ringing(other), 1);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
}
END_TEST

START_TEST(a_damaged_queue_rings_and_lets_sleep)
{
    queue_rig_t *rig = queue_rig(50, 1);
    llmq_queue_t *q = rig->q;
    llmq_queue_bell_t *bell;
    pid_t child;

    ck_assert_int_eq(llmq_queue_bell_create(q, 1, test_pool), APR_SUCCESS);
    bell = attach(q);
    llmq_clock_set(QUEUE_NOW);
    queue_put_at(q, "a", _i, QUEUE_NOW + 10);
    llmq_clock_set(QUEUE_NOW + 10);
    llmq_queue_bell_arm(bell);
    child = fork();
    if (child == 0) {
        queue_rig_child(rig);
        _exit(llmq_queue_lock_enter(q) != APR_SUCCESS);
    }
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert_int_eq(llmq_queue_find(NULL, q, "a"), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_bell_wait(bell, LONG), APR_SUCCESS);
    llmq_queue_bell_arm(bell);
    ck_assert_int_eq(llmq_queue_bell_wait(bell, 1000), APR_TIMEUP);
    llmq_queue_bell_arm(bell);
    ck_assert_int_eq(llmq_queue_reset(q), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_bell_wait(bell, LONG), APR_SUCCESS);
}
END_TEST

TCase *case_queue_bell(void)
{
    TCase *tc = test_case("queue_bell");

    tcase_add_loop_test(tc, an_armed_bell_is_rung_once_by_a_put, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, what_can_not_be_taken_rings_nothing, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, each_end_rings, 1, LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, bells_go_from_hand_to_hand);
    tcase_add_loop_test(tc, a_damaged_queue_rings_and_lets_sleep, 1, 2);
    tcase_add_loop_test(tc, all_bells_can_be_rung, LLMQ_LEVEL_HIGH, LLMQ_LEVEL_HIGH + 1);
    tcase_add_loop_test(tc, a_queue_without_bells_gives_none, LLMQ_LEVEL_HIGH,
                        LLMQ_LEVEL_HIGH + 1);
    tcase_add_loop_test(tc, a_wait_ends_when_the_bell_rings_or_the_time_is_over, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_due_delay_ends_the_wait_and_is_told_to_all, 1,
                        LLMQ_LEVEL_COUNT);
    return tc;
}
