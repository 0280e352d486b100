#include "queue/queue_claim.h"

#include "base/clock.h"
#include "support_queue.h"

#include <apr_strings.h>

#include <string.h>

START_TEST(take_of_an_empty_queue_gives_nothing)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_entry_t e;
    int n = 5;

    ck_assert_int_eq(llmq_queue_take(&e, &n, q, 1, 7), APR_SUCCESS);
    ck_assert_int_eq(n, 0);
}
END_TEST

START_TEST(take_serves_levels_strictly)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    queue_put(q, "low", LLMQ_LEVEL_LOW, 1, 0);
    queue_put(q, "normal", LLMQ_LEVEL_NORMAL, 1, 0);
    queue_put(q, "high", LLMQ_LEVEL_HIGH, 1, 0);
    queue_put(q, "realtime", LLMQ_LEVEL_REALTIME, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 3), "realtime high normal");
    ck_assert_str_eq(queue_take_ids(q, 3), "low");
    ck_queue(q);
}
END_TEST

START_TEST(take_keeps_order_inside_a_key)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    queue_put(q, "c", _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a b c");
}
END_TEST

START_TEST(a_level_at_its_concurrency_is_skipped)
{
    llmq_queue_t *q = queue_rig(10, 2)->q;
    int other = _i == LLMQ_LEVEL_LOW ? LLMQ_LEVEL_REALTIME : _i + 1;

    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    queue_put(q, "c", _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a b");
    queue_put(q, "other", other, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "other");
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "c");
}
END_TEST

START_TEST(taken_entries_show_owner_time_and_attempt)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_entry_t in, out;
    int n;

    llmq_clock_set(QUEUE_NOW);
    in = queue_entry("a", _i, 11, 22);
    in.attempt = 3;
    ck_assert_int_eq(llmq_queue_put(q, &in, 1, 0), APR_SUCCESS);
    llmq_clock_set(QUEUE_NOW + 5);
    ck_assert_int_eq(llmq_queue_take(&out, &n, q, 1, 4242), APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(out.id, "a");
    ck_assert_uint_eq(out.key, 11);
    ck_assert_uint_eq(out.chain, 22);
    ck_assert_int_eq(out.put_at, QUEUE_NOW);
    ck_assert_int_eq(out.taken_at, QUEUE_NOW + 5);
    ck_assert_uint_eq(out.attempt, 3);
    ck_assert_uint_eq(out.owner, 4242);
    ck_assert_uint_eq(out.level, _i);
    ck_assert_uint_eq(out.kind, LLMQ_KIND_MESSAGE);
    ck_assert_uint_eq(out.state, LLMQ_ENTRY_RUNNING);
    ck_assert_uint_eq(out.canceled, 0);
    ck_assert_int_eq(memcmp(&out, queue_found(q, "a"), sizeof(out)), 0);
}
END_TEST

START_TEST(a_level_of_no_concurrency_is_paused)
{
    queue_rig_t *rig = queue_rig(5, 5);
    llmq_queue_conf_t conf = rig->conf;

    conf.level[_i].max_concurrent = 0;
    queue_put(rig->q, "a", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_configure(rig->q, &conf), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(rig->q, 9), "");
    ck_assert_int_eq(llmq_queue_configure(rig->q, &rig->conf), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(rig->q, 9), "a");
}
END_TEST

START_TEST(an_answered_entry_frees_its_level_but_not_its_chain)
{
    llmq_queue_t *q = queue_rig(10, 1)->q;

    queue_put(q, "a", _i, 1, 5);
    queue_put(q, "next", _i, 1, 5);
    queue_put(q, "b", _i, 1, 0);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
    ck_assert_int_eq(llmq_queue_answered(q, "a", 1), APR_NOTFOUND);
    ck_assert_int_eq(llmq_queue_answered(q, "b", 0), APR_NOTFOUND);
    ck_assert_str_eq(queue_take_ids(q, 9), "");
    ck_assert_int_eq(llmq_queue_answered(q, "a", 0), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_answered(q, "a", 0), APR_SUCCESS);
    ck_queue(q);
    ck_assert_str_eq(queue_take_ids(q, 9), "b");
    ck_assert_int_eq(queue_state(q, "next"), LLMQ_ENTRY_BLOCKED);
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_queue(q);
    /* "b" still runs. */
    ck_assert_str_eq(queue_take_ids(q, 9), "");
    queue_ack(q, "b", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "next");
}
END_TEST

/* ---- one by its id ---- */

