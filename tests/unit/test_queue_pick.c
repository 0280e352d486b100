/* Takes with a filter. */
#include "queue/queue_pick.h"

#include "base/clock.h"
#include "support_queue.h"

#include <apr_strings.h>

#define AGEING (60 * APR_USEC_PER_SEC)

static llmq_queue_conf_t conf_of(apr_uint32_t concurrent)
{
    llmq_queue_conf_t conf = {.max_tenants = 10, .ageing = AGEING};
    int l;

    LLMQ_EACH_LEVEL (l) {
        conf.level[l].max_size = 2000;
        conf.level[l].max_concurrent = concurrent;
    }
    return conf;
}

static llmq_queue_t *queue_of(apr_uint32_t concurrent)
{
    llmq_queue_conf_t conf = conf_of(concurrent);

    return queue_rig_conf(&conf)->q;
}

static void put(llmq_queue_t *q, const char *id, apr_uint64_t tenant, int level)
{
    llmq_entry_t e = queue_entry(id, level, tenant * 100 + (apr_uint64_t)id[1], 0);

    e.tenant = tenant;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
}

/* Each of these is one entry of that tenant: "a1 b2" is a1 of tenant 'a'. */
static void put_all(llmq_queue_t *q, const char *ids, int level)
{
    char *rest = apr_pstrdup(test_pool, ids), *state, *id;

    for (id = apr_strtok(rest, " ", &state); id; id = apr_strtok(NULL, " ", &state))
        put(q, id, (apr_uint64_t)id[0], level);
}

/* Of the tenants in this string; NULL is everything. */
static const char *take_levels(llmq_queue_t *q, const char *tenants, int max,
                               unsigned levels)
{
    apr_uint64_t hashes[LLMQ_QUEUE_FILTER_MAX];
    llmq_queue_filter_t filter = {hashes, 0, levels};
    llmq_entry_t *out = apr_pcalloc(test_pool, sizeof(*out) * (apr_size_t)max);
    const char *ids = "";
    int i, n;

    while (tenants && tenants[filter.n_tenants]) {
        hashes[filter.n_tenants] = (apr_uint64_t)tenants[filter.n_tenants];
        filter.n_tenants++;
    }
    ck_assert_int_eq(
        llmq_queue_take_from(out, &n, q, max, 7, 0, tenants ? &filter : NULL), 0);
    for (i = 0; i < n; i++)
        ids = apr_pstrcat(test_pool, ids, i ? " " : "", out[i].id, NULL);
    ck_queue(q);
    return ids;
}

static const char *take(llmq_queue_t *q, const char *tenants, int max)
{
    return take_levels(q, tenants, max, 0);
}

static int has_ready(llmq_queue_t *q, const char *tenants)
{
    apr_uint64_t hashes[LLMQ_QUEUE_FILTER_MAX];
    llmq_queue_filter_t filter = {hashes, 0, 0};

    while (tenants && tenants[filter.n_tenants]) {
        hashes[filter.n_tenants] = (apr_uint64_t)tenants[filter.n_tenants];
        filter.n_tenants++;
    }
    return llmq_queue_has_ready(q, tenants ? &filter : NULL);
}

START_TEST(a_filter_lets_only_listed_tenants_through)
{
    llmq_queue_t *q = queue_of(50);

    put_all(q, "a1 a2 b1 c1 b2 c2", _i);
    ck_assert_str_eq(take(q, "", 9), "");
    ck_assert_str_eq(take(q, "x", 9), "");
    ck_assert_str_eq(take(q, "c", 1), "c1");
    ck_assert_str_eq(take(q, "bc", 9), "b1 c2 b2");
    ck_assert_str_eq(take(q, "bc", 9), "");
    ck_assert_str_eq(take(q, NULL, 9), "a1 a2");
}
END_TEST

START_TEST(listed_tenants_take_turns_also_between_takers)
{
    llmq_queue_t *q = queue_of(50);

    put_all(q, "a1 a2 a3 a4 a5 a6 b1 b2 b3 c1 c2 c3", _i);
    ck_assert_str_eq(take(q, "ab", 1), "a1");
    ck_assert_str_eq(take(q, "ac", 1), "c1"); /* a has just been served */
    ck_assert_str_eq(take(q, "ac", 1), "a2");
    ck_assert_str_eq(take(q, NULL, 4), "b1 c2 a3 b2");
    ck_assert_str_eq(take(q, "ca", 2), "c3 a4");
    ck_assert_str_eq(take(q, "ba", 9), "b3 a5 a6");
}
END_TEST

