#include "queue/queue_turn.h"

#include "base/clock.h"
#include "support_queue.h"

#include <apr_strings.h>

#include <string.h>

#define AGEING (60 * APR_USEC_PER_SEC)

static llmq_queue_conf_t conf_of(apr_uint32_t concurrent,
                                 const llmq_queue_tenant_conf_t *tenants, int n)
{
    llmq_queue_conf_t conf = {.max_tenants = 40, .ageing = AGEING, .reserve = 50};
    int l;

    LLMQ_EACH_LEVEL (l) {
        conf.level[l].max_size = 8000;
        conf.level[l].max_concurrent = concurrent;
    }
    conf.tenants = tenants;
    conf.n_tenants = n;
    return conf;
}

static llmq_queue_t *queue_of(apr_uint32_t concurrent,
                              const llmq_queue_tenant_conf_t *tenants, int n)
{
    llmq_queue_conf_t conf = conf_of(concurrent, tenants, n);

    return queue_rig_conf(&conf)->q;
}

static void put(llmq_queue_t *q, const char *id, apr_uint64_t tenant, apr_uint64_t key,
                int level)
{
    llmq_entry_t e = queue_entry(id, level, key, 0);

    e.tenant = tenant;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
}

static void put_many(llmq_queue_t *q, const char *name, int n, apr_uint64_t tenant,
                     int level)
{
    int i;

    for (i = 0; i < n; i++)
        put(q, apr_psprintf(test_pool, "%s%d", name, i), tenant,
            tenant * 10000 + (apr_uint64_t)i, level);
}

/* How many of the next @a n takes, each one alone and acked at once, begin with @a c. */
static int served(llmq_queue_t *q, char c, int n)
{
    int i, hits = 0;

    for (i = 0; i < n; i++) {
        const char *id = queue_take_ids(q, 1);

        hits += id[0] == c;
        if (id[0])
            queue_ack(q, id, LLMQ_ACK_COMPLETED);
    }
    return hits;
}

/* ---- tenants ---- */

START_TEST(a_thousand_users_of_one_tenant_delay_another_by_one_turn)
{
    llmq_queue_t *q = queue_of(10, NULL, 0);

    put_many(q, "a", 1000, 1, _i);
    put_many(q, "b", 3, 2, _i);
    ck_assert_str_eq(queue_take_ids(q, 7), "a0 b0 a1 b1 a2 b2 a3");
    put_many(q, "c", 2, 3, _i);
    ck_assert_str_eq(queue_take_ids(q, 3), "a4 c0 a5");
    ck_queue(q);
}
END_TEST

START_TEST(a_tenant_is_served_as_often_as_its_weight_says)
{
    static const llmq_queue_tenant_conf_t ab[] = {{1, 3, 0, 0, 0}, {2, 1, 0, 0, 0}};
    llmq_queue_t *q = queue_of(1, ab, 2);

    put_many(q, "a", 400, 1, _i);
    put_many(q, "b", 400, 2, _i);
    ck_assert_int_eq(served(q, 'a', 400), 300);
}
END_TEST

START_TEST(a_tenant_at_its_running_limit_waits_for_an_end)
{
    static const llmq_queue_tenant_conf_t a[] = {{1, 1, 0, 2, 0}};
    llmq_queue_t *q = queue_of(10, a, 1);

    put_many(q, "a", 5, 1, _i);
    put_many(q, "b", 2, 2, _i);
    ck_assert_str_eq(queue_take_ids(q, 9), "a0 b0 a1 b1");
    ck_queue(q);
    ck_assert_int_eq(llmq_queue_answered(q, "a0", 0), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "a2");
    queue_ack(q, "a0", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "");
    queue_ack(q, "a1", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "a3");
    ck_queue(q);
}
END_TEST

