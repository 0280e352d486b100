#include "queue/queue.h"

#include "support_queue.h"

START_TEST(running_lists_all_or_one_owners)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_entry_t out[4], *list;
    int n;

    ck_assert_int_eq(llmq_queue_running(&list, &n, q, 0, test_pool), APR_SUCCESS);
    ck_assert_int_eq(n, 0);
    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    queue_put(q, "c", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_take(out, &n, q, 1, 100), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_take(out, &n, q, 1, 200), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_running(&list, &n, q, 0, test_pool), APR_SUCCESS);
    ck_assert_int_eq(n, 2);
    ck_assert_int_eq(llmq_queue_running(&list, &n, q, 200, test_pool), APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(list[0].id, "b");
    ck_assert_int_eq(llmq_queue_running(&list, &n, q, 300, test_pool), APR_SUCCESS);
    ck_assert_int_eq(n, 0);
}
END_TEST

TCase *case_queue_running(void)
{
    TCase *tc = test_case("queue_running");

    tcase_add_loop_test(tc, running_lists_all_or_one_owners, 1, LLMQ_LEVEL_COUNT);
    return tc;
}
