#include "queue/queue_claim.h"

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

    ck_assert_int_eq(llmq_queue_leases_due(&due, &n, q, now, test_pool), 0);
    for (i = 0; i < n; i++)
        ids = apr_pstrcat(test_pool, ids, i ? " " : "", due[i].id, NULL);
    return ids;
}

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
        ck_assert_int_eq(llmq_queue_leases_due(&due, &n, q, i, test_pool), 0);
        ck_assert_int_eq(n, i);
    }
    for (i = 0; i < 100; i++) {
        ck_assert_int_eq(due[i].lease_until, before + 1);
        before++;
    }
}
END_TEST

TCase *case_queue_leases(void)
{
    TCase *tc = test_case("queue_leases");

    tcase_add_test(tc, a_lease_that_has_ended_is_told_until_it_is_changed);
    tcase_add_test(tc, many_leases_are_found_in_order);
    return tc;
}
