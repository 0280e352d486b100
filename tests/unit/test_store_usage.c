#include "store_support.h"

#include "store/store_usage.h"

#include <string.h>

#define T0   STORE_TEST_T0
#define DAY0 (int)(T0 / apr_time_from_sec(86400))

static llmq_usage_query_t query;
static llmq_usage_sum_t sum;
static llmq_usage_t *list;
static apr_int64_t total;
static int n_list;

static llmq_outcome_t end_of(const char *id, const char *model, int prompt, int answer)
{
    llmq_outcome_t o;

    memset(&o, 0, sizeof(o));
    o.id = id;
    o.status = LLMQ_STATUS_COMPLETED;
    o.started_at = T0 + 1;
    o.finished_at = T0 + 2;
    o.result = "{}";
    o.used = (llmq_used_t){
        .model = model, .prompt_tokens = prompt, .completion_tokens = answer, .cost = 5};
    return o;
}

static int finish(llmq_store_t *store, llmq_outcome_t *o, int n)
{
    int accepted = 0;
    int i;

    ck_assert_int_eq(llmq_store_job_finish(store, o, n, test_pool), APR_SUCCESS);
    for (i = 0; i < n; i++) {
        accepted += o[i].accepted != 0;
    }
    return accepted;
}

static void insert(const char *id, const char *user)
{
    llmq_job_t *job = store_test_job(id);

    job->user = user;
    store_test_insert(store_test.store, job);
}

