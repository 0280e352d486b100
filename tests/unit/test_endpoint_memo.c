#include "support.h"

#include "backend/endpoint_memo.h"
#include "base/id.h"

static apr_uint64_t hash(int i)
{
    return llmq_id_hash(&i, sizeof(i), 0);
}

START_TEST(memo_remembers_the_last_value)
{
    llmq_endpoint_memo_t *m = llmq_endpoint_memo_create(100, test_pool);

    ck_assert_uint_eq(llmq_endpoint_memo_find(m, 7), 0);
    llmq_endpoint_memo_put(m, 7, 1);
    llmq_endpoint_memo_put(m, 7, 2);
    ck_assert_uint_eq(llmq_endpoint_memo_find(m, 7), 2);
    llmq_endpoint_memo_put(m, 7, 0);
    ck_assert_uint_eq(llmq_endpoint_memo_find(m, 7), 0);
    llmq_endpoint_memo_put(m, 8, 0);
    ck_assert_uint_eq(llmq_endpoint_memo_find(m, 8), 0);
}
END_TEST

START_TEST(memo_without_memory_or_hash_remembers_nothing)
{
    llmq_endpoint_memo_t *m = llmq_endpoint_memo_create(1, test_pool);

    llmq_endpoint_memo_put(NULL, 5, 1);
    ck_assert_uint_eq(llmq_endpoint_memo_find(NULL, 5), 0);
    llmq_endpoint_memo_put(m, 0, 1);
    ck_assert_uint_eq(llmq_endpoint_memo_find(m, 0), 0);
}
END_TEST

START_TEST(memo_holds_most_of_what_it_has_room_for)
{
    llmq_endpoint_memo_t *m = llmq_endpoint_memo_create(4096, test_pool);
    int kept = 0;
    int i;

    for (i = 1; i <= 2048; i++)
        llmq_endpoint_memo_put(m, hash(i), (apr_uint64_t)i);
    for (i = 1; i <= 2048; i++) {
        apr_uint64_t value = llmq_endpoint_memo_find(m, hash(i));

        ck_assert(value == 0 || value == (apr_uint64_t)i);
        kept += value != 0;
    }
    ck_assert_int_gt(kept, 1900);
}
END_TEST

/* One set of four: the oldest goes first. */
START_TEST(memo_forgets_what_was_not_met_for_longest)
{
    llmq_endpoint_memo_t *m = llmq_endpoint_memo_create(4, test_pool);
    int i;

    for (i = 1; i <= 6; i++)
        llmq_endpoint_memo_put(m, (apr_uint64_t)i, 1);
    for (i = 1; i <= 6; i++)
        ck_assert_uint_eq(llmq_endpoint_memo_find(m, (apr_uint64_t)i), i > 2);
}
END_TEST

START_TEST(memo_keeps_what_came_twice_through_a_flood)
{
    llmq_endpoint_memo_t *m = llmq_endpoint_memo_create(4, test_pool);
    int i;

    llmq_endpoint_memo_put(m, 1, 1);
    llmq_endpoint_memo_put(m, 1, 1);
    for (i = 2; i <= 1000; i++)
        llmq_endpoint_memo_put(m, (apr_uint64_t)i, 1);
    ck_assert_uint_eq(llmq_endpoint_memo_find(m, 1), 1);
    for (i = 2001; i <= 2004; i++) { /* but not against its like */
        llmq_endpoint_memo_put(m, (apr_uint64_t)i, 1);
        llmq_endpoint_memo_put(m, (apr_uint64_t)i, 1);
    }
    ck_assert_uint_eq(llmq_endpoint_memo_find(m, 1), 0);
}
END_TEST

TCase *case_endpoint_memo(void)
{
    TCase *tc = test_case("endpoint_memo");

    tcase_add_test(tc, memo_remembers_the_last_value);
    tcase_add_test(tc, memo_without_memory_or_hash_remembers_nothing);
    tcase_add_test(tc, memo_holds_most_of_what_it_has_room_for);
    tcase_add_test(tc, memo_forgets_what_was_not_met_for_longest);
    tcase_add_test(tc, memo_keeps_what_came_twice_through_a_flood);
    return tc;
}
