#include "queue/queue_outlook.h"

#include "base/clock.h"
#include "support_queue.h"

#define SEC APR_USEC_PER_SEC

static const apr_uint64_t tenants[] = {'a', 'b', 'c'};

static void put(llmq_queue_t *q, const char *id, int level)
{
    llmq_entry_t e = queue_entry(id, level, 1, 0);

    e.tenant = (apr_uint64_t)id[0];
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
}

/* Let a tenant's next entry run for a while and end. */
static void run(llmq_queue_t *q, char tenant, apr_interval_time_t span)
{
    apr_uint64_t hash = (apr_uint64_t)tenant;
    llmq_queue_filter_t filter = {&hash, 1, 0};
    llmq_queue_ack_t ack = {NULL, 0, LLMQ_ACK_COMPLETED};
    llmq_entry_t e;
    int n;

    ck_assert_int_eq(llmq_queue_take_from(&e, &n, q, 1, 1, 0, &filter), APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    llmq_clock_set(llmq_clock_now() + span);
    ack.id = e.id;
    ack.attempt = e.attempt;
    ck_assert_int_eq(llmq_queue_ack(q, &ack, 1), APR_SUCCESS);
}

static llmq_queue_outlook_t look(llmq_queue_t *q, int n)
{
    llmq_queue_outlook_t o;

    ck_assert_int_eq(llmq_queue_outlook(&o, q, tenants, n), APR_SUCCESS);
    return o;
}

START_TEST(ready_ones_are_counted_by_tenant_and_level)
{
    llmq_queue_t *q = queue_rig_tenants(100, 1, 10)->q;
    llmq_queue_outlook_t o;

    put(q, "a1", LLMQ_LEVEL_HIGH);
    put(q, "a2", LLMQ_LEVEL_HIGH);
    put(q, "a3", LLMQ_LEVEL_LOW);
    put(q, "b1", LLMQ_LEVEL_HIGH);
    put(q, "d1", LLMQ_LEVEL_HIGH);
    o = look(q, 3);
    ck_assert_int_eq(o.n_tenants, 3);
    ck_assert_uint_eq(o.ready[LLMQ_LEVEL_HIGH], 3);
    ck_assert_uint_eq(o.ready[LLMQ_LEVEL_LOW], 1);
    ck_assert_uint_eq(o.ready[LLMQ_LEVEL_NORMAL], 0);
    ck_assert_uint_eq(o.ready_of[0][LLMQ_LEVEL_HIGH], 2);
    ck_assert_uint_eq(o.ready_of[1][LLMQ_LEVEL_HIGH], 1);
    ck_assert_uint_eq(o.ready_of[2][LLMQ_LEVEL_HIGH], 0);
    ck_assert_int_eq(o.mean_of[0], 0);
}
END_TEST

START_TEST(a_mean_is_that_of_all_levels)
{
    llmq_queue_t *q = queue_rig_tenants(100, 1, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    put(q, "a1", LLMQ_LEVEL_HIGH);
    run(q, 'a', 2 * SEC);
    ck_assert_int_eq(look(q, 1).mean_of[0], 2 * SEC);
    put(q, "a2", LLMQ_LEVEL_LOW);
    run(q, 'a', 4 * SEC);
    ck_assert_int_eq(look(q, 1).mean_of[0], 3 * SEC);
    ck_assert_int_eq(look(q, 2).mean_of[1], 0);
}
END_TEST

/* Three of a, 2 s each; one of b, 6 s: a place behind them all waits for 12 s of work. */
static llmq_queue_outlook_t busy(apr_uint32_t slots)
{
    llmq_queue_outlook_t o = {.n_tenants = 2};

    o.ready[LLMQ_LEVEL_HIGH] = 4;
    o.ready_of[0][LLMQ_LEVEL_HIGH] = 3;
    o.ready_of[1][LLMQ_LEVEL_HIGH] = 1;
    o.mean_of[0] = 2 * SEC;
    o.mean_of[1] = 6 * SEC;
    o.slots[LLMQ_LEVEL_HIGH] = o.slots[LLMQ_LEVEL_LOW] = slots;
    return o;
}

START_TEST(a_wait_is_the_work_before_by_those_who_do_it)
{
    llmq_queue_outlook_t o = busy(1);

    ck_assert_int_eq(llmq_queue_outlook_wait(&o, 0, LLMQ_LEVEL_HIGH, 1), 0);
    ck_assert_int_eq(llmq_queue_outlook_wait(&o, 0, LLMQ_LEVEL_HIGH, 3), 6 * SEC);
    o = busy(4);
    ck_assert_int_eq(llmq_queue_outlook_wait(&o, 0, LLMQ_LEVEL_HIGH, 3), 3 * SEC / 2);
    ck_assert_int_eq(llmq_queue_outlook_wait(&o, 0, LLMQ_LEVEL_HIGH, 0), 0);
    ck_assert_int_eq(llmq_queue_outlook_wait(&o, -1, LLMQ_LEVEL_HIGH, 3), 0);
    ck_assert_int_eq(llmq_queue_outlook_wait(&o, 2, LLMQ_LEVEL_HIGH, 3), 0);
}
END_TEST

START_TEST(all_of_more_urgent_levels_is_before)
{
    llmq_queue_outlook_t o = busy(2);

    o.ready[LLMQ_LEVEL_LOW] = 2;
    o.ready_of[1][LLMQ_LEVEL_LOW] = 2;
    ck_assert_int_eq(llmq_queue_outlook_wait(&o, 1, LLMQ_LEVEL_LOW, 1), 6 * SEC);
    ck_assert_int_eq(llmq_queue_outlook_wait(&o, 1, LLMQ_LEVEL_LOW, 2), 9 * SEC);
}
END_TEST

START_TEST(a_tenants_own_bound_makes_it_wait_longer)
{
    llmq_queue_outlook_t o = busy(100);

    o.slots_of[0] = 1;
    ck_assert_int_eq(llmq_queue_outlook_wait(&o, 0, LLMQ_LEVEL_HIGH, 5), 6 * SEC);
    ck_assert_int_lt(llmq_queue_outlook_wait(&o, 1, LLMQ_LEVEL_HIGH, 5), SEC);
}
END_TEST

START_TEST(who_runs_while_something_waits_is_who_there_is)
{
    llmq_queue_t *q = queue_rig_tenants(100, 10, 10)->q;
    llmq_queue_outlook_t o = look(q, 1);
    apr_uint32_t bound = o.slots[LLMQ_LEVEL_HIGH];
    llmq_entry_t e;
    int n;

    ck_assert_uint_gt(bound, 1);
    put(q, "a1", LLMQ_LEVEL_HIGH);
    ck_assert_uint_eq(look(q, 1).slots[LLMQ_LEVEL_HIGH], bound);
    put(q, "a2", LLMQ_LEVEL_HIGH);
    ck_assert_int_eq(llmq_queue_take(&e, &n, q, 1, 1), APR_SUCCESS);
    ck_assert_uint_eq(look(q, 1).slots[LLMQ_LEVEL_HIGH], 1);
    ck_assert_uint_eq(look(q, 1).slots[LLMQ_LEVEL_LOW], bound);
}
END_TEST

START_TEST(too_many_tenants_are_refused)
{
    llmq_queue_t *q = queue_rig_tenants(100, 1, 10)->q;
    llmq_queue_outlook_t o;

    ck_assert_int_eq(llmq_queue_outlook(&o, q, tenants, LLMQ_QUEUE_FILTER_MAX + 1),
                     APR_EINVAL);
    ck_assert_int_eq(llmq_queue_outlook(&o, q, tenants, 0), APR_SUCCESS);
    ck_assert_int_eq(o.n_tenants, 0);
}
END_TEST

static void give_clock_back(void)
{
    llmq_clock_set(0);
}

TCase *case_queue_outlook(void)
{
    TCase *tc = test_case("queue_outlook");

    tcase_add_checked_fixture(tc, NULL, give_clock_back);
    tcase_add_test(tc, ready_ones_are_counted_by_tenant_and_level);
    tcase_add_test(tc, a_mean_is_that_of_all_levels);
    tcase_add_test(tc, a_wait_is_the_work_before_by_those_who_do_it);
    tcase_add_test(tc, all_of_more_urgent_levels_is_before);
    tcase_add_test(tc, a_tenants_own_bound_makes_it_wait_longer);
    tcase_add_test(tc, who_runs_while_something_waits_is_who_there_is);
    tcase_add_test(tc, too_many_tenants_are_refused);
    return tc;
}
