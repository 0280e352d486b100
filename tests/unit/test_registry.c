#include "dispatch/registry.h"

#include "base/clock.h"
#include "store/store_worker.h"
#include "support_dispatch.h"

#include <apr_strings.h>

#include <string.h>

#define SECOND APR_USEC_PER_SEC
#define T0     STORE_TEST_T0

static const llmq_roster_conf_t conf = {600, 90 * SECOND, 3600 * SECOND};
static const llmq_worker_end_t success = {LLMQ_WORKER_SUCCEEDED, 2 * SECOND};

static dispatch_rig_t *rig;

static llmq_roster_t *table(int max)
{
    char *memory = apr_pcalloc(test_pool, llmq_roster_size(max) + 64);

    return llmq_roster_init((void *)APR_ALIGN((apr_uintptr_t)memory, 64), max,
                            conf.timeout);
}

static llmq_registry_t *registry(llmq_roster_t *r)
{
    llmq_registry_t *g = llmq_registry_create(r, &conf, store_test.store, rig->pool);

    ck_assert_ptr_nonnull(g);
    return g;
}

static void open_rig(void)
{
    llmq_clock_set(T0);
    rig = dispatch_rig();
    dispatch_rig_create(rig);
}

static void succeed(llmq_roster_t *r, const char *worker, int n)
{
    int i;

    llmq_roster_claimed(r, "t", worker, n, llmq_clock_now() + 60 * SECOND,
                        llmq_clock_now());
    for (i = 0; i < n; i++)
        llmq_roster_ended(r, "t", worker, success, llmq_clock_now());
}

static apr_int64_t stored(const char *column)
{
    return store_test_number(
        apr_psprintf(test_pool, "SELECT sum(%s) FROM llmq_workers", column));
}

