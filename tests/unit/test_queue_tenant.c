#include "queue/queue_tenant.h"

#include "base/clock.h"
#include "queue/queue_room.h"
#include "support_queue.h"

#include <apr_strings.h>

#include <sys/wait.h>
#include <unistd.h>

#define A 101
#define B 202
#define C 303

static void put_of(llmq_queue_t *q, const char *id, apr_uint64_t tenant, int level)
{
    llmq_entry_t e = queue_entry(id, level, tenant, 0);

    e.tenant = tenant;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
}

static int admit_all(llmq_queue_t *q, apr_uint64_t tenant, int level)
{
    int n = 0;

    while (llmq_queue_admit(q, tenant, (llmq_level_e)level) == APR_SUCCESS)
        n++;
    return n;
}

static queue_rig_t *rig_of(apr_uint32_t size, apr_uint32_t concurrent,
                           apr_uint32_t reserve, const llmq_queue_tenant_conf_t *tenants,
                           int n)
{
    llmq_queue_conf_t conf = {.reserve = reserve, .max_tenants = 5};
    int l;

    LLMQ_EACH_LEVEL (l) {
        conf.level[l].max_size = size;
        conf.level[l].max_concurrent = concurrent;
    }
    conf.tenants = tenants;
    conf.n_tenants = n;
    return queue_rig_conf(&conf);
}

/* ---- the table ---- */

START_TEST(tenants_have_records_until_the_table_is_full_then_they_share_one)
{
    llmq_queue_t *q = queue_rig_tenants(10, 10, 3)->q;
    apr_uint64_t hash;

    ck_assert_uint_eq(llmq_queue_tenant_find(q, 1000), 0);
    for (hash = 1000; hash < 1003; hash++) {
        apr_uint32_t t = llmq_queue_tenant_get(q, hash);

        ck_assert_uint_eq(t, hash - 1000 + 2);
        ck_assert_uint_eq(llmq_queue_tenant_get(q, hash), t);
    }
    for (hash = 1003; hash < 1300; hash++)
        ck_assert_uint_eq(llmq_queue_tenant_get(q, hash), LLMQ_QUEUE_TENANT_SHARED);
    ck_assert_uint_eq(llmq_queue_tenant_find(q, 1000), 2);
    ck_assert_uint_eq(llmq_queue_tenant_find(q, 0), LLMQ_QUEUE_TENANT_SHARED);
    ck_queue(q);
}
END_TEST

#define CHILDREN 4