START_TEST(weights_hold_for_a_filter_too)
{
    llmq_queue_tenant_conf_t named[] = {{'a', 3, 0, 0, 0}, {'b', 1, 0, 0, 0}};
    llmq_queue_conf_t conf = conf_of(50);
    llmq_queue_t *q;

    conf.tenants = named;
    conf.n_tenants = 2;
    q = queue_rig_conf(&conf)->q;
    put_all(q, "c1 c2 a1 a2 a3 a4 a5 a6 a7 b1 b2 b3", _i);
    ck_assert_str_eq(take(q, "ab", 8), "a1 a2 a3 b1 a4 a5 a6 b2");
}
END_TEST

START_TEST(levels_are_strict_and_can_be_left_out)
{
    llmq_queue_t *q = queue_of(50);

    put_all(q, "a1 b1", LLMQ_LEVEL_LOW);
    put_all(q, "a2 b2", LLMQ_LEVEL_NORMAL);
    put_all(q, "a3 b3", LLMQ_LEVEL_HIGH);
    put_all(q, "b4", LLMQ_LEVEL_REALTIME);
    ck_assert_str_eq(take_levels(q, "a", 9, 1U << LLMQ_LEVEL_REALTIME), "");
    ck_assert_str_eq(take_levels(q, "a", 9, 1U << LLMQ_LEVEL_LOW), "a1");
    ck_assert_str_eq(take_levels(q, "a", 9, 0), "a3 a2");
    ck_assert_str_eq(
        take_levels(q, "b", 9, 1U << LLMQ_LEVEL_HIGH | 1U << LLMQ_LEVEL_NORMAL), "b3 b2");
    ck_assert_str_eq(take_levels(q, NULL, 9, 0), "b4 b1");
}
END_TEST

/* What others have waited for does not make a level urgent for whoever cannot take it. */
START_TEST(a_level_is_as_old_as_what_the_listed_have_there)
{
    llmq_queue_t *q = queue_of(50);

    llmq_clock_set(QUEUE_NOW);
    put_all(q, "x1 x2", LLMQ_LEVEL_LOW);
    llmq_clock_set(QUEUE_NOW + 3 * AGEING);
    put_all(q, "a1 a2", LLMQ_LEVEL_LOW);
    put_all(q, "a3 a4 a5 a6", LLMQ_LEVEL_REALTIME);
    ck_assert_str_eq(take(q, "a", 1), "a3");
    ck_assert_str_eq(take(q, NULL, 1), "x1");
    ck_assert_str_eq(take(q, "a", 1), "a4");
    llmq_clock_set(QUEUE_NOW + 6 * AGEING);
    ck_assert_str_eq(take(q, "a", 4), "a1 a5 a2 a6");
}
END_TEST

START_TEST(all_bounds_on_what_runs_hold)
{
    llmq_queue_tenant_conf_t named[] = {{'a', 1, 0, 2, 0}};
    llmq_queue_conf_t conf = conf_of(3);
    llmq_queue_t *q;

    conf.tenants = named;
    conf.n_tenants = 1;
    q = queue_rig_conf(&conf)->q;
    put_all(q, "a1 a2 a3 b1 b2 b3", _i);
    ck_assert_str_eq(take(q, "a", 9), "a1 a2"); /* its own */
    ck_assert_str_eq(take(q, "ab", 9), "b1");   /* the level's */
    ck_assert_int_eq(has_ready(q, "ab"), 0);
    queue_ack(q, "b1", LLMQ_ACK_COMPLETED);
    ck_assert_int_eq(has_ready(q, "a"), 0);
    ck_assert_int_eq(has_ready(q, "b"), 1);
    ck_assert_str_eq(take(q, "a", 9), "");
    ck_assert_int_eq(llmq_queue_pause(q, 'b', _i, 1), APR_SUCCESS);
    ck_assert_str_eq(take(q, "ab", 9), "");
    ck_assert_int_eq(has_ready(q, "b"), 0);
    ck_assert_int_eq(llmq_queue_pause(q, 'b', _i, 0), APR_SUCCESS);
    ck_assert_str_eq(take(q, "ab", 9), "b2");
}
END_TEST

