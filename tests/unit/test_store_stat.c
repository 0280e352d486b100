#include "store_support.h"

#include "store/store_stat.h"

#include <string.h>

#define HOUR  3600
#define BASE  ((STORE_TEST_T0 / APR_USEC_PER_SEC) / 600 * 600)
#define LEVEL LLMQ_LEVEL_HIGH

static llmq_stat_t sums[LLMQ_LEVEL_COUNT];

static llmq_stat_t stat_of(apr_uint64_t tenant, int resolution, apr_int64_t bucket, int n)
{
    llmq_stat_t s;

    memset(&s, 0, sizeof(s));
    s.tenant = tenant;
    s.level = LEVEL;
    s.resolution = resolution;
    s.bucket = bucket;
    s.accepted = n;
    s.completed = n * 2;
    s.failed = n * 3;
    s.timeouts = n * 4;
    s.removed = -n;
    llmq_histogram_add(&s.waits, n * 1000);
    llmq_histogram_add(&s.runs, n * 2000000);
    return s;
}

static void save(llmq_store_t *store, llmq_stat_t *stats, int n, apr_int64_t batch)
{
    apr_int64_t before;

    ck_assert_int_eq(llmq_store_stat_load(stats, n, &before, store, test_pool),
                     APR_SUCCESS);
    ck_assert_int_lt(before, batch);
    ck_assert_int_eq(llmq_store_stat_save(store, stats, n, batch, test_pool),
                     APR_SUCCESS);
}

static apr_int64_t sum(llmq_store_t *store, apr_uint64_t tenant, int resolution,
                       apr_int64_t since)
{
    apr_int64_t batch = -1;

    ck_assert_int_eq(
        llmq_store_stat_sum(sums, &batch, store, tenant, resolution, since, test_pool),
        APR_SUCCESS);
    return batch;
}

START_TEST(sums_grow_with_each_batch)
{
    llmq_stat_t s, both[2];

    store_test_open(_i);
    ck_assert_int_eq(sum(store_test.store, 7, 60, 0), 0);
    ck_assert_int_eq(sums[LEVEL].accepted, 0);
    s = stat_of(7, 60, BASE, 1);
    save(store_test.store, &s, 1, 100);
    both[0] = stat_of(7, 60, BASE, 2);
    both[1] = stat_of(7, 60, BASE + 60, 3);
    save(store_test.store, both, 2, 101);
    ck_assert_int_eq(both[0].accepted, 3);
    ck_assert_int_eq(sum(store_test.store, 7, 60, BASE), 101);
    ck_assert_int_eq(sums[LEVEL].accepted, 6);
    ck_assert_int_eq(sums[LEVEL].completed, 12);
    ck_assert_int_eq(sums[LEVEL].failed, 18);
    ck_assert_int_eq(sums[LEVEL].timeouts, 24);
    ck_assert_int_eq(sums[LEVEL].removed, -6);
    ck_assert_uint_eq(sums[LEVEL].waits.count, 3);
    ck_assert_int_eq(sums[LEVEL].waits.sum, 6000);
    ck_assert_int_eq(sums[LEVEL].runs.max, 6000000);
    ck_assert_int_eq(sums[LEVEL].runs.min, 2000000);
    ck_assert_int_eq(sums[LLMQ_LEVEL_LOW].accepted, 0);
    sum(store_test.store, 7, 60, BASE + 1);
    ck_assert_int_eq(sums[LEVEL].accepted, 3);
    store_test_close();
}
END_TEST

START_TEST(a_batch_counts_once)
{
    llmq_stat_t s, again;

    store_test_open(_i);
    s = stat_of(7, 60, BASE, 5);
    save(store_test.store, &s, 1, 100);
    again = stat_of(7, 60, BASE, 77);
    ck_assert_int_eq(llmq_store_stat_save(store_test.store, &again, 1, 100, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_stat_save(store_test.store, &again, 1, 99, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(sum(store_test.store, 7, 60, 0), 100);
    ck_assert_int_eq(sums[LEVEL].accepted, 5);
    store_test_close();
}
END_TEST

START_TEST(tenants_and_resolutions_are_kept_apart)
{
    llmq_stat_t s[3];

    store_test_open(_i);
    s[0] = stat_of(7, 60, BASE, 1);
    s[1] = stat_of(7, 600, BASE, 20);
    s[2] = stat_of(APR_UINT64_C(0xfedcba9876543210), 60, BASE, 300);
    save(store_test.store, s, 3, 1);
    sum(store_test.store, 7, 60, 0);
    ck_assert_int_eq(sums[LEVEL].accepted, 1);
    sum(store_test.store, 7, 600, 0);
    ck_assert_int_eq(sums[LEVEL].accepted, 20);
    sum(store_test.store, APR_UINT64_C(0xfedcba9876543210), 60, 0);
    ck_assert_int_eq(sums[LEVEL].accepted, 300);
    store_test_close();
}
END_TEST

START_TEST(nodes_add_up_and_have_batches_of_their_own)
{
    llmq_store_t *b;
    llmq_stat_t s;

    store_test_open(_i);
    b = store_test_node("node_b");
    s = stat_of(7, 60, BASE, 1);
    save(store_test.store, &s, 1, 50);
    s = stat_of(7, 60, BASE, 10);
    save(b, &s, 1, 20);
    ck_assert_int_eq(s.accepted, 10);
    ck_assert_int_eq(sum(store_test.store, 7, 60, 0), 50);
    ck_assert_int_eq(sums[LEVEL].accepted, 11);
    ck_assert_int_eq(sum(b, 7, 60, 0), 20);
    ck_assert_int_eq(sums[LEVEL].accepted, 11);
    store_test_close();
}
END_TEST

START_TEST(what_is_old_goes_by_resolution)
{
    llmq_stat_t s[4];

    store_test_open(_i);
    s[0] = stat_of(7, 60, BASE, 1);
    s[1] = stat_of(7, 60, BASE + HOUR, 1);
    s[2] = stat_of(7, 600, BASE, 1);
    s[3] = stat_of(7, 600, BASE + HOUR, 1);
    save(store_test.store, s, 4, 1);
    ck_assert_int_eq(llmq_store_stat_prune(store_test.store,
                                           apr_time_from_sec(BASE + 7 * HOUR + 1),
                                           test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_stats"), 4);
    ck_assert_int_eq(llmq_store_stat_prune(store_test.store,
                                           apr_time_from_sec(BASE + 192 * HOUR + 1),
                                           test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_stats"), 2);
    /* The mark of the last batch is no figure and stays. */
    ck_assert_int_eq(sum(store_test.store, 7, 600, 0), 1);
    ck_assert_int_eq(sums[LEVEL].accepted, 1);
    store_test_close();
}
END_TEST

TCase *case_store_stat(void)
{
    TCase *tc = test_case("store_stat");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, sums_grow_with_each_batch, 0, dialects);
    tcase_add_loop_test(tc, a_batch_counts_once, 0, dialects);
    tcase_add_loop_test(tc, tenants_and_resolutions_are_kept_apart, 0, dialects);
    tcase_add_loop_test(tc, nodes_add_up_and_have_batches_of_their_own, 0, dialects);
    tcase_add_loop_test(tc, what_is_old_goes_by_resolution, 0, dialects);
    return tc;
}