START_TEST(an_entry_can_be_taken_out_of_turn)
{
    queue_rig_t *rig = queue_rig(10, 1);
    llmq_queue_t *q = rig->q;
    llmq_entry_t e;

    queue_put(q, "a", _i, 1, 0);
    queue_put(q, "b", _i, 1, 0);
    ck_assert_int_eq(llmq_queue_pause(q, 0, _i, 1), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_take_id(&e, q, "b", 7, 55), APR_SUCCESS);
    ck_assert_str_eq(e.id, "b");
    ck_assert_uint_eq(e.owner, 7);
    ck_assert_uint_eq(e.state, LLMQ_ENTRY_RUNNING);
    ck_assert_int_eq(e.lease_until, 55);
    ck_assert_int_eq(memcmp(&e, queue_found(q, "b"), sizeof(e)), 0);
    ck_queue(q);
    ck_assert_int_eq(llmq_queue_take_id(&e, q, "b", 8, 56), LLMQ_EBUSY);
    ck_assert_int_eq(llmq_queue_take_id(&e, q, "c", 8, 56), APR_NOTFOUND);
    ck_assert_str_eq(e.id, "b");
    /* It has the level's only slot, and may be taken beyond it all the same. */
    ck_assert_int_eq(llmq_queue_pause(q, 0, _i, 0), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "");
    ck_assert_int_eq(llmq_queue_take_id(&e, q, "a", 7, 0), APR_SUCCESS);
    ck_queue(q);
    ck_assert_int_eq(llmq_queue_requeue(q, "b", 0, 1, 0), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "");
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "b");
    ck_queue(q);
}
END_TEST

START_TEST(one_that_is_delayed_can_be_taken_but_none_behind_its_chain)
{
    llmq_queue_t *q = queue_rig(10, 5)->q;
    llmq_entry_t e;

    llmq_clock_set(QUEUE_NOW);
    queue_put_at(q, "delayed", _i, QUEUE_NOW + 10);
    queue_put(q, "head", _i, 1, 5);
    queue_put(q, "behind", _i, 1, 5);
    ck_assert_int_eq(llmq_queue_take_id(&e, q, "delayed", 7, 0), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_next_due(q), -1);
    ck_assert_int_eq(llmq_queue_take_id(&e, q, "behind", 7, 0), LLMQ_ESTATE);
    ck_assert_int_eq(llmq_queue_take_id(&e, q, "head", 7, 0), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_take_id(&e, q, "behind", 7, 0), LLMQ_ESTATE);
    queue_ack(q, "head", LLMQ_ACK_COMPLETED);
    ck_assert_int_eq(llmq_queue_take_id(&e, q, "behind", 7, 0), APR_SUCCESS);
    ck_queue(q);
}
END_TEST

START_TEST(one_that_is_held_for_an_older_one_is_not_taken_yet)
{
    llmq_queue_t *q = queue_rig(10, 5)->q;
    llmq_entry_t e = queue_entry("young", _i, 1, 5);

    llmq_clock_set(QUEUE_NOW);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(q, 0, _i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, LLMQ_PUT_ADMITTED), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_take_id(&e, q, "young", 7, 0), LLMQ_ESTATE);
    llmq_clock_set(QUEUE_NOW + LLMQ_QUEUE_SETTLE);
    ck_assert_int_eq(llmq_queue_take_id(&e, q, "young", 7, 0), APR_SUCCESS);
    ck_queue(q);
}
END_TEST

/* ---- deadlines ---- */

static void put_until(llmq_queue_t *q, const char *id, int level, apr_uint64_t chain,
                      apr_time_t deadline)
{
    llmq_entry_t e = queue_entry(id, level, 1, chain);

    e.deadline = deadline;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
}

static const char *expired_ids(llmq_queue_t *q, int max)
{
    llmq_entry_t out[10];
    const char *ids = "";
    int i, n;

    ck_assert_int_eq(llmq_queue_take_expired(out, &n, q, max, 77), APR_SUCCESS);
    for (i = 0; i < n; i++)
        ids = apr_pstrcat(test_pool, ids, i ? " " : "", out[i].id, NULL);
    return ids;
}

