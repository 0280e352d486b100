#include "queue/queue_claim.h"

#include "base/clock.h"
#include "support_queue.h"

START_TEST(the_hint_follows_what_can_be_taken)
{
    llmq_queue_t *q = queue_rig(10, 1)->q;
    llmq_queue_filter_t level = {(const apr_uint64_t[]){0}, 1, 1U << _i};
    llmq_queue_filter_t others = {(const apr_uint64_t[]){0}, 1, ~(1U << _i)};
    llmq_queue_filter_t nobody = {NULL, 0, 0};

    ck_assert_int_eq(llmq_queue_has_ready(q, NULL), 0);
    ck_assert_int_eq(llmq_queue_has_ready(q, &level), 0);
    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    ck_assert_int_ne(llmq_queue_has_ready(q, NULL), 0);
    ck_assert_int_ne(llmq_queue_has_ready(q, &level), 0);
    ck_assert_int_eq(llmq_queue_has_ready(q, &others), 0);
    ck_assert_int_eq(llmq_queue_has_ready(q, &nobody), 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
    ck_assert_int_eq(llmq_queue_has_ready(q, &level), 0);
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_int_ne(llmq_queue_has_ready(q, &level), 0);
}
END_TEST

TCase *case_queue_has(void)
{
    TCase *tc = test_case("queue_has");

    tcase_add_loop_test(tc, the_hint_follows_what_can_be_taken, 1, LLMQ_LEVEL_COUNT);
    return tc;
}