START_TEST(a_bound_over_all_levels_holds_for_the_queue)
{
    llmq_queue_conf_t conf = conf_of(50);
    llmq_queue_t *q;

    conf.max_running = 3;
    q = queue_rig_conf(&conf)->q;
    put_all(q, "a1 b1", LLMQ_LEVEL_LOW);
    put_all(q, "a2 b2", LLMQ_LEVEL_NORMAL);
    put_all(q, "a3 b3", LLMQ_LEVEL_HIGH);
    ck_assert_str_eq(take(q, "b", 1), "b3");
    ck_assert_str_eq(queue_take_ids(q, 9), "a3 a2");
    ck_assert_str_eq(take(q, "ab", 9), "");
    ck_assert_int_eq(has_ready(q, NULL), 0);
    queue_ack(q, "a3", LLMQ_ACK_COMPLETED);
    /* What the end of a high one makes possible is in another level. */
    ck_assert_int_eq(llmq_queue_wait(q, APR_USEC_PER_SEC * 20), APR_SUCCESS);
    ck_assert_int_eq(has_ready(q, "b"), 1);
    ck_assert_str_eq(take(q, "ab", 9), "b2");
    conf.max_running = 0;
    ck_assert_int_eq(llmq_queue_configure(q, &conf), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "a1 b1");
}
END_TEST

START_TEST(a_tenants_bound_over_all_levels_holds)
{
    llmq_queue_tenant_conf_t named[] = {{'a', 1, 0, 0, 2}};
    llmq_queue_conf_t conf = conf_of(50);
    llmq_queue_t *q;

    conf.tenants = named;
    conf.n_tenants = 1;
    q = queue_rig_conf(&conf)->q;
    put_all(q, "a1 b1", LLMQ_LEVEL_LOW);
    put_all(q, "a2 b2", LLMQ_LEVEL_NORMAL);
    put_all(q, "a3 b3", LLMQ_LEVEL_HIGH);
    ck_assert_str_eq(take(q, "ab", 9), "a3 b3 a2 b2 b1");
    put_all(q, "a4", LLMQ_LEVEL_REALTIME);
    ck_assert_str_eq(queue_take_ids(q, 9), "");
    ck_assert_int_eq(has_ready(q, "a"), 0);
    ck_assert_int_eq(llmq_queue_wait(q, 1000), APR_TIMEUP);
    ck_assert_int_eq(llmq_queue_answered(q, "a3", 0), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_wait(q, APR_USEC_PER_SEC * 20), APR_SUCCESS);
    ck_queue(q);
    ck_assert_str_eq(queue_take_ids(q, 9), "a4");
    ck_assert_int_eq(llmq_queue_requeue(q, "a2", 0, 1, 0), APR_SUCCESS);
    ck_queue(q);
    ck_assert_str_eq(take(q, "a", 9), "a2");
    named[0].max_running_total = 0;
    ck_assert_int_eq(llmq_queue_configure(q, &conf), APR_SUCCESS);
    ck_assert_str_eq(queue_take_ids(q, 9), "a1");
    ck_queue(q);
}
END_TEST

/* What makes a level old may not be taken any more: then it is not old. */
START_TEST(a_tenant_that_is_full_makes_no_level_old)
{
    llmq_queue_tenant_conf_t named[] = {{'a', 1, 0, 0, 1}};
    llmq_queue_conf_t conf = conf_of(50);
    llmq_queue_t *q;

    conf.tenants = named;
    conf.n_tenants = 1;
    q = queue_rig_conf(&conf)->q;
    llmq_clock_set(QUEUE_NOW);
    put_all(q, "a1", LLMQ_LEVEL_LOW);
    llmq_clock_set(QUEUE_NOW + 9 * AGEING);
    put_all(q, "a2", LLMQ_LEVEL_REALTIME);
    put_all(q, "b1", LLMQ_LEVEL_LOW);
    put_all(q, "b2", LLMQ_LEVEL_NORMAL);
    ck_assert_str_eq(take(q, _i ? "ab" : NULL, 9), "a2 b2 b1");
}
END_TEST

