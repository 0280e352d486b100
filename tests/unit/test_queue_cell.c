#include "queue/queue_cell.h"

#include "support.h"

#include <string.h>

#define MINUTE apr_time_from_sec(60)
#define T0     APR_TIME_C(1700000000000000)
#define M0     (T0 / MINUTE)
#define BATCH  64

static llmq_queue_cell_t out[BATCH], open_sum[LLMQ_LEVEL_COUNT],
    sending_sum[LLMQ_LEVEL_COUNT];

static llmq_queue_cells_t *area_of(apr_uint32_t capacity)
{
    llmq_queue_cells_t *area = apr_pcalloc(test_pool, llmq_queue_cell_size(capacity));

    llmq_queue_cell_init(area, capacity, T0);
    return area;
}

static void count(llmq_queue_cells_t *area, apr_uint64_t tenant, int level, int minute,
                  llmq_queue_cell_e what)
{
    llmq_queue_cell_t *cell =
        llmq_queue_cell_get(area, tenant, (apr_uint32_t)level, T0 + minute * MINUTE);

    if (cell)
        cell->count[what]++;
}

/* Of all tenants given, both open and being sent. */
static apr_int64_t total(const llmq_queue_cells_t *area, int tenants)
{
    apr_int64_t n = 0;
    int t, l;

    for (t = 1; t <= tenants; t++) {
        llmq_queue_cell_sum(open_sum, sending_sum, area, (apr_uint64_t)t, 0);
        LLMQ_EACH_LEVEL (l)
            n += open_sum[l].count[LLMQ_CELL_ACCEPTED]
                 + sending_sum[l].count[LLMQ_CELL_ACCEPTED];
    }
    return n;
}

START_TEST(a_cell_is_one_tenant_level_and_minute)
{
    llmq_queue_cells_t *area = area_of(16);
    llmq_queue_cell_t *cell = llmq_queue_cell_get(area, 1, 2, T0);

    ck_assert_ptr_eq(cell, llmq_queue_cell_get(area, 1, 2, T0 - T0 % MINUTE));
    ck_assert_ptr_eq(cell,
                     llmq_queue_cell_get(area, 1, 2, T0 - T0 % MINUTE + MINUTE - 1));
    ck_assert_ptr_ne(cell, llmq_queue_cell_get(area, 1, 2, T0 + MINUTE));
    ck_assert_ptr_ne(cell, llmq_queue_cell_get(area, 1, 3, T0));
    ck_assert_ptr_ne(cell, llmq_queue_cell_get(area, 2, 2, T0));
    /* Same bucket, other tenant. */
    ck_assert_ptr_ne(cell, llmq_queue_cell_get(area, 1 + LLMQ_QUEUE_CELL_BUCKETS, 2, T0));
    ck_assert_int_eq(cell->minute, M0);
    ck_assert_int_eq(cell->level, 2);
}
END_TEST

START_TEST(sums_are_of_one_tenant_since_a_minute)
{
    llmq_queue_cells_t *area = area_of(16);

    count(area, 1, _i, 0, LLMQ_CELL_ACCEPTED);
    count(area, 1, _i, 1, LLMQ_CELL_ACCEPTED);
    count(area, 1, _i, 1, LLMQ_CELL_COMPLETED);
    count(area, 2, _i, 1, LLMQ_CELL_FAILED);
    llmq_histogram_add(&llmq_queue_cell_get(area, 1, (apr_uint32_t)_i, T0)->waits, 50);
    llmq_histogram_add(&llmq_queue_cell_get(area, 1, (apr_uint32_t)_i, T0)->runs, 70);
    llmq_queue_cell_sum(open_sum, sending_sum, area, 1, M0);
    ck_assert_int_eq(open_sum[_i].count[LLMQ_CELL_ACCEPTED], 2);
    ck_assert_int_eq(open_sum[_i].count[LLMQ_CELL_COMPLETED], 1);
    ck_assert_int_eq(open_sum[_i].count[LLMQ_CELL_FAILED], 0);
    ck_assert_int_eq(open_sum[_i].waits.sum, 50);
    ck_assert_int_eq(open_sum[_i].runs.sum, 70);
    ck_assert_int_eq(open_sum[_i == 1 ? 2 : 1].count[LLMQ_CELL_ACCEPTED], 0);
    ck_assert_int_eq(sending_sum[_i].count[LLMQ_CELL_ACCEPTED], 0);
    llmq_queue_cell_sum(open_sum, sending_sum, area, 1, M0 + 1);
    ck_assert_int_eq(open_sum[_i].count[LLMQ_CELL_ACCEPTED], 1);
}
END_TEST

