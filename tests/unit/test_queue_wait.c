/* How long a taker sleeps; what wakes it is in test_queue_wake.c. */
#include "queue/queue.h"

#include "base/clock.h"
#include "support_queue.h"

#include <unistd.h>

#define LONG (20 * APR_USEC_PER_SEC)

static void put_until(llmq_queue_t *q, const char *id, apr_time_t deadline)
{
    llmq_entry_t e = queue_entry(id, 1, 1, 0);

    e.deadline = deadline;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
}

/* Nothing can be taken, and all that was noted is looked at. */
static llmq_queue_t *busy_queue(void)
{
    llmq_queue_t *q = queue_rig(10, 1)->q;

    queue_put(q, "runs", 1, 1, 0);
    queue_take_ids(q, 1);
    return q;
}

START_TEST(a_deadline_that_passes_is_told_once)
{
    llmq_queue_t *q = busy_queue();
    llmq_entry_t out;
    int n;

    llmq_clock_set(QUEUE_NOW);
    put_until(q, "a", QUEUE_NOW + 1000);
    put_until(q, "b", QUEUE_NOW + 2000);
    queue_take_ids(q, 1);
    ck_assert_int_eq(llmq_queue_wait(q, 1000), APR_TIMEUP);
    llmq_clock_set(QUEUE_NOW + 1000);
    ck_assert_int_eq(llmq_queue_wait(q, LONG), APR_SUCCESS);
    /* Whoever has no hands free is not told again and again. */
    ck_assert_int_eq(llmq_queue_wait(q, 1000), APR_TIMEUP);
    ck_assert_int_eq(llmq_queue_take_expired(&out, &n, q, 1, 9), APR_SUCCESS);
    ck_assert_str_eq(out.id, "a");
    llmq_clock_set(QUEUE_NOW + 2000);
    ck_assert_int_eq(llmq_queue_wait(q, LONG), APR_SUCCESS);
}
END_TEST

/* By the real clock: a wait of twenty seconds ends when the deadline comes. */
START_TEST(a_sleeper_wakes_for_a_deadline)
{
    llmq_queue_t *q = busy_queue();
    llmq_entry_t out;
    int n;

    put_until(q, "a", llmq_clock_now() + 20000);
    queue_take_ids(q, 1);
    ck_assert_int_eq(llmq_queue_wait(q, LONG), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_take_expired(&out, &n, q, 1, 9), APR_SUCCESS);
    ck_assert_int_eq(n, 1);
}
END_TEST

START_TEST(an_earlier_deadline_is_noted)
{
    llmq_queue_t *q = busy_queue();

    llmq_clock_set(QUEUE_NOW);
    put_until(q, "a", QUEUE_NOW + 2 * LONG);
    queue_take_ids(q, 1);
    ck_assert_int_eq(llmq_queue_wait(q, 1000), APR_TIMEUP);
    put_until(q, "later", QUEUE_NOW + 3 * LONG);
    ck_assert_int_eq(llmq_queue_wait(q, 1000), APR_TIMEUP);
    put_until(q, "sooner", QUEUE_NOW + LONG);
    ck_assert_int_eq(llmq_queue_wait(q, LONG), APR_SUCCESS);
}
END_TEST

TCase *case_queue_wait(void)
{
    TCase *tc = test_case("queue_wait");

    tcase_add_test(tc, a_deadline_that_passes_is_told_once);
    tcase_add_test(tc, a_sleeper_wakes_for_a_deadline);
    tcase_add_test(tc, an_earlier_deadline_is_noted);
    return tc;
}