/* Slots that are kept for others stand in nobody's way to another level. */
START_TEST(a_level_full_for_the_listed_is_passed_over)
{
    llmq_queue_tenant_conf_t named[] = {{'a', 1, 0, 0, 0}, {'b', 1, 0, 0, 0}};
    llmq_queue_conf_t conf = conf_of(4);
    llmq_queue_t *q;

    conf.reserve = 50;
    conf.tenants = named;
    conf.n_tenants = 2;
    q = queue_rig_conf(&conf)->q;
    put_all(q, "a1 c1 c2 c3", LLMQ_LEVEL_HIGH);
    put_all(q, "c4", LLMQ_LEVEL_LOW);
    ck_assert_str_eq(take(q, "c", 9), "c1 c2 c4");
    ck_assert_str_eq(take(q, "ac", 9), "a1");
}
END_TEST

START_TEST(a_filter_leaves_strangers_of_the_shared_record_alone)
{
    llmq_queue_t *q = queue_rig_tenants(100, 50, 1)->q;

    put_all(q, "o1", _i); /* the only record of its own */
    put_all(q, "a1 b1 a2 b2 c1 b3", _i);
    ck_assert_str_eq(take(q, "x", 9), "");
    ck_assert_str_eq(take(q, "bo", 2), "o1 b1");
    ck_assert_str_eq(take(q, "b", 9), "b2 b3");
    ck_assert_str_eq(take(q, "b", 9), "");
    ck_assert_str_eq(take(q, "ca", 9), "a1 a2 c1");
}
END_TEST

START_TEST(too_long_a_filter_is_refused)
{
    apr_uint64_t hashes[LLMQ_QUEUE_FILTER_MAX + 1] = {0};
    llmq_queue_filter_t filter = {hashes, LLMQ_QUEUE_FILTER_MAX + 1, 0};
    llmq_queue_t *q = queue_of(5);
    llmq_entry_t e;
    int n;

    put(q, "a", 0, _i);
    ck_assert_int_eq(llmq_queue_take_from(&e, &n, q, 1, 7, 0, &filter), APR_EINVAL);
    filter.n_tenants--;
    ck_assert_int_eq(llmq_queue_take_from(&e, &n, q, 1, 7, 0, &filter), APR_SUCCESS);
    ck_assert_int_eq(n, 1);
}
END_TEST

START_TEST(due_delays_count_as_ready)
{
    llmq_queue_t *q = queue_of(5);

    llmq_clock_set(QUEUE_NOW);
    queue_put_at(q, "a", _i, QUEUE_NOW + 10);
    ck_assert_int_eq(has_ready(q, NULL), 0);
    llmq_clock_set(QUEUE_NOW + 10);
    ck_assert_int_eq(has_ready(q, NULL), 1);
    ck_assert_str_eq(take(q, NULL, 5), "a");
    ck_assert_int_eq(has_ready(q, NULL), 0);
}
END_TEST

TCase *case_queue_pick(void)
{
    TCase *tc = test_case("queue_pick");

    tcase_add_loop_test(tc, a_filter_lets_only_listed_tenants_through, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, listed_tenants_take_turns_also_between_takers, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, weights_hold_for_a_filter_too, 1, LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, levels_are_strict_and_can_be_left_out);
    tcase_add_test(tc, a_level_is_as_old_as_what_the_listed_have_there);
    tcase_add_loop_test(tc, all_bounds_on_what_runs_hold, 1, LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, a_bound_over_all_levels_holds_for_the_queue);
    tcase_add_test(tc, a_tenants_bound_over_all_levels_holds);
    tcase_add_loop_test(tc, a_tenant_that_is_full_makes_no_level_old, 0, 2);
    tcase_add_test(tc, a_level_full_for_the_listed_is_passed_over);
    tcase_add_loop_test(tc, a_filter_leaves_strangers_of_the_shared_record_alone, 1,
                        LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, too_long_a_filter_is_refused, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, due_delays_count_as_ready, 1, LLMQ_LEVEL_COUNT);
    return tc;
}