START_TEST(a_batch_stays_until_it_is_stored)
{
    llmq_queue_cells_t *area = area_of(16);
    apr_int64_t batch, again;

    count(area, 1, 1, 0, LLMQ_CELL_ACCEPTED);
    ck_assert_int_eq(llmq_queue_cell_send(out, &batch, area, BATCH, T0 + 5), 1);
    ck_assert_int_eq(batch, T0 + 5);
    ck_assert_int_eq(out[0].count[LLMQ_CELL_ACCEPTED], 1);
    /* What comes in meanwhile is not in it. */
    count(area, 1, 1, 0, LLMQ_CELL_ACCEPTED);
    count(area, 1, 2, 0, LLMQ_CELL_ACCEPTED);
    ck_assert_int_eq(llmq_queue_cell_send(out, &again, area, BATCH, T0 + 9), 1);
    ck_assert_int_eq(again, batch);
    ck_assert_int_eq(out[0].count[LLMQ_CELL_ACCEPTED], 1);
    llmq_queue_cell_sum(open_sum, sending_sum, area, 1, 0);
    ck_assert_int_eq(open_sum[1].count[LLMQ_CELL_ACCEPTED], 1);
    ck_assert_int_eq(sending_sum[1].count[LLMQ_CELL_ACCEPTED], 1);
    llmq_queue_cell_sent(area, batch - 1);
    ck_assert_int_eq(total(area, 1), 3);
    llmq_queue_cell_sent(area, batch);
    ck_assert_int_eq(total(area, 1), 2);
    ck_assert_int_eq(llmq_queue_cell_send(out, &again, area, BATCH, T0), 2);
    ck_assert_int_eq(again, batch + 1);
    llmq_queue_cell_sent(area, again);
    ck_assert_int_eq(llmq_queue_cell_send(out, &batch, area, BATCH, T0), 0);
    ck_assert_int_eq(batch, again);
}
END_TEST

START_TEST(batches_are_bounded_and_reach_all)
{
    llmq_queue_cells_t *area = area_of(100);
    apr_int64_t batch, seen = 0;
    int i, n, rounds = 0;

    for (i = 0; i < 100; i++)
        count(area, (apr_uint64_t)(i % 50 + 1), 1 + i % 4, i / 50, LLMQ_CELL_ACCEPTED);
    while ((n = llmq_queue_cell_send(out, &batch, area, 7, T0)) > 0) {
        ck_assert_int_le(n, 7);
        for (i = 0; i < n; i++)
            seen += out[i].count[LLMQ_CELL_ACCEPTED];
        llmq_queue_cell_sent(area, batch);
        rounds++;
    }
    ck_assert_int_eq(seen, 100);
    ck_assert_int_eq(rounds, 15);
    ck_assert_int_eq(total(area, 50), 0);
}
END_TEST

START_TEST(when_full_the_oldest_minutes_of_a_level_become_one)
{
    llmq_queue_cells_t *area = area_of(4);
    int i;

    for (i = 0; i < 4; i++)
        count(area, 1, 1, i, LLMQ_CELL_ACCEPTED);
    llmq_histogram_add(&llmq_queue_cell_get(area, 1, 1, T0)->waits, 9);
    count(area, 1, 1, 4, LLMQ_CELL_ACCEPTED);
    ck_assert_int_eq(total(area, 1), 5);
    ck_assert_uint_eq(area->lost, 0);
    llmq_queue_cell_sum(open_sum, sending_sum, area, 1, M0 + 1);
    ck_assert_int_eq(open_sum[1].count[LLMQ_CELL_ACCEPTED], 5);
    ck_assert_int_eq(open_sum[1].waits.count, 1);
    llmq_queue_cell_sum(open_sum, sending_sum, area, 1, M0 + 2);
    ck_assert_int_eq(open_sum[1].count[LLMQ_CELL_ACCEPTED], 3);
}
END_TEST

