#include "queue/queue_claim.h"

#include "base/clock.h"
#include "support_queue.h"

static apr_uint32_t position(llmq_queue_t *q, const char *id, const char *tenants)
{
    apr_uint64_t hashes[8];
    llmq_queue_filter_t scope = {hashes, 0, 0};

    for (; tenants[scope.n_tenants]; scope.n_tenants++)
        hashes[scope.n_tenants] = (apr_uint64_t)tenants[scope.n_tenants];
    return llmq_queue_position(q, id, &scope);
}

static void put(llmq_queue_t *q, const char *id, int level, apr_time_t run_at)
{
    llmq_entry_t e = queue_entry(id, level, 1, 0);

    e.tenant = (apr_uint64_t)id[0];
    e.run_at = run_at;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
}

START_TEST(the_position_is_that_among_the_listed_tenants)
{
    llmq_queue_t *q = queue_rig_tenants(100, 1, 10)->q;
    int other = _i == LLMQ_LEVEL_LOW ? LLMQ_LEVEL_REALTIME : _i + 1;

    put(q, "a0", other, 0);
    put(q, "a1", _i, 0);
    put(q, "b1", _i, 0);
    put(q, "a2", _i, 0);
    put(q, "c1", _i, 0);
    put(q, "b2", _i, 0);
    ck_assert_uint_eq(position(q, "a1", "abc"), 1);
    ck_assert_uint_eq(position(q, "b2", "abc"), 5);
    ck_assert_uint_eq(position(q, "b2", "b"), 2);
    ck_assert_uint_eq(position(q, "b2", "bx"), 2);
    ck_assert_uint_eq(position(q, "b2", "ca"), 4); /* behind three of others */
    ck_assert_uint_eq(position(q, "b2", ""), 1);
    ck_assert_uint_eq(position(q, "a0", "abc"), 1);
    ck_assert_uint_eq(llmq_queue_position(q, "b2", NULL), 5);
    ck_assert_int_eq(llmq_queue_cancel(q, "b1"), APR_SUCCESS);
    ck_assert_uint_eq(position(q, "b2", "abc"), 4);
    ck_queue(q);
}
END_TEST

START_TEST(what_is_not_ready_has_no_position)
{
    llmq_queue_t *q = queue_rig_tenants(100, 1, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    put(q, "a1", _i, QUEUE_NOW + 10);
    put(q, "a2", _i, 0);
    put(q, "a3", _i, 0);
    ck_assert_uint_eq(position(q, "a1", "a"), 0);
    ck_assert_uint_eq(position(q, "nobody", "a"), 0);
    llmq_clock_set(QUEUE_NOW + 10);
    ck_assert_str_eq(queue_take_ids(q, 1), "a2");
    ck_assert_uint_eq(position(q, "a2", "a"), 0);
    /* It became ready when it was due. */
    ck_assert_uint_eq(position(q, "a3", "a"), 1);
    ck_assert_uint_eq(position(q, "a1", "a"), 2);
}
END_TEST

START_TEST(tenants_of_one_record_are_counted_once)
{
    llmq_queue_t *q = queue_rig_tenants(100, 1, 1)->q;

    put(q, "o1", _i, 0);
    put(q, "a1", _i, 0);
    put(q, "b1", _i, 0);
    put(q, "b2", _i, 0);
    ck_assert_uint_eq(position(q, "b2", "ab"), 3);
    ck_assert_uint_eq(position(q, "b2", "oab"), 4);
}
END_TEST

TCase *case_queue_position(void)
{
    TCase *tc = test_case("queue_position");

    tcase_add_loop_test(tc, the_position_is_that_among_the_listed_tenants, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, what_is_not_ready_has_no_position, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, tenants_of_one_record_are_counted_once, 1, LLMQ_LEVEL_COUNT);
    return tc;
}
