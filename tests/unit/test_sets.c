#include "support.h"

#include "base/id.h"
#include "base/sets.h"

#include <string.h>

#define WAYS  7
#define BYTES 128

static llmq_sets_t *table(int keys)
{
    char *memory = apr_pcalloc(test_pool, llmq_sets_size(keys, WAYS, BYTES) + 64);
    llmq_sets_t *sets = (void *)APR_ALIGN((apr_uintptr_t)memory, 64);

    llmq_sets_init(sets, keys, WAYS, BYTES);
    return sets;
}

START_TEST(there_are_enough_places_and_a_power_of_two_of_sets)
{
    ck_assert_uint_eq(llmq_sets_for(1, WAYS), 1);
    ck_assert_uint_eq(llmq_sets_for(7, WAYS), 1);
    ck_assert_uint_eq(llmq_sets_for(8, WAYS), 2);
    ck_assert_uint_eq(llmq_sets_for(29, WAYS), 8);
    ck_assert_uint_eq(llmq_sets_for(APR_INT32_MAX, 1), APR_UINT32_MAX / 2 + 1);
    ck_assert_uint_eq(llmq_sets_size(8, WAYS, BYTES), 64 + 2 * BYTES);
}
END_TEST

START_TEST(a_table_of_the_same_size_stays_as_it_is)
{
    llmq_sets_t *sets = table(100);
    char *first = (char *)(sets + 1);

    *first = 'x';
    llmq_sets_init(sets, 99, WAYS, BYTES); /* as many sets */
    ck_assert_int_eq(*first, 'x');
    llmq_sets_init(sets, 10, WAYS, BYTES);
    ck_assert_int_eq(*first, 0);
    ck_assert_uint_eq(sets->n, 2);
}
END_TEST

START_TEST(keys_spread_over_all_sets)
{
    llmq_sets_t *sets = table(7 * 16);
    int met[16];
    int i;

    memset(met, 0, sizeof(met));
    for (i = 0; i < 1600; i++) {
        met[llmq_sets_index(sets, llmq_id_hash(&i, sizeof(i), 0))]++;
    }
    for (i = 0; i < 16; i++) {
        ck_assert_int_gt(met[i], 50);
    }
}
END_TEST

TCase *case_sets(void)
{
    TCase *tc = test_case("sets");

    tcase_add_test(tc, there_are_enough_places_and_a_power_of_two_of_sets);
    tcase_add_test(tc, a_table_of_the_same_size_stays_as_it_is);
    tcase_add_test(tc, keys_spread_over_all_sets);
    return tc;
}