/* As query says, on a page of many. */
static void look(void)
{
    query.tenant = query.tenant ? query.tenant : "default";
    query.until = query.until ? query.until : DAY0 + 1;
    query.page = query.page ? query.page : 1;
    query.page_size = query.page_size ? query.page_size : 100;
    ck_assert_int_eq(
        llmq_store_usage_total(&sum, &total, store_test.store, &query, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(
        llmq_store_usage_list(&list, &n_list, store_test.store, &query, test_pool),
        APR_SUCCESS);
}

static void setup(void)
{
    memset(&query, 0, sizeof(query));
}

START_TEST(a_batch_is_added_up_by_caller_and_model)
{
    llmq_outcome_t o[4];

    store_test_open(_i);
    insert("msg_1", "anne");
    insert("msg_2", "anne");
    insert("msg_3", "anne");
    insert("msg_4", "bob");
    o[0] = end_of("msg_1", "small", 10, 1);
    o[1] = end_of("msg_2", "small", 20, -1);
    o[2] = end_of("msg_3", "big", 30, 3);
    o[3] = end_of("msg_4", "small", 40, 4);
    ck_assert_int_eq(finish(store_test.store, o, 4), 4);
    look();
    ck_assert_int_eq(n_list, 3);
    ck_assert_int_eq(total, 3);
    ck_assert_str_eq(list[0].caller, "anne");
    ck_assert_str_eq(list[0].model, "big");
    ck_assert_int_eq(list[0].day, DAY0);
    ck_assert_str_eq(list[1].model, "small");
    ck_assert_int_eq(list[1].sum.requests, 2);
    ck_assert_int_eq(list[1].sum.prompt_tokens, 30);
    ck_assert_int_eq(list[1].sum.completion_tokens, 1);
    ck_assert_int_eq(list[1].sum.cost, 10);
    ck_assert_str_eq(list[2].caller, "bob");
    ck_assert_int_eq(sum.requests, 4);
    ck_assert_int_eq(sum.prompt_tokens, 100);
    ck_assert_int_eq(sum.completion_tokens, 8);
    ck_assert_int_eq(sum.cost, 20);
    store_test_close();
}
END_TEST

START_TEST(what_is_written_twice_is_counted_once)
{
    llmq_outcome_t o;
    int i;

    store_test_open(_i);
    insert("msg_1", "anne");
    for (i = 0; i < 3; i++) {
        o = end_of("msg_1", "small", 10, 1);
        ck_assert_int_eq(finish(store_test.store, &o, 1), 1);
    }
    look();
    ck_assert_int_eq(sum.requests, 1);
    ck_assert_int_eq(sum.prompt_tokens, 10);
    store_test_close();
}
END_TEST

START_TEST(what_comes_too_late_is_not_counted)
{
    llmq_outcome_t o = end_of("msg_1", "small", 10, 1);

    store_test_open(_i);
    insert("msg_1", "anne");
    o.attempt = o.next_attempt = 1; /* the row is at attempt 0 */
    ck_assert_int_eq(finish(store_test.store, &o, 1), 0);
    look();
    ck_assert_int_eq(total, 0);
    ck_assert_int_eq(sum.requests, 0);
    store_test_close();
}
END_TEST

START_TEST(of_a_batch_what_it_ends_itself_is_counted)
{
    llmq_outcome_t o[4];
    int i;

    store_test_open(_i);
    insert("msg_1", "anne");
    insert("msg_2", "anne");
    insert("msg_3", "anne");
    insert("msg_4", "anne");
    o[0] = end_of("msg_1", "small", 1, 0);
    ck_assert_int_eq(finish(store_test.store, o, 1), 1);
    o[1] = end_of("msg_2", "small", 2, 0);
    o[1].attempt = o[1].next_attempt = 1; /* the row is at attempt 0 */
    o[2] = end_of("msg_3", NULL, 4, 0);
    o[3] = end_of("msg_4", "small", 8, 0);
    for (i = 0; i < 2; i++) { /* msg_1 was written before, the second time all were */
        ck_assert_int_eq(finish(store_test.store, o, 4), 3);
        ck_assert_int_eq(o[1].accepted, 0);
        look();
        ck_assert_int_eq(sum.requests, 2);
        ck_assert_int_eq(sum.prompt_tokens, 9);
    }
    store_test_close();
}
END_TEST

START_TEST(tokens_of_an_attempt_that_is_tried_again_count_but_no_request)
{
    llmq_outcome_t o = end_of("msg_1", "small", 10, 1);
    llmq_outcome_t again = end_of("msg_1", "small", 20, 2);

    store_test_open(_i);
    insert("msg_1", "anne");
    o.status = LLMQ_STATUS_PENDING;
    o.finished_at = 0;
    o.next_attempt = again.attempt = again.next_attempt = 1;
    o.run_at = T0;
    ck_assert_int_eq(finish(store_test.store, &o, 1), 1);
    ck_assert_int_eq(finish(store_test.store, &o, 1), 1);
    ck_assert_int_eq(finish(store_test.store, &again, 1), 1);
    query.until = 1 << 20; /* a retry is counted on the day that it is */
    look();
    ck_assert_int_eq(sum.requests, 1);
    ck_assert_int_eq(sum.prompt_tokens, 30);
    store_test_close();
}
END_TEST

START_TEST(nodes_write_rows_of_their_own_that_are_read_as_one)
{
    llmq_store_t *other;
    llmq_outcome_t o;

    store_test_open(_i);
    other = store_test_node("node_b");
    insert("msg_1", "anne");
    insert("msg_2", "anne");
    o = end_of("msg_1", "small", 10, 1);
    finish(store_test.store, &o, 1);
    o = end_of("msg_2", "small", 20, 2);
    finish(other, &o, 1);
    look();
    ck_assert_int_eq(n_list, 1);
    ck_assert_int_eq(list[0].sum.requests, 2);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_usage"), 2);
    store_test_close();
}
END_TEST

START_TEST(lists_are_filtered_and_paged)
{
    llmq_outcome_t o[3];

    store_test_open(_i);
    insert("msg_1", "anne");
    insert("msg_2", "bob");
    insert("msg_3", NULL);
    o[0] = end_of("msg_1", "big", 1, 1);
    o[1] = end_of("msg_2", "small", 2, 1);
    o[2] = end_of("msg_3", "small", 4, 1);
    o[2].finished_at += apr_time_from_sec(86400);
    finish(store_test.store, o, 3);
    query.model = "small";
    look();
    ck_assert_int_eq(sum.prompt_tokens, 6);
    ck_assert_str_eq(list[0].caller, ""); /* the newest day first */
    query.caller = "bob";
    look();
    ck_assert_int_eq(sum.prompt_tokens, 2);
    memset(&query, 0, sizeof(query));
    query.since = DAY0 + 1;
    look();
    ck_assert_int_eq(sum.prompt_tokens, 4);
    memset(&query, 0, sizeof(query));
    query.until = DAY0;
    look();
    ck_assert_int_eq(sum.prompt_tokens, 3);
    memset(&query, 0, sizeof(query));
    query.page = 2;
    query.page_size = 1;
    look();
    ck_assert_int_eq(n_list, 1);
    ck_assert_int_eq(total, 3);
    ck_assert_str_eq(list[0].caller, "anne");
    memset(&query, 0, sizeof(query));
    query.tenant = "other";
    look();
    ck_assert_int_eq(total, 0);
    store_test_close();
}
END_TEST

START_TEST(keys_of_one_caller_are_told_apart)
{
    static const char *const keys[] = {"key_a", "key_b", NULL};
    static const char *const ids[] = {"msg_1", "msg_2", "msg_3"};
    llmq_outcome_t o[3];
    int i;

    store_test_open(_i);
    for (i = 0; i < 3; i++) {
        llmq_job_t *job = store_test_job(ids[i]);

        job->user = "anne";
        job->api_key = keys[i];
        store_test_insert(store_test.store, job);
        o[i] = end_of(job->id, "small", 1 << i, 0);
    }
    finish(store_test.store, o, 3);
    look();
    ck_assert_int_eq(n_list, 3);
    ck_assert_str_eq(list[0].api_key, "");
    ck_assert_int_eq(list[0].sum.prompt_tokens, 4);
    ck_assert_str_eq(list[1].api_key, "key_a");
    ck_assert_str_eq(list[2].api_key, "key_b");
    query.api_key = "key_b";
    look();
    ck_assert_int_eq(total, 1);
    ck_assert_int_eq(sum.prompt_tokens, 2);
    store_test_close();
}
END_TEST

START_TEST(without_a_model_nothing_is_counted)
{
    llmq_outcome_t o = end_of("msg_1", NULL, 10, 1);
    llmq_outcome_t begun = end_of("msg_2", "small", -1, -1);

    begun.status = LLMQ_STATUS_PROCESSING;
    begun.finished_at = 0;
    ck_assert_int_eq(llmq_store_usage_counts(&o), 0);
    ck_assert_int_eq(llmq_store_usage_counts(&begun), 0);
    begun.status = LLMQ_STATUS_FAILED;
    ck_assert_int_ne(llmq_store_usage_counts(&begun), 0);
}
END_TEST

TCase *case_store_usage(void)
{
    TCase *tc = test_case("store_usage");
    int n = store_test_dialects();

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, a_batch_is_added_up_by_caller_and_model, 0, n);
    tcase_add_loop_test(tc, what_is_written_twice_is_counted_once, 0, n);
    tcase_add_loop_test(tc, of_a_batch_what_it_ends_itself_is_counted, 0, n);
    tcase_add_loop_test(tc, what_comes_too_late_is_not_counted, 0, n);
    tcase_add_loop_test(tc, tokens_of_an_attempt_that_is_tried_again_count_but_no_request,
                        0, n);
    tcase_add_loop_test(tc, nodes_write_rows_of_their_own_that_are_read_as_one, 0, n);
    tcase_add_loop_test(tc, lists_are_filtered_and_paged, 0, n);
    tcase_add_loop_test(tc, keys_of_one_caller_are_told_apart, 0, n);
    tcase_add_test(tc, without_a_model_nothing_is_counted);
    return tc;
}