START_TEST(running_slots_of_a_tenant_are_kept_for_it)
{
    static const llmq_queue_tenant_conf_t ab[] = {{1, 1, 0, 0, 0}, {2, 1, 0, 0, 0}};
    llmq_queue_t *q = queue_of(8, ab, 2);

    /* 8 slots: 2 of A, 2 of B, 4 shared. */
    put_many(q, "a", 20, 1, _i);
    ck_assert_str_eq(queue_take_ids(q, 20), "a0 a1 a2 a3 a4 a5");
    put_many(q, "c", 20, 3, _i);
    ck_assert_str_eq(queue_take_ids(q, 20), "");
    put_many(q, "b", 20, 2, _i);
    ck_assert_str_eq(queue_take_ids(q, 20), "b0 b1");
    ck_queue(q);
    /* A shared slot comes free: it goes in turns; B's own comes back to B. */
    queue_ack(q, "a0", LLMQ_ACK_COMPLETED);
    queue_ack(q, "a1", LLMQ_ACK_COMPLETED);
    queue_ack(q, "a2", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 20), "a6 c0 b2");
    queue_ack(q, "b0", LLMQ_ACK_COMPLETED);
    queue_ack(q, "b1", LLMQ_ACK_COMPLETED);
    /* Of B's three, one had a shared slot. */
    ck_assert_str_eq(queue_take_ids(q, 20), "a7 b3");
    ck_queue(q);
}
END_TEST

/* ---- the effective concurrency ---- */

START_TEST(concurrency_is_what_is_set_between_one_and_the_maximum)
{
    llmq_queue_conf_t conf = conf_of(4, NULL, 0);
    llmq_queue_t *q = queue_rig_conf(&conf)->q;
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];

    put_many(q, "a", 20, 1, _i);
    ck_assert_int_eq(llmq_queue_set_concurrency(q, _i, 0), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "a0");
    ck_assert_int_eq(llmq_queue_set_concurrency(q, _i, 3), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "a1 a2");
    ck_assert_int_eq(llmq_queue_stats(stats, q), APR_SUCCESS);
    ck_assert_uint_eq(stats[_i].concurrency, 3);
    ck_assert_uint_eq(stats[_i].max_concurrent, 4);
    ck_assert_int_eq(llmq_queue_set_concurrency(q, _i, 2), APR_SUCCESS);
    queue_ack(q, "a0", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "");
    ck_assert_int_eq(llmq_queue_configure(q, &conf), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "a3 a4");
    ck_assert_int_eq(llmq_queue_set_concurrency(q, _i, 99), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_stats(stats, q), APR_SUCCESS);
    ck_assert_uint_eq(stats[_i].concurrency, 4);
    ck_assert_int_eq(llmq_queue_set_concurrency(q, 0, 1), APR_EINVAL);
    ck_assert_int_eq(llmq_queue_set_concurrency(q, LLMQ_LEVEL_COUNT, 1), APR_EINVAL);
    ck_queue(q);
}
END_TEST

START_TEST(reserves_follow_the_concurrency)
{
    static const llmq_queue_tenant_conf_t ab[] = {{1, 1, 0, 0, 0}, {2, 1, 0, 0, 0}};
    llmq_queue_t *q = queue_of(8, ab, 2);

    put_many(q, "a", 20, 1, _i);
    put_many(q, "b", 20, 2, _i);
    ck_assert_int_eq(llmq_queue_pause(q, 2, _i, 1), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_set_concurrency(q, _i, 4), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 20), "a0 a1 a2");
    ck_queue(q);
    ck_assert_int_eq(llmq_queue_pause(q, 2, _i, 0), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 20), "b0");
    ck_queue(q);
}
END_TEST

/* ---- ageing ---- */

START_TEST(a_level_rises_by_one_for_each_ageing_that_its_oldest_has_waited)
{
    llmq_queue_t *q = queue_of(1, NULL, 0);

    llmq_clock_set(QUEUE_NOW);
    put_many(q, "low", 100, 1, LLMQ_LEVEL_LOW);
    llmq_clock_set(QUEUE_NOW + 3 * AGEING - 1);
    put_many(q, "r", 100, 1, LLMQ_LEVEL_REALTIME);
    ck_assert_int_eq(served(q, 'r', 10), 10);
    /* Two levels up: it goes before what is fresh in normal, not before high. */
    put_many(q, "n", 10, 1, LLMQ_LEVEL_NORMAL);
    llmq_clock_set(QUEUE_NOW + 3 * AGEING);
    ck_assert_int_eq(served(q, 'l', 20), 10);
    llmq_clock_set(QUEUE_NOW + 300 * AGEING);
    ck_assert_int_eq(served(q, 'l', 30), 10); /* with realtime and normal */
    ck_queue(q);
}
END_TEST

