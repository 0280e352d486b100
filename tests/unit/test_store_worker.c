#include "store_support.h"

#include "store/store_worker.h"

#include <apr_strings.h>

#include <string.h>

#define T0 STORE_TEST_T0

static llmq_worker_t worker(const char *tenant, const char *id, int succeeded,
                            apr_time_t seen)
{
    llmq_worker_t w;

    memset(&w, 0, sizeof(w));
    apr_cpystrn(w.tenant, tenant, sizeof(w.tenant));
    apr_cpystrn(w.id, id, sizeof(w.id));
    w.started = T0;
    w.seen = seen;
    w.succeeded = succeeded;
    w.failed = 2;
    w.busy = 3000000;
    return w;
}

static void save(llmq_store_t *store, const llmq_worker_t *w)
{
    ck_assert_int_eq(llmq_store_worker_save(store, &w, 1, test_pool), APR_SUCCESS);
}

static llmq_worker_row_t *list(int *pn, const char *tenant, const char *node)
{
    const llmq_worker_filter_t filter = {tenant, node};
    llmq_worker_row_t *rows = NULL;

    *pn = -1;
    ck_assert_int_eq(
        llmq_store_worker_list(&rows, pn, store_test.store, &filter, test_pool),
        APR_SUCCESS);
    return rows;
}

