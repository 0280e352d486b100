#include "queue/queue_late.h"

#include "support_queue.h"

#include <stdlib.h>

#define ITEMS 2000

/* Slots 1…ITEMS are used bare: only seq and the links matter here. */
static llmq_queue_t *bare(void)
{
    return queue_rig(ITEMS, 1)->q;
}

static apr_uint32_t put(llmq_queue_t *q, apr_uint32_t root, apr_uint32_t i,
                        apr_uint64_t seq)
{
    slot_at(q, i)->seq = seq;
    return llmq_queue_late_put(q, root, i);
}

START_TEST(late_gives_the_least_first_however_they_came)
{
    llmq_queue_t *q = bare();
    apr_uint32_t i, root = 0;

    /* 0: ascending, 1: descending, 2: mixed (7 is prime to ITEMS) */
    for (i = 1; i <= ITEMS; i++)
        root = put(q, root, i, _i == 0 ? i : _i == 1 ? ITEMS + 1 - i : 1 + i * 7 % ITEMS);
    for (i = 1; i <= ITEMS; i++) {
        ck_assert_uint_eq(slot_at(q, root)->seq, i);
        root = llmq_queue_late_remove(q, root, root);
    }
    ck_assert_uint_eq(root, 0);
}
END_TEST

START_TEST(late_lets_any_leave_from_the_middle)
{
    llmq_queue_t *q = bare();
    unsigned char in[ITEMS + 1] = {0};
    apr_uint32_t i, root = 0, left = 0;
    apr_uint64_t last = 0;
    int step;

    srandom(5);
    for (step = 0; step < 100000; step++) {
        i = 1 + (apr_uint32_t)random() % ITEMS;
        if (!in[i])
            root = put(q, root, i, ((apr_uint64_t)random() << 16) + i);
        else
            root = llmq_queue_late_remove(q, root, i);
        in[i] = !in[i];
        if (step % 3 == 0 && root) {
            in[root] = 0;
            root = llmq_queue_late_remove(q, root, root);
        }
    }
    for (i = 1; i <= ITEMS; i++)
        left += in[i];
    for (; root; left--) {
        ck_assert(in[root]);
        ck_assert_uint_gt(slot_at(q, root)->seq, last);
        last = slot_at(q, root)->seq;
        in[root] = 0;
        root = llmq_queue_late_remove(q, root, root);
    }
    ck_assert_uint_eq(left, 0);
}
END_TEST

TCase *case_queue_late(void)
{
    TCase *tc = test_case("queue_late");

    tcase_add_loop_test(tc, late_gives_the_least_first_however_they_came, 0, 3);
    tcase_add_test(tc, late_lets_any_leave_from_the_middle);
    return tc;
}