START_TEST(between_the_ends_a_level_counts_as_those_it_has_reached)
{
    llmq_queue_t *q = queue_of(1, NULL, 0);

    llmq_clock_set(QUEUE_NOW);
    put_many(q, "low", 100, 1, LLMQ_LEVEL_LOW);
    llmq_clock_set(QUEUE_NOW + 2 * AGEING);
    put_many(q, "high", 10, 1, LLMQ_LEVEL_HIGH);
    put_many(q, "n", 10, 1, LLMQ_LEVEL_NORMAL);
    ck_assert_int_eq(served(q, 'n', 20), 0);
    ck_assert_int_eq(served(q, 'l', 10), 10); /* high is empty, low is above normal */
}
END_TEST

/* Realtime comes faster than it can be served; no message of another level waits longer
 * than its level needs to rise and its turn to come. */
START_TEST(a_flood_of_realtime_starves_no_level_beyond_the_bound)
{
    llmq_queue_t *q = queue_of(1, NULL, 0);
    apr_time_t now = QUEUE_NOW;
    int i, done = 0;

    llmq_clock_set(now);
    put_many(q, "low", 5, 1, LLMQ_LEVEL_LOW);
    for (i = 0; i < 2000 && done < 5; i++) {
        const char *id;

        put(q, apr_psprintf(test_pool, "r%d", i), 1, 1, LLMQ_LEVEL_REALTIME);
        put(q, apr_psprintf(test_pool, "s%d", i), 1, 1, LLMQ_LEVEL_REALTIME);
        llmq_clock_set(now += APR_USEC_PER_SEC);
        id = queue_take_ids(q, 1);
        done += id[0] == 'l';
        queue_ack(q, id, LLMQ_ACK_COMPLETED);
        ck_assert(done == 0 || now >= QUEUE_NOW + 3 * AGEING);
    }
    /* Every second take from the bound on is theirs. */
    ck_assert_int_le(now - QUEUE_NOW, 3 * AGEING + 10 * APR_USEC_PER_SEC);
}
END_TEST

START_TEST(without_ageing_levels_stay_strict)
{
    llmq_queue_conf_t conf = conf_of(1, NULL, 0);
    llmq_queue_t *q;

    conf.ageing = 0;
    q = queue_rig_conf(&conf)->q;
    llmq_clock_set(QUEUE_NOW);
    put_many(q, "low", 10, 1, LLMQ_LEVEL_LOW);
    llmq_clock_set(QUEUE_NOW + 1000 * AGEING);
    put_many(q, "r", 10, 1, LLMQ_LEVEL_REALTIME);
    ck_assert_int_eq(served(q, 'r', 10), 10);
}
END_TEST

START_TEST(what_may_not_run_does_not_make_its_level_rise)
{
    llmq_queue_t *q = queue_of(1, NULL, 0);

    llmq_clock_set(QUEUE_NOW);
    put_many(q, "old", 10, 1, LLMQ_LEVEL_LOW);
    ck_assert_int_eq(llmq_queue_pause(q, 1, LLMQ_LEVEL_LOW, 1), APR_SUCCESS);
    llmq_clock_set(QUEUE_NOW + 10 * AGEING);
    put_many(q, "low", 10, 2, LLMQ_LEVEL_LOW);
    put_many(q, "r", 10, 1, LLMQ_LEVEL_REALTIME);
    ck_assert_int_eq(served(q, 'r', 10), 10);
    ck_assert_int_eq(llmq_queue_pause(q, 1, LLMQ_LEVEL_LOW, 0), APR_SUCCESS);
    put_many(q, "s", 10, 1, LLMQ_LEVEL_REALTIME);
    ck_assert_int_eq(served(q, 's', 10), 5);
    ck_queue(q);
}
END_TEST

TCase *case_queue_turn(void)
{
    TCase *tc = test_case("queue_turn");

    tcase_add_loop_test(tc, a_thousand_users_of_one_tenant_delay_another_by_one_turn, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_tenant_is_served_as_often_as_its_weight_says, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_tenant_at_its_running_limit_waits_for_an_end, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, running_slots_of_a_tenant_are_kept_for_it, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, concurrency_is_what_is_set_between_one_and_the_maximum, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, reserves_follow_the_concurrency, 1, LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, a_level_rises_by_one_for_each_ageing_that_its_oldest_has_waited);
    tcase_add_test(tc, between_the_ends_a_level_counts_as_those_it_has_reached);
    tcase_add_test(tc, a_flood_of_realtime_starves_no_level_beyond_the_bound);
    tcase_add_test(tc, without_ageing_levels_stay_strict);
    tcase_add_test(tc, what_may_not_run_does_not_make_its_level_rise);
    return tc;
}
