#include "queue/queue.h"

#include "support_queue.h"

START_TEST(a_new_queue_wants_to_be_built)
{
    queue_rig_t *rig = queue_rig(5, 5);
    llmq_queue_t *q;
    apr_size_t size = llmq_queue_segment_size(&rig->conf);
    char *segment = apr_pcalloc(test_pool, size + 64);

    segment = (char *)(((apr_size_t)segment + 63) & ~(apr_size_t)63);
    ck_assert_int_eq(
        llmq_queue_create(&q, segment, rig->mutex, -1, -1, &rig->conf, test_pool), 0);
    ck_assert_int_ne(llmq_queue_needs_rebuild(q), 0);
    llmq_queue_rebuild_begin(q);
    ck_assert_int_ne(llmq_queue_needs_rebuild(q), 0);
    llmq_queue_rebuild_end(q, 1);
    ck_assert_int_eq(llmq_queue_needs_rebuild(q), 0);
    ck_assert_int_eq(llmq_queue_is_damaged(q), 0);
}
END_TEST

TCase *case_queue_create(void)
{
    TCase *tc = test_case("queue_create");

    tcase_add_test(tc, a_new_queue_wants_to_be_built);
    return tc;
}
