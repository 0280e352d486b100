#include "queue/queue_heap.h"

#include "support.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS 500

static apr_uint32_t weight[ITEMS], where[ITEMS], array[ITEMS], count;

static int less(void *ctx, apr_uint32_t a, apr_uint32_t b)
{
    (void)ctx;
    return weight[a] < weight[b];
}

static void setpos(void *ctx, apr_uint32_t item, apr_uint32_t pos)
{
    (void)ctx;
    where[item] = pos;
}

static llmq_queue_heap_t heap = {
    .item = array, .pcount = &count, .less = less, .setpos = setpos};

static void check(void)
{
    apr_uint32_t i;

    for (i = 0; i < count; i++) {
        ck_assert_uint_eq(where[array[i]], i);
        ck_assert(i == 0 || !less(NULL, array[i], array[(i - 1) / 2]));
    }
}

START_TEST(heap_gives_items_in_order)
{
    apr_uint32_t i, last = 0;

    srandom(7);
    for (i = 0; i < ITEMS; i++) {
        weight[i] = (apr_uint32_t)random() % 100;
        llmq_queue_heap_put(&heap, i);
        check();
    }
    while (count) {
        i = llmq_queue_heap_remove(&heap, 0);
        ck_assert_uint_ge(weight[i], last);
        last = weight[i];
        check();
    }
}
END_TEST

START_TEST(heap_lets_any_item_leave_from_the_middle)
{
    unsigned char in[ITEMS] = {0};
    int step;

    srandom(8);
    for (step = 0; step < 20000; step++) {
        apr_uint32_t i = (apr_uint32_t)random() % ITEMS, n = count;

        if (in[i]) {
            ck_assert_uint_eq(llmq_queue_heap_remove(&heap, where[i]), i);
            ck_assert_uint_eq(count, n - 1);
        }
        else {
            weight[i] = (apr_uint32_t)random() % 1000;
            llmq_queue_heap_put(&heap, i);
            ck_assert_uint_eq(count, n + 1);
        }
        in[i] = !in[i];
        if (step % 50 == 0)
            check();
    }
    check();
}
END_TEST

/* The item of weight 101 leaves; 20 fills its hole and must rise above 100. */
START_TEST(heap_lets_the_filler_rise)
{
    static const apr_uint32_t w[] = {0, 100, 10, 101, 102, 11, 20};
    apr_uint32_t i;

    memcpy(weight, w, sizeof(w));
    for (i = 0; i < 7; i++)
        llmq_queue_heap_put(&heap, i);
    ck_assert_uint_eq(llmq_queue_heap_remove(&heap, where[3]), 3);
    check();
    ck_assert_uint_eq(array[1], 6);
}
END_TEST

START_TEST(heap_of_one_becomes_empty)
{
    llmq_queue_heap_put(&heap, 3);
    ck_assert_uint_eq(llmq_queue_heap_remove(&heap, 0), 3);
    ck_assert_uint_eq(count, 0);
}
END_TEST

TCase *case_queue_heap(void)
{
    TCase *tc = test_case("queue_heap");

    tcase_add_test(tc, heap_gives_items_in_order);
    tcase_add_test(tc, heap_lets_any_item_leave_from_the_middle);
    tcase_add_test(tc, heap_lets_the_filler_rise);
    tcase_add_test(tc, heap_of_one_becomes_empty);
    return tc;
}
