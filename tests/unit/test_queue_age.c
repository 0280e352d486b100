#include "queue/queue_age.h"

#include "queue/queue_claim.h"
#include "support_queue.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define MANY 1000

static const char *name(int i)
{
    return apr_psprintf(test_pool, "m%d", i);
}

static int count_spans(llmq_queue_t *q, int level)
{
    apr_uint32_t s;
    int n = 0;

    for (s = lane_at(q, 1, (apr_uint32_t)level)->span_tail; s; s = q->spans[s - 1].prev)
        n++;
    return n;
}

START_TEST(positions_are_those_of_a_plain_list_whatever_leaves)
{
    llmq_queue_t *q = queue_rig(MANY, MANY)->q;
    int list[MANY], n, i;

    srandom((unsigned)_i);
    for (i = 0; i < MANY; i++) {
        queue_put(q, name(i), LLMQ_LEVEL_HIGH, 1, 0);
        list[i] = i;
    }
    for (n = MANY; n > 0; n--) {
        int at = _i == 0 ? 0 : _i == 1 ? n - 1 : (int)(random() % n);
        int other = (int)(random() % n);

        if (llmq_queue_position(q, name(list[other]), NULL) != (apr_uint32_t)other + 1)
            ck_abort_msg("%d of %d is at %u", other + 1, n,
                         llmq_queue_position(q, name(list[other]), NULL));
        ck_assert_int_eq(llmq_queue_cancel(q, name(list[at])), APR_SUCCESS);
        memmove(&list[at], &list[at + 1], sizeof(int) * (size_t)(n - at - 1));
        if (n % 50 == 0)
            ck_queue(q);
    }
    ck_assert_int_eq(count_spans(q, LLMQ_LEVEL_HIGH), 0);
}
END_TEST

/* A few that never have their turn, while very many pass by them. */
START_TEST(spans_stay_few_when_most_has_left)
{
    llmq_queue_t *q = queue_rig(MANY, 1)->q;
    int i, kept = 0;

    for (i = 0; i < 20 * MANY; i++) {
        queue_put(q, name(i), LLMQ_LEVEL_LOW, 1, 0);
        if (i % 100 == 0)
            kept++;
        else
            ck_assert_int_eq(llmq_queue_cancel(q, name(i)), APR_SUCCESS);
    }
    ck_queue(q);
    ck_assert_int_le(count_spans(q, LLMQ_LEVEL_LOW), kept / 16 + 1);
    ck_assert_uint_eq(llmq_queue_position(q, name(0), NULL), 1);
    ck_assert_uint_eq(llmq_queue_position(q, name(20 * MANY - 100), NULL), kept);
}
END_TEST

TCase *case_queue_age(void)
{
    TCase *tc = test_case("queue_age");

    tcase_add_loop_test(tc, positions_are_those_of_a_plain_list_whatever_leaves, 0, 5);
    tcase_add_test(tc, spans_stay_few_when_most_has_left);
    return tc;
}