START_TEST(what_waits_beyond_its_deadline_is_taken_as_expired)
{
    llmq_queue_t *q = queue_rig(10, 2)->q;
    llmq_entry_t e;

    llmq_clock_set(QUEUE_NOW);
    put_until(q, "taken", _i, 0, QUEUE_NOW + 10);
    ck_assert_str_eq(queue_take_ids(q, 1), "taken");
    put_until(q, "ready", _i, 0, QUEUE_NOW + 30);
    put_until(q, "head", _i, 5, 0);
    put_until(q, "blocked", _i, 5, QUEUE_NOW + 20);
    e = queue_entry("delayed", _i, 1, 0);
    e.run_at = QUEUE_NOW + 1000;
    e.deadline = QUEUE_NOW + 25;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
    put_until(q, "later", _i, 0, QUEUE_NOW + 31);
    llmq_clock_set(QUEUE_NOW + 19);
    ck_assert_str_eq(expired_ids(q, 10), "");
    llmq_clock_set(QUEUE_NOW + 30);
    ck_assert_str_eq(expired_ids(q, 1), "blocked");
    ck_assert_str_eq(expired_ids(q, 10), "delayed ready");
    ck_queue(q);
    ck_assert_int_eq(queue_state(q, "ready"), LLMQ_ENTRY_RUNNING);
    /* They hold no slot: of two, one runs. */
    ck_assert_str_eq(queue_take_ids(q, 10), "head");
    queue_ack(q, "blocked", LLMQ_ACK_TIMEOUT);
    ck_assert_int_eq(queue_state(q, "blocked"), LLMQ_ENTRY_FREE);
    ck_queue(q);
}
END_TEST

START_TEST(the_next_of_a_chain_does_not_wait_for_an_expired_head)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    put_until(q, "a", _i, 5, QUEUE_NOW + 10);
    put_until(q, "b", _i, 5, 0);
    put_until(q, "c", _i, 5, 0);
    llmq_clock_set(QUEUE_NOW + 10);
    ck_assert_str_eq(expired_ids(q, 10), "a");
    ck_assert_str_eq(queue_take_ids(q, 10), "b");
    ck_queue(q);
}
END_TEST

START_TEST(an_expired_entry_that_is_given_back_expires_again)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];

    llmq_clock_set(QUEUE_NOW);
    put_until(q, "a", _i, 0, QUEUE_NOW + 10);
    llmq_clock_set(QUEUE_NOW + 10);
    ck_assert_str_eq(expired_ids(q, 10), "a");
    ck_assert_str_eq(expired_ids(q, 10), "");
    ck_assert_int_eq(llmq_queue_requeue(q, "a", 0, 1, 0), APR_SUCCESS);
    ck_queue(q);
    ck_assert_str_eq(expired_ids(q, 10), "a");
    queue_ack(q, "a", LLMQ_ACK_TIMEOUT);
    ck_assert_int_eq(llmq_queue_stats(stats, q), APR_SUCCESS);
    ck_assert_uint_eq(stats[_i].total_failed, 0); /* the ack's fence is older */
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_RUNNING);
}
END_TEST

START_TEST(an_expired_entry_counts_as_failed_but_not_as_taken)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];

    llmq_clock_set(QUEUE_NOW);
    put_until(q, "a", _i, 0, QUEUE_NOW + 10);
    llmq_clock_set(QUEUE_NOW + 10);
    ck_assert_str_eq(expired_ids(q, 10), "a");
    llmq_clock_set(QUEUE_NOW + 1000);
    queue_ack(q, "a", LLMQ_ACK_TIMEOUT);
    ck_assert_int_eq(llmq_queue_stats(stats, q), APR_SUCCESS);
    ck_assert_uint_eq(stats[_i].total_failed, 1);
    ck_assert_uint_eq(stats[_i].total_taken, 0);
    ck_assert_int_eq(stats[_i].run_ewma, 0);
    ck_assert_uint_eq(stats[_i].running, 0);
}
END_TEST

TCase *case_queue_take(void)
{
    TCase *tc = test_case("queue_take");

    tcase_add_test(tc, take_of_an_empty_queue_gives_nothing);
    tcase_add_test(tc, take_serves_levels_strictly);
    tcase_add_loop_test(tc, take_keeps_order_inside_a_key, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_level_at_its_concurrency_is_skipped, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, taken_entries_show_owner_time_and_attempt, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, a_level_of_no_concurrency_is_paused, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, an_answered_entry_frees_its_level_but_not_its_chain, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, an_entry_can_be_taken_out_of_turn, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, one_that_is_delayed_can_be_taken_but_none_behind_its_chain, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, one_that_is_held_for_an_older_one_is_not_taken_yet, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, what_waits_beyond_its_deadline_is_taken_as_expired, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, the_next_of_a_chain_does_not_wait_for_an_expired_head, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, an_expired_entry_that_is_given_back_expires_again, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, an_expired_entry_counts_as_failed_but_not_as_taken, 1,
                        LLMQ_LEVEL_COUNT);
    return tc;
}
