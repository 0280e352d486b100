#include "queue/queue_lease.h"

#include "base/clock.h"
#include "support_queue.h"

#include <apr_strings.h>

#define MINUTE apr_time_from_sec(60)

static const llmq_queue_filter_t everything = {(const apr_uint64_t[]){0}, 1, 0};

static void take_leased(llmq_queue_t *q, const char *id, apr_time_t until)
{
    llmq_entry_t e;
    int n;

    queue_put(q, id, LLMQ_LEVEL_NORMAL, 1, 0);
    ck_assert_int_eq(llmq_queue_take_from(&e, &n, q, 1, 7, until, &everything), 0);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(e.id, id);
    ck_assert_int_eq(e.lease_until, until);
}

static const char *due_ids(llmq_queue_t *q, apr_time_t now)
{
    llmq_entry_t *due = NULL;
    const char *ids = "";
    int i, n;

    ck_assert_int_eq(llmq_queue_lease_due(&due, &n, q, now, test_pool), 0);
    for (i = 0; i < n; i++)
        ids = apr_pstrcat(test_pool, ids, i ? " " : "", due[i].id, NULL);
    return ids;
}

START_TEST(a_lease_raises_the_fence_of_what_runs)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    take_leased(q, "a", 5);
    queue_put(q, "waits", LLMQ_LEVEL_LOW, 1, 0);
    ck_assert_int_eq(llmq_queue_lease(q, "a", 0, 3, 8), APR_SUCCESS);
    ck_assert_uint_eq(queue_found(q, "a")->attempt, 3);
    ck_assert_int_eq(queue_found(q, "a")->lease_until, 8);
    ck_assert_int_eq(llmq_queue_lease(q, "a", 0, 3, 9), APR_NOTFOUND);
    ck_assert_int_eq(llmq_queue_lease(q, "waits", 0, 0, 9), APR_NOTFOUND);
    ck_assert_int_eq(llmq_queue_lease(q, "nobody", 0, 0, 9), APR_NOTFOUND);
    ck_assert_int_eq(queue_found(q, "a")->lease_until, 8);
    ck_queue(q);
}
END_TEST

START_TEST(several_leases_are_told_under_one_lock)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_queue_lease_t leases[] = {{"a", 0, 1, 50}, {"gone", 0, 1, 60}, {"b", 0, 2, 0}};

    take_leased(q, "a", 5);
    take_leased(q, "b", 6);
    ck_assert_int_eq(llmq_queue_lease_all(q, leases, 3), APR_NOTFOUND);
    ck_assert_int_eq(queue_found(q, "a")->lease_until, 50);
    ck_assert_int_eq(queue_found(q, "b")->lease_until, 0);
    ck_assert_uint_eq(queue_found(q, "b")->attempt, 2);
    leases[1].id = "a";
    leases[1].attempt = 1;
    ck_assert_int_eq(llmq_queue_lease_all(q, &leases[1], 1), APR_SUCCESS);
    ck_queue(q);
}
END_TEST

/* However it ends, the lease ends with it. */
START_TEST(what_runs_no_more_has_no_lease)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    take_leased(q, "back", 5);
    take_leased(q, "done", 6);
    take_leased(q, "canceled", 7);
    take_leased(q, "answered", 8);
    ck_assert_int_eq(llmq_queue_requeue(q, "back", 0, 1, 0), APR_SUCCESS);
    ck_assert_int_eq(queue_found(q, "back")->lease_until, 0);
    queue_ack(q, "done", LLMQ_ACK_COMPLETED);
    ck_queue(q);
    ck_assert_int_eq(llmq_queue_cancel(q, "canceled"), LLMQ_EBUSY);
    ck_assert_int_eq(llmq_queue_answered(q, "answered", 0), APR_SUCCESS);
    ck_assert_str_eq(due_ids(q, 100), "canceled answered");
    ck_assert_int_eq(llmq_queue_requeue(q, "canceled", 0, 1, 0), APR_NOTFOUND);
    queue_ack(q, "answered", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(due_ids(q, 100), "");
    ck_assert_int_eq(llmq_queue_next_lease(q), -1);
    ck_queue(q);
}
END_TEST

