#include "store_support.h"

#include <apr_strings.h>

#include <string.h>

#define T0    STORE_TEST_T0
#define COUNT 24

/* Job i: two conversations, three users, all levels and states, pairs of equal times. */
static void fill(void)
{
    llmq_store_t *store = store_test.store;
    int i;

    for (i = 0; i < COUNT; i++) {
        llmq_job_t *job = store_test_job(apr_psprintf(test_pool, "msg_%02d", i));

        job->chain = i % 2 ? "conv_odd" : "conv_even";
        job->user = apr_psprintf(test_pool, "user_%d", i % 3);
        job->level = 1 + i % 4;
        job->created_at = T0 + i / 2;
        store_test_insert(store, job);
    }
    store_test_sql("UPDATE llmq_jobs SET status = seq % 5, updated_at = 5000 - seq * 2");
    store_test_insert(store, store_test_job("msg_gone"));
    store_test_sql("UPDATE llmq_jobs SET removed_at = 1 WHERE id = 'msg_gone'");
    store_test_sql("UPDATE llmq_jobs SET tenant = 'other' WHERE id = 'msg_23'");
}

static llmq_job_query_t query_all(void)
{
    llmq_job_query_t q;

    memset(&q, 0, sizeof(q));
    q.tenant = "default";
    q.kind = LLMQ_KIND_MESSAGE;
    q.status = -1;
    q.page = 1;
    q.page_size = 100;
    return q;
}

static llmq_job_t *list(const llmq_job_query_t *q, int *pn, apr_int64_t *ptotal)
{
    llmq_job_t *jobs = NULL;

    ck_assert_int_eq(
        llmq_store_job_list(&jobs, pn, ptotal, store_test.store, q, test_pool),
        APR_SUCCESS);
    return jobs;
}

/* The comparison the list promises. */
static int in_order(const llmq_job_t *a, const llmq_job_t *b, llmq_sort_e sort)
{
    apr_int64_t left[3] = {0, a->created_at, a->seq},
                right[3] = {0, b->created_at, b->seq};
    int i;

    if (sort == LLMQ_SORT_LEVEL) {
        left[0] = a->level;
        right[0] = b->level;
    }
    else if (sort == LLMQ_SORT_UPDATED) {
        left[0] = a->updated_at;
        right[0] = b->updated_at;
    }
    for (i = 0; i < 3; i++) {
        if (left[i] != right[i])
            return left[i] < right[i];
    }
    return 0;
}

START_TEST(every_sort_and_direction_orders_the_list)
{
    int sort, down, chain, i, n;
    apr_int64_t total;

    store_test_open(_i);
    fill();
    for (sort = 0; sort < LLMQ_SORT_COUNT; sort++) {
        for (down = 0; down < 2; down++) {
            for (chain = 0; chain < 2; chain++) {
                llmq_job_query_t q = query_all();
                llmq_job_t *jobs;

                q.sort = sort;
                q.descending = down;
                q.chain = chain ? "conv_even" : NULL;
                jobs = list(&q, &n, &total);
                ck_assert_int_eq(n, chain ? 12 : 23);
                ck_assert_int_eq(total, n);
                for (i = 1; i < n; i++)
                    ck_assert(in_order(&jobs[i - 1 + down], &jobs[i - down], sort));
            }
        }
    }
    store_test_close();
}
END_TEST

static int matches(const llmq_job_query_t *q, const llmq_job_t *job)
{
    return (!q->chain || !strcmp(q->chain, job->chain))
           && (!q->user || !strcmp(q->user, job->user))
           && (q->status < 0 || q->status == (int)job->status)
           && (!q->level || q->level == job->level);
}

START_TEST(every_combination_of_filters_selects_exactly_its_jobs)
{
    static const char *const chains[] = {NULL, "conv_odd", "conv_none"};
    static const char *const users[] = {NULL, "user_1"};
    llmq_job_query_t all = query_all();
    llmq_job_t *jobs;
    int c, u, status, level, i, n, everything;
    apr_int64_t total;

    store_test_open(_i);
    fill();
    jobs = list(&all, &everything, &total);
    for (c = 0; c < 3; c++)
        for (u = 0; u < 2; u++)
            for (status = -1; status < LLMQ_STATUS_COUNT; status++)
                for (level = 0; level < LLMQ_LEVEL_COUNT; level++) {
                    llmq_job_query_t q = query_all();
                    int expected = 0;

                    q.chain = chains[c];
                    q.user = users[u];
                    q.status = status;
                    q.level = level;
                    for (i = 0; i < everything; i++)
                        expected += matches(&q, &jobs[i]);
                    list(&q, &n, &total);
                    ck_assert_int_eq(n, expected);
                    ck_assert_int_eq(total, expected);
                }
    store_test_close();
}
END_TEST

START_TEST(pages_cut_the_list_without_gaps)
{
    llmq_job_query_t q = query_all();
    llmq_job_t *whole, *page;
    int i, n, everything, seen = 0;
    apr_int64_t total;

    store_test_open(_i);
    fill();
    whole = list(&q, &everything, &total);
    q.page_size = 7;
    for (q.page = 1; q.page <= 4; q.page++) {
        page = list(&q, &n, &total);
        ck_assert_int_eq(n, q.page < 4 ? 7 : 2);
        ck_assert_int_eq(total, everything);
        for (i = 0; i < n; i++)
            ck_assert_str_eq(page[i].id, whole[seen++].id);
    }
    q.page = 5;
    list(&q, &n, &total);
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(total, everything);
    q.page = 2147483647;
    q.page_size = 2147483647;
    list(&q, &n, &total);
    ck_assert_int_eq(n, 0);
    store_test_close();
}
END_TEST

START_TEST(filters_are_values_and_never_sql)
{
    static const char *const words[] = {"' OR '1'='1", "%",  "_",
                                        "conv_odd'--", "\\", "%s"};
    unsigned int i;
    int n;
    apr_int64_t total;

    store_test_open(_i);
    fill();
    for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
        llmq_job_query_t q = query_all();

        q.chain = words[i];
        list(&q, &n, &total);
        ck_assert_int_eq(n, 0);
        q = query_all();
        q.user = words[i];
        list(&q, &n, &total);
        ck_assert_int_eq(n, 0);
        q = query_all();
        q.tenant = words[i];
        list(&q, &n, &total);
        ck_assert_int_eq(n, 0);
    }
    store_test_close();
}
END_TEST

TCase *case_store_job_list(void)
{
    TCase *tc = test_case("store_job_list");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, every_sort_and_direction_orders_the_list, 0, dialects);
    tcase_add_loop_test(tc, every_combination_of_filters_selects_exactly_its_jobs, 0,
                        dialects);
    tcase_add_loop_test(tc, pages_cut_the_list_without_gaps, 0, dialects);
    tcase_add_loop_test(tc, filters_are_values_and_never_sql, 0, dialects);
    return tc;
}
