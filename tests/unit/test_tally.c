#include "dispatch/tally.h"

#include "base/clock.h"
#include "queue/queue_figures.h"
#include "queue/queue_job.h"
#include "store/store_stat.h"
#include "support_dispatch.h"

#include <string.h>

#define SECOND APR_USEC_PER_SEC
#define HOUR   (3600 * SECOND)

static dispatch_rig_t *rig;
static llmq_tally_t *tally;
static llmq_stat_t sums[LLMQ_LEVEL_COUNT];

static void open_rig(void)
{
    llmq_clock_set(STORE_TEST_T0);
    rig = dispatch_rig();
    dispatch_rig_create(rig);
    tally = llmq_tally_create(rig->q, store_test.store, rig->pool);
    ck_assert_ptr_nonnull(tally);
}

static void tell(llmq_level_e level, llmq_figure_e what)
{
    llmq_job_t job = {.id = "msg_1", .tenant = "t", .level = level};

    job.created_at = llmq_clock_now();
    ck_assert_int_eq(llmq_queue_job_tell(rig->q, &job, what), APR_SUCCESS);
}

static apr_uint64_t tenant(void)
{
    llmq_job_t job = {.id = "msg_1", .tenant = "t", .level = LLMQ_LEVEL_LOW};
    llmq_entry_t e;

    llmq_queue_job_entry(&e, &job);
    return e.tenant;
}

static const llmq_stat_t *stored(int level, int resolution)
{
    apr_int64_t batch;

    ck_assert_int_eq(llmq_store_stat_sum(sums, &batch, store_test.store, tenant(),
                                         resolution, 0, test_pool),
                     APR_SUCCESS);
    return &sums[level];
}