START_TEST(a_newcomer_makes_others_fold)
{
    llmq_queue_cells_t *area = area_of(4);
    int i;

    for (i = 0; i < 4; i++)
        count(area, 1, 1, i, LLMQ_CELL_ACCEPTED);
    count(area, 2, 1, 0, LLMQ_CELL_ACCEPTED);
    count(area, 3, 1, 0, LLMQ_CELL_ACCEPTED);
    count(area, 4, 1, 0, LLMQ_CELL_ACCEPTED);
    ck_assert_int_eq(total(area, 4), 7);
    ck_assert_uint_eq(area->lost, 0);
    /* Four of four different ones: no two to make one of. */
    count(area, 5, 1, 0, LLMQ_CELL_ACCEPTED);
    ck_assert_uint_eq(area->lost, 1);
    ck_assert_int_eq(total(area, 5), 7);
}
END_TEST

START_TEST(what_is_being_sent_is_not_folded)
{
    llmq_queue_cells_t *area = area_of(4);
    apr_int64_t batch;
    int i;

    for (i = 0; i < 2; i++)
        count(area, 1, 1, i, LLMQ_CELL_ACCEPTED);
    ck_assert_int_eq(llmq_queue_cell_send(out, &batch, area, BATCH, T0), 2);
    for (i = 0; i < 5; i++)
        count(area, 1, 1, i, LLMQ_CELL_ACCEPTED);
    ck_assert_int_eq(llmq_queue_cell_send(out, &batch, area, BATCH, T0), 2);
    ck_assert_int_eq(out[0].count[LLMQ_CELL_ACCEPTED] + out[1].count[LLMQ_CELL_ACCEPTED],
                     2);
    ck_assert_int_eq(total(area, 1), 7);
    llmq_queue_cell_sent(area, batch);
    ck_assert_int_eq(total(area, 1), 5);
}
END_TEST

START_TEST(repair_finds_all_cells_again)
{
    llmq_queue_cells_t *area = area_of(8);
    apr_int64_t batch;

    count(area, 1, 1, 0, LLMQ_CELL_ACCEPTED);
    llmq_queue_cell_send(out, &batch, area, BATCH, T0);
    llmq_queue_cell_sent(area, batch);
    count(area, 1, 2, 0, LLMQ_CELL_ACCEPTED);
    count(area, 1, 3, 0, LLMQ_CELL_ACCEPTED);
    llmq_queue_cell_send(out, &batch, area, BATCH, T0);
    count(area, 1, 4, 0, LLMQ_CELL_ACCEPTED);
    memset(area->bucket, 0xff, sizeof(area->bucket));
    area->free = area->sending = 77;
    llmq_queue_cell_repair(area);
    ck_assert_int_eq(total(area, 1), 3);
    ck_assert_int_eq(llmq_queue_cell_send(out, &batch, area, BATCH, T0), 2);
    llmq_queue_cell_sent(area, batch);
    ck_assert_int_eq(llmq_queue_cell_send(out, &batch, area, BATCH, T0), 1);
    ck_assert_int_eq(out[0].level, 4);
}
END_TEST

/* Random events against a plain sum; cells come and go, nothing is lost. */
START_TEST(no_event_is_lost)
{
    llmq_queue_cells_t *area = area_of(32);
    apr_int64_t batch, stored = 0, events = 0;
    apr_uint64_t seed = 42;
    int i, k, n;

    for (i = 0; i < 20000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        count(area, (seed >> 33) % 3 + 1, 1 + (int)((seed >> 40) % 4),
              (int)((seed >> 50) % 90), LLMQ_CELL_ACCEPTED);
        events++;
        if ((seed >> 20) % 97)
            continue;
        n = llmq_queue_cell_send(out, &batch, area, 16, T0);
        if ((seed >> 28) % 2)
            continue; /* the database is away */
        for (k = 0; k < n; k++)
            stored += out[k].count[LLMQ_CELL_ACCEPTED];
        llmq_queue_cell_sent(area, batch);
    }
    ck_assert_uint_eq(area->lost, 0);
    ck_assert_int_eq(stored + total(area, 3), events);
}
END_TEST

TCase *case_queue_cell(void)
{
    TCase *tc = test_case("queue_cell");

    tcase_add_test(tc, a_cell_is_one_tenant_level_and_minute);
    tcase_add_loop_test(tc, sums_are_of_one_tenant_since_a_minute, 1, LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, a_batch_stays_until_it_is_stored);
    tcase_add_test(tc, batches_are_bounded_and_reach_all);
    tcase_add_test(tc, when_full_the_oldest_minutes_of_a_level_become_one);
    tcase_add_test(tc, a_newcomer_makes_others_fold);
    tcase_add_test(tc, what_is_being_sent_is_not_folded);
    tcase_add_test(tc, repair_finds_all_cells_again);
    tcase_add_test(tc, no_event_is_lost);
    return tc;
}
