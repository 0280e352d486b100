#include "dispatch/reaper.h"

#include "store_support.h"

#include <apr_strings.h>

#define T0       STORE_TEST_T0
#define INTERVAL apr_time_from_sec(300)

/* Completed messages of as many conversations, which end at T0 + 10. */
static void make(int conversations, int messages)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 65536, test_pool);
    for (i = 0; i < messages; i++) {
        llmq_job_t *job = store_test_job(apr_psprintf(test_pool, "m%d", i));

        job->chain = apr_psprintf(test_pool, "c%d", i % conversations);
        job->expires_at = T0 + 10;
        llmq_text_puts(&t, i ? "," : "[");
        llmq_store_job_row(&t, job);
    }
    llmq_text_puts(&t, "]");
    ck_assert_int_eq(llmq_store_job_insert(store_test.store, t.data, test_pool),
                     APR_SUCCESS);
    store_test_sql("UPDATE llmq_jobs SET status = 2");
}

static apr_int64_t left(void)
{
    return store_test_number("SELECT (SELECT count(*) FROM llmq_jobs) + "
                             "(SELECT count(*) FROM llmq_conversations)");
}

static void tick(llmq_reaper_t *r, apr_time_t now)
{
    ck_assert_int_eq(llmq_reaper_tick(r, now, test_pool), APR_SUCCESS);
}

START_TEST(a_clean_up_takes_as_many_ticks_as_it_needs)
{
    llmq_reaper_t *r;

    store_test_open(_i);
    make(150, 2150);
    r = llmq_reaper_create(store_test.store, INTERVAL, test_pool);
    tick(r, T0 + 10);
    ck_assert_int_eq(left(), 150 + 1150);
    tick(r, T0 + 10); /* what is left of the first hundred conversations */
    tick(r, T0 + 10); /* the other fifty */
    ck_assert_int_eq(left(), 0);
    store_test_close();
}
END_TEST

START_TEST(between_clean_ups_there_is_a_pause)
{
    llmq_reaper_t *r;

    store_test_open(_i);
    llmq_store_ping(store_test.store, NULL, test_pool);
    r = llmq_reaper_create(store_test.store, INTERVAL, test_pool);
    tick(r, T0);
    make(1, 1);
    tick(r, T0 + INTERVAL - 1);
    ck_assert_int_eq(left(), 2);
    tick(r, T0 + INTERVAL);
    ck_assert_int_eq(left(), 0);
    store_test_close();
}
END_TEST

START_TEST(without_an_interval_nothing_is_removed)
{
    llmq_reaper_t *r;

    store_test_open(_i);
    make(1, 1);
    r = llmq_reaper_create(store_test.store, 0, test_pool);
    tick(r, T0 + INTERVAL);
    ck_assert_int_eq(left(), 2);
    store_test_close();
}
END_TEST

START_TEST(a_failure_waits_for_the_next_clean_up)
{
    llmq_reaper_t *r;

    store_test_open(_i);
    make(1, 1);
    store_test_sql("ALTER TABLE llmq_conversations RENAME TO away");
    r = llmq_reaper_create(store_test.store, INTERVAL, test_pool);
    ck_assert_int_eq(llmq_reaper_tick(r, T0 + 10, test_pool), LLMQ_ESTORE);
    ck_assert_int_eq(llmq_reaper_tick(r, T0 + 11, test_pool), APR_SUCCESS);
    store_test_sql("ALTER TABLE away RENAME TO llmq_conversations");
    tick(r, T0 + 10 + INTERVAL);
    ck_assert_int_eq(left(), 0);
    store_test_close();
}
END_TEST

TCase *case_reaper(void)
{
    TCase *tc = test_case("reaper");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, a_clean_up_takes_as_many_ticks_as_it_needs, 0, dialects);
    tcase_add_loop_test(tc, between_clean_ups_there_is_a_pause, 0, dialects);
    tcase_add_loop_test(tc, without_an_interval_nothing_is_removed, 0, dialects);
    tcase_add_loop_test(tc, a_failure_waits_for_the_next_clean_up, 0, dialects);
    return tc;
}
