#include "queue/queue_gate.h"

#include "queue/queue_claim.h"
#include "support_queue.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

enum { A = 100, B = 200, C = 300 };

static void put(llmq_queue_t *q, const char *id, int level, apr_uint64_t key,
                apr_uint64_t gate)
{
    llmq_entry_t e = queue_entry(id, level, key, 0);

    e.gate = gate;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
}

/* Takes with room for so many plain ones, and of the gates A and B; others are not named. */
static const char *take(llmq_queue_t *q, int max, int plain, int a, int b)
{
    llmq_queue_room_t gates[] = {{A, a}, {B, b}};
    llmq_queue_rooms_t rooms = {gates, 2, plain};
    llmq_entry_t out[64];
    const char *ids = "";
    int n = 0;
    int i;

    ck_assert_int_eq(llmq_queue_take_gated(out, &n, q, max, 77, &rooms), APR_SUCCESS);
    for (i = 0; i < n; i++)
        ids = apr_pstrcat(test_pool, ids, *ids ? " " : "", out[i].id, NULL);
    ck_assert_pstr_eq(queue_check(q), NULL);
    return ids;
}

START_TEST(what_is_behind_a_closed_gate_is_passed_over)
{
    llmq_queue_t *q = queue_rig(100, 100)->q;

    put(q, "a1", LLMQ_LEVEL_REALTIME, 1, A);
    put(q, "b1", LLMQ_LEVEL_LOW, 2, B);
    put(q, "p1", LLMQ_LEVEL_NORMAL, 3, 0);
    put(q, "a2", LLMQ_LEVEL_LOW, 4, A);
    ck_assert_str_eq(take(q, 8, 8, 0, 8), "p1 b1");
    ck_assert_str_eq(take(q, 8, 8, 0, 8), "");
    ck_assert_str_eq(take(q, 8, 8, 8, 0), "a1 a2");
    ck_assert(llmq_queue_has_gates(q)); /* what runs has its key still */
}
END_TEST

START_TEST(room_is_counted_during_a_take)
{
    llmq_queue_t *q = queue_rig(100, 100)->q;

    put(q, "a1", LLMQ_LEVEL_NORMAL, 1, A);
    put(q, "a2", LLMQ_LEVEL_NORMAL, 1, A);
    put(q, "a3", LLMQ_LEVEL_NORMAL, 2, A);
    put(q, "a4", LLMQ_LEVEL_LOW, 2, A);
    put(q, "b1", LLMQ_LEVEL_LOW, 3, B);
    ck_assert_str_eq(take(q, 8, 8, 2, 1), "a1 a3 b1");
    ck_assert_str_eq(take(q, 8, 8, 0, 1), "");
    ck_assert_str_eq(take(q, 8, 8, 1, 1), "a2");
    ck_assert_str_eq(take(q, 8, 8, 1, 1), "a4");
}
END_TEST

START_TEST(without_room_for_plain_ones_only_gated_ones_are_taken)
{
    llmq_queue_t *q = queue_rig(100, 100)->q;

    put(q, "p1", LLMQ_LEVEL_REALTIME, 1, 0);
    put(q, "p2", LLMQ_LEVEL_REALTIME, 2, 0);
    put(q, "a1", LLMQ_LEVEL_LOW, 3, A);
    put(q, "b1", LLMQ_LEVEL_HIGH, 3, B);
    ck_assert_str_eq(take(q, 8, 0, 1, 1), "b1 a1");
    put(q, "a2", LLMQ_LEVEL_LOW, 3, A);
    ck_assert_str_eq(take(q, 8, 1, 1, 1), "p1 a2");
    ck_assert_str_eq(take(q, 8, 0, 1, 1), "");
    ck_assert_str_eq(take(q, 8, 1, 1, 1), "p2");
}
END_TEST

START_TEST(a_gate_that_is_not_named_is_open)
{
    llmq_queue_t *q = queue_rig(100, 100)->q;

    put(q, "c1", LLMQ_LEVEL_NORMAL, 1, C);
    ck_assert_str_eq(take(q, 8, 8, 0, 0), "c1");
    put(q, "a1", LLMQ_LEVEL_NORMAL, 1, A);
    ck_assert_str_eq(queue_take_ids(q, 8), "a1");
}
END_TEST

START_TEST(workers_never_get_what_has_a_gate)
{
    llmq_queue_t *q = queue_rig(100, 100)->q;
    llmq_entry_t e = queue_entry("x", LLMQ_LEVEL_NORMAL, 1, 0);
    llmq_queue_filter_t filter = {&e.tenant, 1, 0};
    llmq_entry_t out[8];
    int n = -1;

    put(q, "a1", LLMQ_LEVEL_REALTIME, 1, A);
    ck_assert_int_eq(llmq_queue_has_ready(q, &filter), 0);
    ck_assert_int_eq(llmq_queue_has_ready(q, NULL), 1);
    llmq_queue_take_from(out, &n, q, 8, 77, 0, &filter);
    ck_assert_int_eq(n, 0);
    put(q, "p1", LLMQ_LEVEL_LOW, 2, 0);
    ck_assert_int_eq(llmq_queue_has_ready(q, &filter), 1);
    llmq_queue_take_from(out, &n, q, 8, 77, 0, &filter);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(out[0].id, "p1");
    ck_assert_pstr_eq(queue_check(q), NULL);
}
END_TEST

