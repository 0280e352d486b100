#include "dispatch/ways.h"

#include "dispatch/dispatch_inner.h"
#include "support.h"

/* What nobody knows is answered by a backend, and nothing else is done for it. */
START_TEST(a_kind_that_nobody_knows_has_a_way)
{
    static const int kinds[] = {LLMQ_KIND_NONE, LLMQ_KIND_COUNT, 9999, -1};
    const llmq_dispatch_t d = {.ways = llmq_ways()};
    const llmq_way_t *way = llmq_dispatch_inner_way(&d, (llmq_kind_e)kinds[_i]);

    ck_assert_ptr_eq(way, &llmq_ways()[LLMQ_KIND_NONE]);
    ck_assert_ptr_null(way->request);
    ck_assert_ptr_null(way->decide);
    ck_assert_ptr_null(way->keep);
    ck_assert_int_eq(way->is_letter, 0);
}
END_TEST

START_TEST(each_kind_has_its_own)
{
    const llmq_way_t *ways = llmq_ways();
    int kind;

    for (kind = LLMQ_KIND_MESSAGE; kind < LLMQ_KIND_COUNT; kind++) {
        int hears = kind != LLMQ_KIND_MESSAGE && kind != LLMQ_KIND_TASK;

        ck_assert_int_eq(ways[kind].is_letter, !hears);
        /* Whose outcome is decided elsewhere says itself what it is worth. */
        ck_assert_int_eq(ways[kind].decide != NULL, kind == LLMQ_KIND_COMPLETION);
        ck_assert_int_eq(ways[kind].is_urgent != NULL, kind == LLMQ_KIND_COMPLETION);
    }
}
END_TEST

/* Its handler may be gone: then the call is empty, and fails as such. */
START_TEST(a_task_without_a_handler_is_not_filled)
{
    llmq_attempt_t a = {.pool = NULL};
    const llmq_loaded_t what = {.job = NULL};

    ck_assert_int_eq(llmq_ways()[LLMQ_KIND_TASK].request(&a, &what), APR_SUCCESS);
    ck_assert_ptr_null(a.call.body);
}
END_TEST

TCase *case_ways(void)
{
    TCase *tc = test_case("ways");

    tcase_add_loop_test(tc, a_kind_that_nobody_knows_has_a_way, 0, 4);
    tcase_add_test(tc, each_kind_has_its_own);
    tcase_add_test(tc, a_task_without_a_handler_is_not_filled);
    return tc;
}