START_TEST(a_walk_brings_leased_entries_back_as_running)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_entry_t e[2] = {queue_entry("leased", LLMQ_LEVEL_HIGH, 1, 5),
                         queue_entry("behind", LLMQ_LEVEL_HIGH, 1, 5)};

    e[0].lease_until = 77;
    e[0].taken_at = 33;
    e[0].attempt = 2;
    ck_assert_int_eq(llmq_queue_put(q, e, 2, LLMQ_PUT_WALK), APR_SUCCESS);
    ck_assert_int_eq(queue_state(q, "leased"), LLMQ_ENTRY_RUNNING);
    ck_assert_int_eq(queue_found(q, "leased")->lease_until, 77);
    ck_assert_int_eq(queue_found(q, "leased")->taken_at, 33);
    ck_assert_int_eq(queue_state(q, "behind"), LLMQ_ENTRY_BLOCKED);
    ck_queue(q);
    /* It ended while a second walk was under way: it does not come back as a ghost. */
    llmq_queue_rebuild_begin(q);
    {
        llmq_queue_ack_t ack = {"leased", 2, LLMQ_ACK_COMPLETED};

        ck_assert_int_eq(llmq_queue_ack(q, &ack, 1), APR_SUCCESS);
    }
    ck_assert_int_eq(llmq_queue_put(q, e, 1, LLMQ_PUT_WALK), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_put(q, e, 1, LLMQ_PUT_WALK | LLMQ_PUT_RUNNING), 0);
    ck_assert_int_eq(queue_state(q, "leased"), LLMQ_ENTRY_FREE);
    ck_assert_int_eq(queue_state(q, "behind"), LLMQ_ENTRY_READY);
    ck_queue(q);
}
END_TEST

START_TEST(a_lease_that_has_ended_is_told_until_it_is_changed)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;

    llmq_clock_set(QUEUE_NOW);
    ck_assert_int_eq(llmq_queue_next_lease(q), -1);
    take_leased(q, "late", QUEUE_NOW + 3 * MINUTE);
    take_leased(q, "soon", QUEUE_NOW + MINUTE);
    take_leased(q, "next", QUEUE_NOW + 2 * MINUTE);
    ck_queue(q);
    ck_assert_int_eq(llmq_queue_next_lease(q), MINUTE);
    ck_assert_str_eq(due_ids(q, QUEUE_NOW + MINUTE - 1), "");
    ck_assert_str_eq(due_ids(q, QUEUE_NOW + MINUTE), "soon");
    ck_assert_str_eq(due_ids(q, QUEUE_NOW + 2 * MINUTE), "soon next");
    llmq_clock_set(QUEUE_NOW + MINUTE);
    ck_assert_int_eq(llmq_queue_next_lease(q), 0);
    ck_assert_int_eq(llmq_queue_lease(q, "soon", 0, 0, QUEUE_NOW + 9 * MINUTE), 0);
    ck_queue(q);
    ck_assert_int_eq(llmq_queue_next_lease(q), MINUTE);
    ck_assert_str_eq(due_ids(q, QUEUE_NOW + 3 * MINUTE), "next late");
}
END_TEST

START_TEST(many_leases_are_found_in_order)
{
    llmq_queue_t *q = queue_rig(200, 200)->q;
    llmq_entry_t *due = NULL;
    int i, n, before = 0;

    for (i = 0; i < 100; i++)
        take_leased(q, apr_psprintf(test_pool, "m%d", i), 1 + i * 37 % 100);
    for (i = 0; i <= 100; i++) {
        ck_assert_int_eq(llmq_queue_lease_due(&due, &n, q, i, test_pool), 0);
        ck_assert_int_eq(n, i);
    }
    for (i = 0; i < 100; i++) {
        ck_assert_int_eq(due[i].lease_until, before + 1);
        before++;
    }
}
END_TEST

TCase *case_queue_lease(void)
{
    TCase *tc = test_case("queue_lease");

    tcase_add_test(tc, a_lease_raises_the_fence_of_what_runs);
    tcase_add_test(tc, several_leases_are_told_under_one_lock);
    tcase_add_test(tc, what_runs_no_more_has_no_lease);
    tcase_add_test(tc, a_lease_that_has_ended_is_told_until_it_is_changed);
    tcase_add_test(tc, many_leases_are_found_in_order);
    tcase_add_test(tc, a_walk_brings_leased_entries_back_as_running);
    return tc;
}
