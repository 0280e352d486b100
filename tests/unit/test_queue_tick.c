#include "queue/queue_bell.h"

#include "base/clock.h"
#include "support_queue.h"

START_TEST(a_tick_makes_ready_what_is_due)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    llmq_queue_tick(q);
    queue_put_at(q, "soon", _i, QUEUE_NOW + 10);
    queue_put_at(q, "late", _i, QUEUE_NOW + 20);
    llmq_clock_set(QUEUE_NOW + 9);
    llmq_queue_tick(q);
    ck_assert_int_eq(queue_state(q, "soon"), LLMQ_ENTRY_DELAYED);
    llmq_clock_set(QUEUE_NOW + 10);
    llmq_queue_tick(q);
    ck_assert_int_eq(queue_state(q, "soon"), LLMQ_ENTRY_READY);
    ck_assert_int_eq(queue_state(q, "late"), LLMQ_ENTRY_DELAYED);
    ck_queue(q);
}
END_TEST

TCase *case_queue_tick(void)
{
    TCase *tc = test_case("queue_tick");

    tcase_add_loop_test(tc, a_tick_makes_ready_what_is_due, 1, LLMQ_LEVEL_COUNT);
    return tc;
}
