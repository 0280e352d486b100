#include "queue/queue_layout.h"

#include "support_queue.h"

#include <string.h>

static llmq_queue_conf_t conf_of(apr_uint32_t size, apr_uint32_t concurrent)
{
    llmq_queue_conf_t conf;
    int l;

    memset(&conf, 0, sizeof(conf));
    LLMQ_EACH_LEVEL (l) {
        conf.level[l].max_size = size;
        conf.level[l].max_concurrent = concurrent;
    }
    return conf;
}

START_TEST(capacity_holds_all_waiting_and_running_and_slack)
{
    llmq_queue_conf_t conf = conf_of(1000, 10);

    ck_assert_uint_eq(llmq_queue_layout_need(&conf), 4040);
    ck_assert_uint_eq(llmq_queue_layout_capacity(&conf), 4040 + 505 + 1024);
}
END_TEST

START_TEST(size_grows_with_each_level)
{
    llmq_queue_conf_t conf = conf_of(1000, 10);
    apr_size_t base = llmq_queue_segment_size(&conf);
    int l;

    ck_assert_uint_gt(base, 0);
    ck_assert_uint_eq(base % 64, 0);
    LLMQ_EACH_LEVEL (l) {
        llmq_queue_conf_t more = conf;

        more.level[l].max_size += 10000;
        ck_assert_uint_gt(llmq_queue_segment_size(&more), base);
        more = conf;
        more.level[l].max_concurrent += 10000;
        ck_assert_uint_gt(llmq_queue_segment_size(&more), base);
    }
}
END_TEST

START_TEST(sizes_that_overflow_are_refused)
{
    llmq_queue_conf_t conf = conf_of(0xffffffff, 0xffffffff);
    llmq_queue_sizes_t none = {0, 1}, many = {0xffffffff, 1}, tenants = {1, 0xffffffff};
    llmq_queue_t *q = NULL;
    int l;

    ck_assert_uint_eq(llmq_queue_segment_size(&conf), 0);
    ck_assert_int_eq(llmq_queue_create(&q, NULL, NULL, -1, -1, &conf, test_pool),
                     APR_EINVAL);
    ck_assert_ptr_null(q);
    LLMQ_EACH_LEVEL (l) {
        conf = conf_of(10, 10);
        conf.level[l].max_size = 0xffffffff;
        ck_assert_uint_eq(llmq_queue_segment_size(&conf), 0);
    }
    ck_assert_uint_eq(llmq_queue_layout_size(&none), 0);
    ck_assert_uint_eq(llmq_queue_layout_size(&many), 0);
    ck_assert_uint_eq(llmq_queue_layout_size(&tenants), 0);
}
END_TEST

START_TEST(areas_are_aligned_and_do_not_overlap)
{
    queue_rig_t *rig = queue_rig_tenants(100, 10, 5);
    llmq_queue_t *q = rig->q;
    apr_size_t n = q->header->capacity, b = q->header->buckets, t = 6;
    struct {
        const void *at;
        apr_size_t bytes;
    } area[] = {{q->header, sizeof(llmq_queue_header_t)},
                {q->tenants, t * sizeof(llmq_queue_tenant_t)},
                {q->slots, n * sizeof(llmq_queue_slot_t)},
                {q->keys, n * sizeof(llmq_queue_key_t)},
                {q->chains, n * sizeof(llmq_queue_chain_t)},
                {q->ids, b * sizeof(apr_uint32_t)},
                {q->turns, b * sizeof(apr_uint32_t)},
                {q->orders, b * sizeof(apr_uint32_t)},
                {q->names, q->header->name_buckets * sizeof(apr_uint32_t)},
                {q->age[0].item, LLMQ_LEVEL_COUNT * t * sizeof(apr_uint32_t)},
                {q->ends.item, n * sizeof(apr_uint32_t)},
                {q->heap.item, n * sizeof(apr_uint32_t)},
                {q->gone, b * sizeof(apr_uint32_t)},
                {q->cells, llmq_queue_cell_size(LLMQ_QUEUE_CELLS)},
                {(char *)q->header + llmq_queue_segment_size(&rig->conf), 0}};
    apr_size_t i;

    area[9].at = (const char *)q->age[1].item - t * sizeof(apr_uint32_t);
    for (i = 0; i + 1 < sizeof(area) / sizeof(area[0]); i++) {
        ck_assert_uint_eq((apr_size_t)area[i].at % 64, 0);
        ck_assert((const char *)area[i].at + area[i].bytes
                  <= (const char *)area[i + 1].at);
    }
}
END_TEST

START_TEST(clear_forgets_entries_and_keeps_totals_limits_and_places)
{
    llmq_queue_t *q = queue_rig(100, 10)->q;
    llmq_queue_totals_t totals = {5, 6};
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    int l;

    LLMQ_EACH_LEVEL (l) {
        ck_assert_int_eq(llmq_queue_set_totals(q, 0, l, &totals), 0);
        ck_assert_int_eq(llmq_queue_admit(q, 0, l), 0);
    }
    queue_put(q, "a", 1, 1, 1);
    queue_put(q, "b", 1, 1, 1);
    queue_put(q, "c", 4, 2, 0);
    ck_assert_str_eq(queue_take_ids(q, 1), "a");
    llmq_queue_layout_clear(q);
    ck_queue(q);
    ck_assert_int_eq(llmq_queue_stats(stats, q), 0);
    LLMQ_EACH_LEVEL (l) {
        ck_assert_uint_eq(stats[l].total_completed, 5);
        ck_assert_uint_eq(stats[l].total_failed, 6);
        ck_assert_uint_eq(stats[l].max_size, 100);
        ck_assert_uint_eq(atomic_load(&lane_at(q, 1, l)->places) >> 32, 1);
    }
    ck_assert_uint_eq(stats[0].ready + stats[0].blocked + stats[0].running, 0);
    /* They will be put again. */
    ck_assert_uint_eq(stats[0].total_put, 0);
}
END_TEST

/* The first one died before it came to the free lists. */
START_TEST(clear_that_is_done_again_counts_nothing_twice)
{
    llmq_queue_t *q = queue_rig(100, 10)->q;
    llmq_queue_free_t slots;

    queue_put(q, "a", 1, 1, 0);
    queue_put(q, "b", 1, 1, 0);
    slots = q->header->free_slots;
    q->header->level[1].account.total_put = 10;
    llmq_queue_layout_clear(q);
    q->header->free_slots = slots;
    llmq_queue_layout_clear(q);
    ck_assert_uint_eq(q->header->level[1].account.total_put, 8);
    ck_queue(q);
}
END_TEST

TCase *case_queue_layout(void)
{
    TCase *tc = test_case("queue_layout");

    tcase_add_test(tc, capacity_holds_all_waiting_and_running_and_slack);
    tcase_add_test(tc, size_grows_with_each_level);
    tcase_add_test(tc, sizes_that_overflow_are_refused);
    tcase_add_test(tc, areas_are_aligned_and_do_not_overlap);
    tcase_add_test(tc, clear_forgets_entries_and_keeps_totals_limits_and_places);
    tcase_add_test(tc, clear_that_is_done_again_counts_nothing_twice);
    return tc;
}