START_TEST(what_has_changed_is_stored_every_two_seconds)
{
    llmq_roster_t *r = table(600);
    llmq_registry_t *g;

    open_rig();
    g = registry(r);
    succeed(r, "w", 3);
    ck_assert_int_eq(llmq_registry_tick(g), APR_SUCCESS);
    ck_assert_int_eq(stored("succeeded"), 3);
    succeed(r, "w", 1);
    succeed(r, "v", 1);
    ck_assert_int_eq(llmq_registry_tick(g), APR_SUCCESS);
    ck_assert_int_eq(stored("succeeded"), 3);
    llmq_clock_set(T0 + 2 * SECOND);
    ck_assert_int_eq(llmq_registry_tick(g), APR_SUCCESS);
    ck_assert_int_eq(stored("succeeded"), 5);
    succeed(r, "w", 1);
    ck_assert_int_eq(llmq_registry_flush(g), APR_SUCCESS);
    ck_assert_int_eq(stored("succeeded"), 6);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(more_than_a_statement_holds_is_stored_in_several)
{
    llmq_roster_t *r = table(600);
    int i;

    open_rig();
    for (i = 0; i < 600; i++)
        llmq_roster_seen(r, "t", apr_psprintf(test_pool, "w%d", i), T0);
    ck_assert_int_eq(llmq_registry_tick(registry(r)), APR_SUCCESS);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_workers"), 600);
    dispatch_rig_close(rig);
}
END_TEST

/* A new server's table is empty; its first workers may be counted before the store was
 * asked. */
START_TEST(counts_go_on_after_a_restart)
{
    llmq_roster_t *r = table(600);
    llmq_roster_row_t row;

    open_rig();
    succeed(r, "w", 3);
    succeed(r, "v", 4);
    ck_assert_int_eq(llmq_registry_tick(registry(r)), APR_SUCCESS);
    r = table(600);
    succeed(r, "w", 10);
    ck_assert_int_eq(llmq_registry_tick(registry(r)), APR_SUCCESS);
    ck_assert_int_eq(stored("succeeded"), 17);
    ck_assert_int_eq(llmq_roster_find(&row, r, "t", "v"), APR_SUCCESS);
    ck_assert_int_eq(row.worker.succeeded, 4);
    ck_assert_int_eq(stored("busy_usec"), 34 * SECOND);
    /* The next dispatcher on the same table finds all there already. */
    ck_assert_int_eq(llmq_registry_tick(registry(r)), APR_SUCCESS);
    succeed(r, "w", 1);
    ck_assert_int_eq(llmq_registry_flush(registry(r)), APR_SUCCESS);
    ck_assert_int_eq(stored("succeeded"), 18);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(who_lost_his_place_goes_on_where_he_was)
{
    llmq_roster_t *r = table(1);
    llmq_registry_t *g;

    open_rig();
    g = registry(r);
    succeed(r, "w", 3);
    ck_assert_int_eq(llmq_registry_tick(g), APR_SUCCESS);
    llmq_clock_set(T0 + 100 * SECOND);
    succeed(r, "v", 5);
    ck_assert_int_eq(llmq_registry_tick(g), APR_SUCCESS);
    llmq_clock_set(T0 + 200 * SECOND);
    succeed(r, "w", 10);
    ck_assert_int_eq(llmq_registry_tick(g), APR_SUCCESS);
    ck_assert_int_eq(stored("succeeded"), 18);
    ck_assert_int_eq(
        store_test_number("SELECT succeeded FROM llmq_workers WHERE worker = 'w'"), 13);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(while_the_database_is_away_counts_are_kept)
{
    llmq_roster_t *r = table(600);
    llmq_registry_t *g;

    open_rig();
    g = registry(r);
    succeed(r, "w", 1);
    ck_assert_int_eq(llmq_registry_flush(g), APR_SUCCESS);
    store_test_sql("ALTER TABLE llmq_workers RENAME TO llmq_gone");
    succeed(r, "w", 1);
    succeed(r, "v", 1);
    ck_assert_int_ne(llmq_registry_flush(g), APR_SUCCESS);
    store_test_sql("ALTER TABLE llmq_gone RENAME TO llmq_workers");
    ck_assert_int_eq(llmq_registry_flush(g), APR_SUCCESS);
    ck_assert_int_eq(stored("succeeded"), 3);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_claim_that_waits_is_a_sign_of_life_for_other_nodes)
{
    llmq_roster_t *r = table(600);
    llmq_registry_t *g;

    open_rig();
    g = registry(r);
    llmq_roster_waits(r, "t", "w", T0 + 3000 * SECOND, T0);
    ck_assert_int_eq(llmq_registry_tick(g), APR_SUCCESS);
    llmq_clock_set(T0 + 40 * SECOND);
    ck_assert_int_eq(llmq_registry_tick(g), APR_SUCCESS);
    ck_assert_int_eq(stored("seen_at"), T0 + 40 * SECOND);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(the_long_silent_are_forgotten_in_both)
{
    llmq_roster_t *r = table(600);
    llmq_registry_t *g;
    llmq_roster_row_t row;

    open_rig();
    g = registry(r);
    succeed(r, "w", 1);
    ck_assert_int_eq(llmq_registry_tick(g), APR_SUCCESS);
    llmq_clock_set(T0 + 3599 * SECOND);
    succeed(r, "v", 1);
    ck_assert_int_eq(llmq_registry_tick(g), APR_SUCCESS);
    ck_assert_int_eq(stored("1"), 2);
    llmq_clock_set(T0 + 3700 * SECOND);
    ck_assert_int_eq(llmq_registry_tick(g), APR_SUCCESS);
    ck_assert_int_eq(stored("1"), 1);
    ck_assert_int_eq(llmq_roster_find(&row, r, "t", "w"), APR_NOTFOUND);
    succeed(r, "w", 1);
    ck_assert_int_eq(llmq_registry_flush(g), APR_SUCCESS);
    ck_assert_int_eq(stored("succeeded"), 2);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(too_many_are_said_once)
{
    llmq_roster_t *r = table(1);
    llmq_registry_t *g;

    open_rig();
    g = registry(r);
    succeed(r, "w", 1);
    succeed(r, "v", 1);
    ck_assert_int_eq(llmq_registry_flush(g), APR_SUCCESS);
    ck_assert_int_eq(llmq_registry_flush(g), APR_SUCCESS);
    ck_assert_int_eq(dispatch_rig_logged("LLMQ0750"), 1);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(without_a_table_there_is_nothing_to_do)
{
    open_rig();
    ck_assert_int_eq(llmq_registry_tick(registry(NULL)), APR_SUCCESS);
    ck_assert_int_eq(llmq_registry_flush(registry(NULL)), APR_SUCCESS);
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_registry(void)
{
    TCase *tc = test_case("registry");

    tcase_add_test(tc, what_has_changed_is_stored_every_two_seconds);
    tcase_add_test(tc, more_than_a_statement_holds_is_stored_in_several);
    tcase_add_test(tc, counts_go_on_after_a_restart);
    tcase_add_test(tc, who_lost_his_place_goes_on_where_he_was);
    tcase_add_test(tc, while_the_database_is_away_counts_are_kept);
    tcase_add_test(tc, a_claim_that_waits_is_a_sign_of_life_for_other_nodes);
    tcase_add_test(tc, the_long_silent_are_forgotten_in_both);
    tcase_add_test(tc, too_many_are_said_once);
    tcase_add_test(tc, without_a_table_there_is_nothing_to_do);
    return tc;
}