START_TEST(what_was_saved_is_listed)
{
    const llmq_worker_filter_t all_tenants = {NULL, NULL};
    llmq_worker_t w[] = {worker("t", "b \"x\"", 7, T0 + 5), worker("t", "a", 1, T0),
                         worker("u", "a", 9, T0)};
    const llmq_worker_t *all[] = {&w[0], &w[1], &w[2]};
    llmq_worker_row_t *rows;
    int n;

    store_test_open(_i);
    ck_assert_int_eq(llmq_store_worker_save(store_test.store, all, 3, test_pool),
                     APR_SUCCESS);
    rows = list(&n, "t", NULL);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(rows[0].worker.id, "a");
    ck_assert_str_eq(rows[1].worker.id, "b \"x\"");
    ck_assert_str_eq(rows[1].worker.tenant, "t");
    ck_assert_str_eq(rows[1].node, "node_a");
    ck_assert_int_ne(rows[1].ours, 0);
    ck_assert_int_eq(rows[1].worker.started, T0);
    ck_assert_int_eq(rows[1].worker.seen, T0 + 5);
    ck_assert_int_eq(rows[1].worker.succeeded, 7);
    ck_assert_int_eq(rows[1].worker.failed, 2);
    ck_assert_int_eq(rows[1].worker.busy, 3000000);
    list(&n, NULL, NULL);
    ck_assert_int_eq(n, 3);
    /* An onlooker is no node. */
    ck_assert_int_eq(
        llmq_store_worker_list(&rows, &n, store_test_node(NULL), &all_tenants, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 3);
    ck_assert_int_eq(rows[0].ours, 0);
    store_test_close();
}
END_TEST

START_TEST(sums_are_written_whole_and_never_older_ones)
{
    llmq_worker_t w = worker("t", "a", 7, T0 + 5);
    llmq_worker_row_t *rows;
    int n;

    store_test_open(_i);
    save(store_test.store, &w);
    save(store_test.store, &w);
    w.succeeded = 8;
    save(store_test.store, &w);
    w.succeeded = 3;
    w.seen = T0 + 4;
    save(store_test.store, &w);
    rows = list(&n, "t", NULL);
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(rows[0].worker.succeeded, 8);
    ck_assert_int_eq(rows[0].worker.seen, T0 + 5);
    store_test_close();
}
END_TEST

START_TEST(nodes_have_rows_of_their_own)
{
    llmq_worker_t w = worker("t", "a", 7, T0);
    llmq_worker_t x = worker("t", "a", 70, T0);
    const llmq_worker_t *key = &w;
    llmq_worker_row_t *rows;
    int n;

    store_test_open(_i);
    save(store_test.store, &w);
    save(store_test_node("node_b"), &x);
    rows = list(&n, "t", NULL);
    ck_assert_int_eq(n, 2);
    ck_assert_int_ne(rows[0].ours, 0);
    ck_assert_int_eq(rows[1].ours, 0);
    rows = list(&n, NULL, "node_b");
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(rows[0].worker.succeeded, 70);
    ck_assert_int_eq(
        llmq_store_worker_load(&rows, &n, store_test.store, &key, 1, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(rows[0].worker.succeeded, 7);
    store_test_close();
}
END_TEST

START_TEST(only_those_asked_for_are_loaded)
{
    llmq_worker_t w[] = {worker("t", "a", 1, T0), worker("t", "b", 2, T0),
                         worker("u", "a", 3, T0)};
    const llmq_worker_t *all[] = {&w[0], &w[1], &w[2]};
    llmq_worker_t none = worker("t", "c", 0, 0);
    const llmq_worker_t *keys[] = {&w[1], &none};
    llmq_worker_row_t *rows;
    int n;

    store_test_open(_i);
    ck_assert_int_eq(llmq_store_worker_save(store_test.store, all, 3, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(
        llmq_store_worker_load(&rows, &n, store_test.store, keys, 2, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(rows[0].worker.succeeded, 2);
    store_test_close();
}
END_TEST

START_TEST(the_silent_are_removed_of_all_nodes)
{
    llmq_worker_t w[] = {worker("t", "a", 1, T0), worker("t", "b", 2, T0 + 1)};
    int n;

    store_test_open(_i);
    save(store_test.store, &w[0]);
    save(store_test_node("node_b"), &w[0]);
    save(store_test.store, &w[1]);
    ck_assert_int_eq(llmq_store_worker_prune(store_test.store, T0 + 1, test_pool),
                     APR_SUCCESS);
    list(&n, NULL, NULL);
    ck_assert_int_eq(n, 1);
    store_test_close();
}
END_TEST

static void put_task(const char *id, const char *changes)
{
    llmq_job_t *job = store_test_job(id);

    job->kind = LLMQ_KIND_TASK;
    job->type = "health_check";
    job->chain = NULL;
    store_test_insert(store_test.store, job);
    store_test_sql(
        apr_psprintf(test_pool, "UPDATE llmq_jobs SET %s WHERE id = '%s'", changes, id));
}

START_TEST(in_hand_is_what_runs_under_a_lease)
{
    llmq_worker_hand_t *hands;
    int n;

    store_test_open(_i);
    put_task("t1", "status = 1, owner = 'w', lease_until = 5, started_at = 1");
    put_task("t2", "status = 1, owner = 'w', lease_until = 5, started_at = 3");
    put_task("t3", "status = 1, owner = 'w', lease_until = 5, started_at = 2");
    put_task("t4", "status = 1, owner = 'w', lease_until = 0, started_at = 9");
    put_task("t5", "status = 0, owner = 'w', lease_until = 5, started_at = 9");
    put_task("t6", "status = 2, owner = 'w', lease_until = 5, started_at = 9");
    put_task("t7", "status = 1, owner = '', lease_until = 5, started_at = 9");
    put_task("t8", "status = 1, owner = 'v', lease_until = 5, started_at = 9");
    put_task("t9", "status = 1, owner = 'x', lease_until = 5, tenant = 'u'");
    put_task("t10", "status = 1, owner = 'w', lease_until = 5, removed_at = 1");
    ck_assert_int_eq(llmq_store_worker_hands(&hands, &n, store_test_node("node_b"),
                                             "default", test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(hands[0].worker, "v");
    ck_assert_str_eq(hands[1].worker, "w");
    ck_assert_int_eq(hands[1].count, 3);
    ck_assert_str_eq(hands[1].latest, "t2");
    store_test_close();
}
END_TEST

TCase *case_store_worker(void)
{
    TCase *tc = test_case("store_worker");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, what_was_saved_is_listed, 0, dialects);
    tcase_add_loop_test(tc, sums_are_written_whole_and_never_older_ones, 0, dialects);
    tcase_add_loop_test(tc, nodes_have_rows_of_their_own, 0, dialects);
    tcase_add_loop_test(tc, only_those_asked_for_are_loaded, 0, dialects);
    tcase_add_loop_test(tc, the_silent_are_removed_of_all_nodes, 0, dialects);
    tcase_add_loop_test(tc, in_hand_is_what_runs_under_a_lease, 0, dialects);
    return tc;
}