START_TEST(gated_and_plain_keys_of_a_lane_take_turns)
{
    llmq_queue_t *q = queue_rig(100, 100)->q;
    int i;

    for (i = 0; i < 3; i++) {
        put(q, apr_psprintf(test_pool, "p%d", i), LLMQ_LEVEL_NORMAL,
            (apr_uint64_t)(1 + i), 0);
        put(q, apr_psprintf(test_pool, "a%d", i), LLMQ_LEVEL_NORMAL, 9, A);
    }
    ck_assert_str_eq(take(q, 64, 64, 64, 64), "a0 p0 a1 p1 a2 p2");
}
END_TEST

START_TEST(an_ungated_turn_may_stay_away)
{
    llmq_queue_t *q = queue_rig(100, 1)->q;

    put(q, "a1", LLMQ_LEVEL_NORMAL, 1, A);
    put(q, "a2", LLMQ_LEVEL_NORMAL, 1, A);
    ck_assert_str_eq(take(q, 8, 8, 8, 8), "a1"); /* the level's bound */
    queue_ack(q, "a1", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(take(q, 8, 8, 0, 8), "");
    ck_assert_int_eq(llmq_queue_cancel(q, "a2"), APR_SUCCESS); /* behind a closed gate */
    ck_assert_pstr_eq(queue_check(q), NULL);
    ck_assert(!llmq_queue_has_gates(q));
}
END_TEST

START_TEST(more_gates_than_records_are_open)
{
    llmq_queue_t *q = queue_rig(1000, 1000)->q;
    llmq_queue_room_t gates[] = {{LLMQ_QUEUE_GATES + 50, 0}};
    llmq_queue_rooms_t rooms = {gates, 1, 1};
    llmq_entry_t *out = apr_pcalloc(test_pool, sizeof(*out) * 1000);
    apr_uint64_t i;
    int n = 0;

    for (i = 1; i <= LLMQ_QUEUE_GATES + 50; i++)
        put(q, apr_psprintf(test_pool, "m%d", (int)i), LLMQ_LEVEL_NORMAL, i, i + 1);
    ck_assert_pstr_eq(queue_check(q), NULL);
    llmq_queue_take_gated(out, &n, q, 1000, 77, &rooms);
    ck_assert_int_eq(n, LLMQ_QUEUE_GATES + 50);
    for (i = 1; i <= LLMQ_QUEUE_GATES + 50; i++)
        queue_ack(q, apr_psprintf(test_pool, "m%d", (int)i), LLMQ_ACK_COMPLETED);
    ck_assert_pstr_eq(queue_check(q), NULL);
    put(q, "again", LLMQ_LEVEL_NORMAL, 1, A); /* in a record that was used before */
    ck_assert_str_eq(take(q, 8, 8, 0, 0), "");
    ck_assert_str_eq(take(q, 8, 8, 1, 0), "again");
}
END_TEST

/* Whatever happens in whatever order, every list stays whole. */
START_TEST(lists_stay_whole)
{
    llmq_queue_t *q = queue_rig(400, 20)->q;
    char running[64][LLMQ_ID_MAX + 1];
    int n_running = 0;
    int step;

    srand((unsigned)_i + 1);
    for (step = 0; step < 400; step++) {
        int what = rand() % 10;
        llmq_queue_room_t gates[] = {{A, rand() % 4}, {B, rand() % 4}};
        llmq_queue_rooms_t rooms = {gates, 2, rand() % 4};

        if (what < 4) {
            put(q, apr_psprintf(test_pool, "m%d", step), 1 + rand() % 4,
                (apr_uint64_t)(rand() % 5 + 1) * 1000 + (apr_uint64_t)(step % 4),
                (apr_uint64_t)(step % 4) * 100);
        }
        else if (what < 8 && n_running < 56) {
            llmq_entry_t out[8];
            int n = 0;
            int i;

            llmq_queue_take_gated(out, &n, q, 8, 77, &rooms);
            for (i = 0; i < n; i++)
                apr_cpystrn(running[n_running++], out[i].id, LLMQ_ID_MAX + 1);
        }
        else if (n_running > 0) {
            n_running--;
            if (step % 3)
                queue_ack(q, running[n_running], LLMQ_ACK_COMPLETED);
            else
                llmq_queue_requeue(q, running[n_running], 0, 0, 0);
        }
        ck_assert_pstr_eq(queue_check(q), NULL);
    }
}
END_TEST

TCase *case_queue_gate(void)
{
    TCase *tc = test_case("queue_gate");

    tcase_add_test(tc, what_is_behind_a_closed_gate_is_passed_over);
    tcase_add_test(tc, room_is_counted_during_a_take);
    tcase_add_test(tc, without_room_for_plain_ones_only_gated_ones_are_taken);
    tcase_add_test(tc, a_gate_that_is_not_named_is_open);
    tcase_add_test(tc, workers_never_get_what_has_a_gate);
    tcase_add_test(tc, gated_and_plain_keys_of_a_lane_take_turns);
    tcase_add_test(tc, an_ungated_turn_may_stay_away);
    tcase_add_test(tc, more_gates_than_records_are_open);
    tcase_add_loop_test(tc, lists_stay_whole, 0, 5);
    return tc;
}