START_TEST(processes_that_meet_a_tenant_at_once_get_the_same_record)
{
    queue_rig_t *rig = queue_rig_tenants(100000, 10, 200);
    int i, status;

    for (i = 0; i < CHILDREN; i++) {
        apr_uint64_t hash;

        if (fork() != 0)
            continue;
        queue_rig_child(rig);
        for (hash = 1; hash <= 200; hash++)
            if (llmq_queue_admit(rig->q, hash * 7919, 1) != APR_SUCCESS)
                _exit(1);
        _exit(0);
    }
    for (i = 0; i < CHILDREN; i++) {
        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_uint_eq(atomic_load(&rig->q->header->tenants), 201);
    for (i = 2; i <= 201; i++)
        ck_assert_uint_eq(llmq_queue_room_used(lane_at(rig->q, (apr_uint32_t)i, 1)),
                          CHILDREN);
}
END_TEST

START_TEST(records_outlive_a_reset_and_a_graceful_restart)
{
    queue_rig_t *rig = queue_rig_tenants(10, 10, 3);
    llmq_queue_t *q = rig->q;

    put_of(q, "a", A, 1);
    ck_assert_int_eq(llmq_queue_pause(q, A, 2, 1), APR_SUCCESS);
    llmq_queue_set_flags(q, A, LLMQ_TENANT_MAINTENANCE);
    ck_assert_int_eq(llmq_queue_configure(q, &rig->conf), APR_SUCCESS);
    atomic_store(&q->header->damaged, 1);
    ck_assert_int_eq(llmq_queue_reset(q), APR_SUCCESS);
    ck_assert_int_ne(llmq_queue_is_paused(q, A, 2), 0);
    ck_assert_int_eq(llmq_queue_is_paused(q, A, 1), 0);
    ck_assert_uint_eq(llmq_queue_flags(q, A), LLMQ_TENANT_MAINTENANCE);
    ck_assert_uint_eq(llmq_queue_flags(q, B), 0);
    ck_queue(q);
}
END_TEST

START_TEST(more_tenants_than_the_segment_has_records_for_need_another_segment)
{
    queue_rig_t *rig = queue_rig_tenants(10, 10, 3);
    llmq_queue_conf_t conf = rig->conf;

    conf.max_tenants = 4;
    ck_assert_int_eq(llmq_queue_configure(rig->q, &conf), LLMQ_EFULL);
    conf.max_tenants = 2;
    ck_assert_int_eq(llmq_queue_configure(rig->q, &conf), APR_SUCCESS);
}
END_TEST

/* ---- places ---- */

START_TEST(each_named_tenant_has_places_of_its_own_and_the_rest_is_shared)
{
    static const llmq_queue_tenant_conf_t ab[] = {{A, 1, 0, 0, 0}, {B, 1, 0, 0, 0}};
    llmq_queue_t *q = rig_of(10, 10, 50, ab, 2)->q;

    /* 10 places: 2 for A, 2 for B (5 do not divide by 2), 6 for all. */
    ck_assert_int_eq(admit_all(q, A, _i), 8);
    ck_assert_int_eq(admit_all(q, C, _i), 0);
    ck_assert_int_eq(admit_all(q, B, _i), 2);
    llmq_queue_dismiss(q, A, _i);
    ck_assert_int_eq(admit_all(q, C, _i), 1);
    ck_queue(q);
    /* B gives back one of its own: nobody else can have it. */
    llmq_queue_dismiss(q, B, _i);
    ck_assert_int_eq(admit_all(q, A, _i) + admit_all(q, C, _i), 0);
    ck_assert_int_eq(admit_all(q, B, _i), 1);
    ck_queue(q);
}
END_TEST

START_TEST(one_named_tenant_can_fill_the_level)
{
    static const llmq_queue_tenant_conf_t a[] = {{A, 1, 0, 0, 0}};
    llmq_queue_t *q = rig_of(10, 10, 50, a, 1)->q;

    ck_assert_int_eq(admit_all(q, A, _i), 10);
    ck_assert_int_eq(admit_all(q, C, _i), 0);
}
END_TEST

START_TEST(a_tenants_own_limit_holds_beside_the_levels)
{
    static const llmq_queue_tenant_conf_t ab[] = {{A, 1, 3, 0, 0}, {B, 1, 0, 0, 0}};
    llmq_queue_t *q = rig_of(10, 10, 50, ab, 2)->q;

    ck_assert_int_eq(admit_all(q, A, _i), 3);
    ck_assert_int_eq(admit_all(q, B, _i), 7);
}
END_TEST

START_TEST(limits_that_change_are_counted_anew)
{
    static const llmq_queue_tenant_conf_t ab[] = {{A, 1, 0, 0, 0}, {B, 1, 0, 0, 0}};
    queue_rig_t *rig = rig_of(10, 10, 0, ab, 2);
    llmq_queue_conf_t conf = rig->conf;

    ck_assert_int_eq(admit_all(rig->q, A, _i), 10);
    conf.reserve = 50;
    ck_assert_int_eq(llmq_queue_configure(rig->q, &conf), APR_SUCCESS);
    ck_queue(rig->q);
    /* What was reserved while A had it all is B's at once, beyond the sum. */
    ck_assert_int_eq(admit_all(rig->q, B, _i), 2);
    llmq_queue_dismiss(rig->q, A, _i);
    llmq_queue_dismiss(rig->q, A, _i);
    ck_assert_int_eq(admit_all(rig->q, A, _i), 0);
    llmq_queue_dismiss(rig->q, A, _i);
    ck_assert_int_eq(admit_all(rig->q, A, _i), 1);
    conf.reserve = 0;
    ck_assert_int_eq(llmq_queue_configure(rig->q, &conf), APR_SUCCESS);
    ck_queue(rig->q);
    ck_assert_int_eq(admit_all(rig->q, A, _i), 0);
}
END_TEST

#define ROUNDS 20000

START_TEST(reserves_hold_and_nothing_leaks_between_processes)
{
    static const llmq_queue_tenant_conf_t ab[] = {{A, 1, 0, 0, 0}, {B, 1, 0, 0, 0}};
    llmq_queue_t *q = rig_of(10, 1, 40, ab, 2)->q;
    int i, k, n, status;

    for (i = 0; i < CHILDREN; i++) {
        apr_uint64_t who = i % 2 ? A : i ? C : B;

        if (fork() != 0)
            continue;
        for (k = 0; k < ROUNDS; k++) {
            int given = 0;

            for (n = 0; n < 3; n++)
                given += llmq_queue_admit(q, who, 3) == APR_SUCCESS;
            /* B is alone and has two of its own. */
            if (who == B && given < 2)
                _exit(1);
            while (given--)
                llmq_queue_dismiss(q, who, 3);
        }
        _exit(0);
    }
    for (i = 0; i < CHILDREN; i++) {
        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    ck_queue(q);
    ck_assert_int_eq(admit_all(q, C, 3), 6);
}
END_TEST

/* ---- what an operator sets, what is counted ---- */

START_TEST(a_paused_level_of_a_tenant_is_not_taken_until_it_is_resumed)
{
    llmq_queue_t *q = queue_rig_tenants(10, 10, 3)->q;

    put_of(q, "a", A, _i);
    put_of(q, "b", B, _i);
    ck_assert_int_eq(llmq_queue_pause(q, A, _i, 1), APR_SUCCESS);
    put_of(q, "a2", A, _i);
    ck_assert_str_eq(queue_take_ids(q, 9), "b");
    ck_queue(q);
    ck_assert_int_eq(llmq_queue_cancel(q, "a"), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_pause(q, A, _i, 0), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "a2");
    ck_assert_int_eq(llmq_queue_pause(q, A, 0, 1), APR_EINVAL);
    ck_assert_int_eq(llmq_queue_pause(q, A, LLMQ_LEVEL_COUNT, 1), APR_EINVAL);
    ck_assert_int_eq(llmq_queue_is_paused(q, A, LLMQ_LEVEL_COUNT), 0);
}
END_TEST

START_TEST(a_tenants_figures_are_its_own)
{
    llmq_queue_t *q = queue_rig_tenants(10, 7, 3)->q;
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    llmq_queue_totals_t totals = {30, 40};

    llmq_clock_set(QUEUE_NOW);
    ck_assert_int_eq(llmq_queue_set_totals(q, B, _i, &totals), APR_SUCCESS);
    put_of(q, "a", A, _i);
    put_of(q, "b", B, _i);
    put_of(q, "b2", B, _i);
    ck_assert_str_eq(queue_take_ids(q, 2), "a b");
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    queue_ack(q, "b", LLMQ_ACK_FAILED);
    ck_assert_int_eq(llmq_queue_count(q, A, _i, LLMQ_ACK_FAILED), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_tenant_stats(stats, q, A), APR_SUCCESS);
    ck_assert_uint_eq(stats[_i].total_completed, 1);
    ck_assert_uint_eq(stats[_i].total_failed, 1);
    ck_assert_uint_eq(stats[0].total_put, 1);
    ck_assert_uint_eq(stats[0].ready, 0);
    ck_assert_uint_eq(stats[_i].max_size, 10);
    ck_assert_uint_eq(stats[_i].max_concurrent, 7);
    ck_assert_int_eq(llmq_queue_tenant_stats(stats, q, B), APR_SUCCESS);
    ck_assert_uint_eq(stats[_i].total_completed, 30);
    ck_assert_uint_eq(stats[_i].total_failed, 41);
    ck_assert_uint_eq(stats[_i].ready, 1);
    ck_assert_int_eq(llmq_queue_tenant_stats(stats, q, C), APR_SUCCESS);
    ck_assert_uint_eq(stats[0].total_put, 0);
    ck_assert_int_eq(llmq_queue_stats(stats, q), APR_SUCCESS);
    ck_assert_uint_eq(stats[_i].total_completed, 31);
    ck_assert_uint_eq(stats[_i].total_failed, 42);
    ck_assert_uint_eq(stats[_i].ready, 1);
}
END_TEST

TCase *case_queue_tenant(void)
{
    TCase *tc = test_case("queue_tenant");

    tcase_add_test(tc, tenants_have_records_until_the_table_is_full_then_they_share_one);
    tcase_add_test(tc, processes_that_meet_a_tenant_at_once_get_the_same_record);
    tcase_add_test(tc, records_outlive_a_reset_and_a_graceful_restart);
    tcase_add_test(tc,
                   more_tenants_than_the_segment_has_records_for_need_another_segment);
    tcase_add_loop_test(tc,
                        each_named_tenant_has_places_of_its_own_and_the_rest_is_shared, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, one_named_tenant_can_fill_the_level, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_tenants_own_limit_holds_beside_the_levels, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, limits_that_change_are_counted_anew, 1, LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, reserves_hold_and_nothing_leaks_between_processes);
    tcase_add_loop_test(tc, a_paused_level_of_a_tenant_is_not_taken_until_it_is_resumed,
                        1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_tenants_figures_are_its_own, 1, LLMQ_LEVEL_COUNT);
    return tc;
}