START_TEST(what_was_counted_is_stored_by_minute_and_by_ten)
{
    int i;

    open_rig();
    for (i = 0; i < 3; i++) {
        tell(LLMQ_LEVEL_HIGH, LLMQ_FIGURE_COMPLETED);
        llmq_clock_set(STORE_TEST_T0 + i * 60 * SECOND);
    }
    tell(LLMQ_LEVEL_LOW, LLMQ_FIGURE_TIMEOUT);
    ck_assert_int_eq(llmq_tally_tick(tally), APR_SUCCESS);
    ck_assert_int_eq(stored(LLMQ_LEVEL_HIGH, LLMQ_STAT_MINUTE)->completed, 3);
    ck_assert_int_eq(sums[LLMQ_LEVEL_LOW].timeouts, 1);
    ck_assert_int_eq(stored(LLMQ_LEVEL_HIGH, LLMQ_STAT_TEN)->completed, 3);
    ck_assert_int_eq(sums[LLMQ_LEVEL_LOW].timeouts, 1);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(ticks_are_two_seconds_apart)
{
    open_rig();
    tell(LLMQ_LEVEL_HIGH, LLMQ_FIGURE_REMOVED);
    ck_assert_int_eq(llmq_tally_tick(tally), APR_SUCCESS);
    tell(LLMQ_LEVEL_HIGH, LLMQ_FIGURE_REMOVED);
    ck_assert_int_eq(llmq_tally_tick(tally), APR_SUCCESS);
    ck_assert_int_eq(stored(LLMQ_LEVEL_HIGH, LLMQ_STAT_MINUTE)->removed, 1);
    llmq_clock_set(STORE_TEST_T0 + 2 * SECOND);
    ck_assert_int_eq(llmq_tally_tick(tally), APR_SUCCESS);
    ck_assert_int_eq(stored(LLMQ_LEVEL_HIGH, LLMQ_STAT_MINUTE)->removed, 2);
    /* At the end nothing waits for its turn. */
    tell(LLMQ_LEVEL_HIGH, LLMQ_FIGURE_REMOVED);
    ck_assert_int_eq(llmq_tally_flush(tally), APR_SUCCESS);
    ck_assert_int_eq(stored(LLMQ_LEVEL_HIGH, LLMQ_STAT_MINUTE)->removed, 3);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(more_than_a_batch_holds_is_stored_in_several)
{
    int i;

    open_rig();
    for (i = 0; i < 200; i++) {
        llmq_clock_set(STORE_TEST_T0 + i * 60 * SECOND);
        tell(LLMQ_LEVEL_HIGH, LLMQ_FIGURE_COMPLETED);
    }
    ck_assert_int_eq(llmq_tally_tick(tally), APR_SUCCESS);
    ck_assert_int_eq(stored(LLMQ_LEVEL_HIGH, LLMQ_STAT_TEN)->completed, 200);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(while_the_database_is_away_figures_are_kept)
{
    open_rig();
    tell(LLMQ_LEVEL_HIGH, LLMQ_FIGURE_COMPLETED);
    ck_assert_int_eq(llmq_tally_tick(tally), APR_SUCCESS);
    store_test_sql("ALTER TABLE llmq_stats RENAME TO llmq_gone");
    tell(LLMQ_LEVEL_HIGH, LLMQ_FIGURE_COMPLETED);
    ck_assert_int_ne(llmq_tally_flush(tally), APR_SUCCESS);
    tell(LLMQ_LEVEL_HIGH, LLMQ_FIGURE_COMPLETED);
    ck_assert_int_ne(llmq_tally_flush(tally), APR_SUCCESS);
    store_test_sql("ALTER TABLE llmq_gone RENAME TO llmq_stats");
    ck_assert_int_eq(llmq_tally_flush(tally), APR_SUCCESS);
    ck_assert_int_eq(stored(LLMQ_LEVEL_HIGH, LLMQ_STAT_MINUTE)->completed, 3);
    dispatch_rig_close(rig);
}
END_TEST

/* Its writer died between the store and the queue: the next one must not add it again. */
START_TEST(a_batch_that_was_stored_is_not_added_again)
{
    llmq_queue_cell_t cells[64];
    apr_int64_t batch;
    llmq_stat_t s;
    int n;

    open_rig();
    tell(LLMQ_LEVEL_HIGH, LLMQ_FIGURE_COMPLETED);
    ck_assert_int_eq(llmq_queue_figures_send(cells, &n, &batch, rig->q, 64), APR_SUCCESS);
    memset(&s, 0, sizeof(s));
    s.tenant = tenant();
    s.level = LLMQ_LEVEL_HIGH;
    s.resolution = LLMQ_STAT_MINUTE;
    s.bucket = cells[0].minute * 60;
    s.completed = 1;
    ck_assert_int_eq(llmq_store_stat_save(store_test.store, &s, 1, batch, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_tally_flush(tally), APR_SUCCESS);
    ck_assert_int_eq(stored(LLMQ_LEVEL_HIGH, LLMQ_STAT_MINUTE)->completed, 1);
    tell(LLMQ_LEVEL_HIGH, LLMQ_FIGURE_COMPLETED);
    ck_assert_int_eq(llmq_tally_flush(tally), APR_SUCCESS);
    ck_assert_int_eq(stored(LLMQ_LEVEL_HIGH, LLMQ_STAT_MINUTE)->completed, 2);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(old_sums_are_removed_in_passing)
{
    open_rig();
    tell(LLMQ_LEVEL_HIGH, LLMQ_FIGURE_COMPLETED);
    ck_assert_int_eq(llmq_tally_tick(tally), APR_SUCCESS);
    llmq_clock_set(STORE_TEST_T0 + 8 * HOUR);
    ck_assert_int_eq(llmq_tally_tick(tally), APR_SUCCESS);
    ck_assert_int_eq(stored(LLMQ_LEVEL_HIGH, LLMQ_STAT_MINUTE)->completed, 0);
    ck_assert_int_eq(stored(LLMQ_LEVEL_HIGH, LLMQ_STAT_TEN)->completed, 1);
    dispatch_rig_close(rig);
}
END_TEST

/* More tenants than the queue has cells, and none of them has two. */
START_TEST(missed_events_are_said_once)
{
    int i;

    open_rig();
    for (i = 0; i < 600; i++) {
        llmq_entry_t e = queue_entry("a", 1, 1, 0);

        e.tenant = (apr_uint64_t)i + 1;
        ck_assert_int_eq(llmq_queue_figures_tell(rig->q, &e, LLMQ_FIGURE_REMOVED),
                         APR_SUCCESS);
    }
    ck_assert_int_eq(llmq_tally_flush(tally), APR_SUCCESS);
    ck_assert_int_eq(llmq_tally_flush(tally), APR_SUCCESS);
    ck_assert_int_eq(dispatch_rig_logged("LLMQ0720"), 1);
    ck_assert_int_eq(
        store_test_number("SELECT count(*) FROM llmq_stats WHERE resolution = 60"), 512);
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_tally(void)
{
    TCase *tc = test_case("tally");

    tcase_add_test(tc, what_was_counted_is_stored_by_minute_and_by_ten);
    tcase_add_test(tc, ticks_are_two_seconds_apart);
    tcase_add_test(tc, more_than_a_batch_holds_is_stored_in_several);
    tcase_add_test(tc, while_the_database_is_away_figures_are_kept);
    tcase_add_test(tc, a_batch_that_was_stored_is_not_added_again);
    tcase_add_test(tc, old_sums_are_removed_in_passing);
    tcase_add_test(tc, missed_events_are_said_once);
    return tc;
}
