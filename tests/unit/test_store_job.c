#include "store_support.h"

#include "base/clock.h"

#include <apr_strings.h>

#include <string.h>

#define T0 STORE_TEST_T0

static apr_status_t insert_raw(const char *rows)
{
    return llmq_store_job_insert(store_test.store, rows, test_pool);
}

START_TEST(inserted_job_is_found_whole)
{
    llmq_job_t *in, *out;

    store_test_open(_i);
    in = store_test_job("msg_1");
    in->attempt = 4;
    in->run_at = T0 + 5;
    in->level = LLMQ_LEVEL_REALTIME;
    store_test_insert(store_test.store, in);
    out = store_test_find("msg_1");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_gt(out->seq, 0);
    ck_assert_str_eq(out->id, "msg_1");
    ck_assert_str_eq(out->tenant, "default");
    ck_assert_str_eq(out->node, "node_a");
    ck_assert_ptr_null(out->owner);
    ck_assert_str_eq(out->chain, "conv_1");
    ck_assert_str_eq(out->user, "user_1");
    ck_assert_str_eq(out->payload, "Hello");
    ck_assert_uint_eq(out->payload_len, 5);
    ck_assert_str_eq(out->metadata, "{}");
    ck_assert_ptr_null(out->result);
    ck_assert_ptr_null(out->error);
    ck_assert_int_eq(out->created_at, T0);
    ck_assert_int_eq(out->updated_at, T0);
    ck_assert_int_eq(out->run_at, T0 + 5);
    ck_assert_int_eq(out->started_at, 0);
    ck_assert_int_eq(out->finished_at, 0);
    ck_assert_int_eq(out->timeout, apr_time_from_sec(30));
    ck_assert_int_eq(out->attempt, 4);
    ck_assert_int_eq(out->retry_count, 0);
    ck_assert_int_eq(out->max_retries, 3);
    ck_assert_int_eq(out->kind, LLMQ_KIND_MESSAGE);
    ck_assert_int_eq(out->level, LLMQ_LEVEL_REALTIME);
    ck_assert_int_eq(out->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(out->dead_letter, 0);
    store_test_close();
}
END_TEST

START_TEST(absent_texts_stay_absent)
{
    llmq_job_t *job;

    store_test_open(_i);
    job = store_test_job("msg_1");
    job->chain = NULL;
    job->user = NULL;
    job->metadata = NULL;
    job->payload = "";
    job->payload_len = 0;
    store_test_insert(store_test.store, job);
    job = store_test_find("msg_1");
    ck_assert_ptr_null(job->chain);
    ck_assert_ptr_null(job->user);
    ck_assert_str_eq(job->metadata, "{}");
    ck_assert_str_eq(job->payload, "");
    store_test_close();
}
END_TEST

static const char *const nasty_texts[] = {
    "'; DROP TABLE llmq_jobs; --",
    "100% %s %d %% $1 ?1 :a",
    "back\\slash \\' \\\" \\u0041 \\n",
    "\"quotes\" 'and' `ticks`",
    "line\nbreak\ttab\rreturn\bfeed\f \x01\x1f\x7f",
    "\xc3\xa9 \xe7\xab\x8b\xe5\x8d\xb3 \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf \xef\xbf\xbf",
    "<b>&amp;</b> [1,2] {\"a\":null} /*x*/",
    " ",
};
#define NASTY_COUNT ((int)(sizeof(nasty_texts) / sizeof(*nasty_texts)))

START_TEST(every_text_field_comes_back_byte_for_byte)
{
    llmq_outcome_t outcome;
    llmq_job_t *job;
    int i;

    store_test_open(_i);
    for (i = 0; i < NASTY_COUNT; i++) {
        const char *s = nasty_texts[i];
        const char *id = apr_psprintf(test_pool, "msg_%d %s", i, s);

        job = store_test_job(id);
        job->chain = job->user = job->payload = job->metadata = s;
        job->payload_len = strlen(s);
        store_test_insert(store_test.store, job);
        memset(&outcome, 0, sizeof(outcome));
        outcome.id = id;
        outcome.status = LLMQ_STATUS_FAILED;
        outcome.finished_at = T0 + 1;
        outcome.result = outcome.error = s;
        ck_assert_int_eq(llmq_store_job_finish(store_test.store, &outcome, 1, test_pool),
                         APR_SUCCESS);
        ck_assert_int_ne(outcome.accepted, 0);
        job = store_test_find(id);
        ck_assert_ptr_nonnull(job);
        ck_assert_str_eq(job->id, id);
        ck_assert_str_eq(job->chain, s);
        ck_assert_str_eq(job->user, s);
        ck_assert_str_eq(job->payload, s);
        ck_assert_str_eq(job->metadata, s);
        ck_assert_str_eq(job->result, s);
        ck_assert_str_eq(job->error, s);
    }
    store_test_close();
}
END_TEST

START_TEST(inserting_the_same_row_again_is_harmless)
{
    llmq_job_t *job;

    store_test_open(_i);
    job = store_test_job("msg_1");
    store_test_insert(store_test.store, job);
    job->payload = "other";
    store_test_insert(store_test.store, job);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_jobs"), 1);
    ck_assert_str_eq(store_test_find("msg_1")->payload, "Hello");
    store_test_close();
}
END_TEST

/* One defect each: a wrong type, a number beyond 64 bits, a column that must not be null,
 * no JSON at all. */
static const char *const refused_rows[] = {
    "{\"i\":\"msg_x\",\"t\":\"default\",\"p\":\"\",\"d\":\"{}\",\"n\":\"soon\",\"r\":1,"
    "\"o\":1,\"a\":0,\"m\":1,\"k\":1,\"l\":3}",
    "{\"i\":\"msg_x\",\"t\":\"default\",\"p\":\"\",\"d\":\"{}\",\"n\":"
    "99999999999999999999,"
    "\"r\":1,\"o\":1,\"a\":0,\"m\":1,\"k\":1,\"l\":3}",
    "{\"i\":\"msg_x\",\"t\":null,\"p\":\"\",\"d\":\"{}\",\"n\":1,\"r\":1,"
    "\"o\":1,\"a\":0,\"m\":1,\"k\":1,\"l\":3}",
    "{\"i\":\"msg_x\",\"t\":",
};
#define REFUSED_COUNT ((int)(sizeof(refused_rows) / sizeof(*refused_rows)))

START_TEST(batch_with_a_bad_row_is_refused_whole)
{
    llmq_text_t t;
    int i;

    store_test_open(_i);
    for (i = 0; i < REFUSED_COUNT; i++) {
        llmq_text_init(&t, 512, test_pool);
        LLMQ_TEXT_LIT(&t, "[");
        llmq_store_job_row(&t, store_test_job("msg_1"));
        LLMQ_TEXT_LIT(&t, ",");
        llmq_text_puts(&t, refused_rows[i]);
        LLMQ_TEXT_LIT(&t, "]");
        ck_assert_int_eq(insert_raw(t.data), LLMQ_EROW);
        ck_assert_ptr_null(store_test_find("msg_1"));
    }
    store_test_insert(store_test.store, store_test_job("msg_1"));
    ck_assert_ptr_nonnull(store_test_find("msg_1"));
    store_test_close();
}
END_TEST

START_TEST(rows_of_a_batch_are_numbered_in_their_order)
{
    llmq_text_t t;
    apr_int64_t last = 0;
    int i;

    store_test_open(_i);
    llmq_text_init(&t, 512, test_pool);
    for (i = 0; i < 50; i++) {
        llmq_text_puts(&t, i ? "," : "[");
        llmq_store_job_row(&t, store_test_job(apr_psprintf(test_pool, "msg_%d", 99 - i)));
    }
    llmq_text_puts(&t, "]");
    ck_assert_int_eq(insert_raw(t.data), APR_SUCCESS);
    for (i = 0; i < 50; i++) {
        llmq_job_t *job = store_test_find(apr_psprintf(test_pool, "msg_%d", 99 - i));

        ck_assert_int_gt(job->seq, last);
        last = job->seq;
    }
    store_test_close();
}
END_TEST

START_TEST(load_keeps_the_order_and_leaves_gaps)
{
    const char *ids[] = {"msg_3",    "msg_none",   "msg_1",
                         "msg_gone", "msg_theirs", "msg_final"};
    llmq_job_t **jobs = NULL;
    int i;

    store_test_open(_i);
    store_test_insert(store_test.store, store_test_job("msg_1"));
    store_test_insert(store_test.store, store_test_job("msg_3"));
    store_test_insert(store_test.store, store_test_job("msg_final"));
    store_test_insert(store_test.store, store_test_job("msg_gone"));
    store_test_insert(store_test.store, store_test_job("msg_theirs"));
    store_test_sql("UPDATE llmq_jobs SET status = 2 WHERE id = 'msg_final'");
    store_test_sql("UPDATE llmq_jobs SET removed_at = 1 WHERE id = 'msg_gone'");
    store_test_sql(
        "UPDATE llmq_jobs SET status = 1, owner = 'w' WHERE id = 'msg_theirs'");
    ck_assert_int_eq(llmq_store_job_load(&jobs, store_test.store, ids, 6, test_pool),
                     APR_SUCCESS);
    ck_assert_str_eq(jobs[0]->id, "msg_3");
    ck_assert_ptr_null(jobs[1]);
    ck_assert_str_eq(jobs[2]->id, "msg_1");
    ck_assert_str_eq(jobs[2]->payload, "Hello");
    for (i = 3; i < 5; i++)
        ck_assert_ptr_null(jobs[i]);
    ck_assert_int_eq(jobs[5]->status, LLMQ_STATUS_COMPLETED);
    store_test_close();
}
END_TEST

START_TEST(load_and_fence_of_nothing_are_allowed)
{
    const char *ids[] = {"msg_none"};
    llmq_job_t **jobs = NULL;

    store_test_open(_i);
    ck_assert_int_eq(llmq_store_job_load(&jobs, store_test.store, ids, 0, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_job_fence(store_test.store, ids, 0, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_job_fence(store_test.store, ids, 1, test_pool),
                     APR_SUCCESS);
    store_test_close();
}
END_TEST

START_TEST(fence_puts_back_what_is_not_final)
{
    const char *ids[] = {"msg_1", "msg_2", "msg_3"};
    int i;

    store_test_open(_i);
    for (i = 0; i < 3; i++)
        store_test_insert(store_test.store, store_test_job(ids[i]));
    store_test_sql("UPDATE llmq_jobs SET status = 1 WHERE id = 'msg_1'");
    store_test_sql("UPDATE llmq_jobs SET status = 3 WHERE id = 'msg_3'");
    ck_assert_int_eq(llmq_store_job_fence(store_test.store, ids, 3, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(store_test_find("msg_1")->attempt, 1);
    ck_assert_int_eq(store_test_find("msg_1")->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(store_test_find("msg_2")->attempt, 1);
    ck_assert_int_eq(store_test_find("msg_3")->attempt, 0);
    ck_assert_int_eq(store_test_find("msg_3")->status, LLMQ_STATUS_FAILED);
    store_test_close();
}
END_TEST

START_TEST(backlog_of_tasks_holds_what_workers_have)
{
    llmq_backlog_page_t page = {LLMQ_KIND_TASK, 0, 10};
    llmq_backlog_t *rows = NULL;
    llmq_job_t *job;
    int n = 0;

    store_test_open(_i);
    store_test_insert(store_test.store, store_test_job("msg_1"));
    job = store_test_job("task_1");
    job->kind = LLMQ_KIND_TASK;
    job->type = "vector_storage";
    job->callback = "[\"http://example.org/\"]";
    store_test_insert(store_test.store, job);
    job->id = "task_2";
    job->type = "health_check";
    store_test_insert(store_test.store, job);
    store_test_sql("UPDATE llmq_jobs SET status = 1, owner = 'w', lease_until = 77, "
                   "started_at = 5 WHERE id = 'task_2'");
    ck_assert_int_eq(
        llmq_store_job_backlog(&rows, &n, store_test.store, &page, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(rows[0].id, "task_1");
    ck_assert_str_eq(rows[0].type, "vector_storage");
    ck_assert_int_eq(rows[0].lease_until, 0);
    ck_assert_str_eq(rows[1].id, "task_2");
    ck_assert_int_eq(rows[1].lease_until, 77);
    ck_assert_int_eq(rows[1].started_at, 5);
    page.kind = LLMQ_KIND_MESSAGE;
    ck_assert_int_eq(
        llmq_store_job_backlog(&rows, &n, store_test.store, &page, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_ptr_null(rows[0].type);
    store_test_close();
}
END_TEST

static const struct {
    llmq_kind_e kind;
    llmq_kind_e queue;
} lines[] = {{LLMQ_KIND_MESSAGE, LLMQ_KIND_MESSAGE},
             {LLMQ_KIND_TASK, LLMQ_KIND_TASK},
             {LLMQ_KIND_RUN, LLMQ_KIND_TASK},
             {LLMQ_KIND_DEBUG, LLMQ_KIND_MESSAGE},
             {LLMQ_KIND_COMPLETION, LLMQ_KIND_MESSAGE}};
#define N_LINES ((int)(sizeof(lines) / sizeof(lines[0])))

START_TEST(each_kind_is_in_the_backlog_of_its_queue)
{
    llmq_backlog_page_t page = {LLMQ_KIND_MESSAGE, 0, 10};
    llmq_backlog_t *rows = NULL;
    llmq_job_t *job = store_test_job("job_1");
    int n = 0;

    store_test_open(_i / N_LINES);
    job->kind = lines[_i % N_LINES].kind;
    job->type = job->kind == LLMQ_KIND_MESSAGE ? NULL : "of some type";
    store_test_insert(store_test.store, job);
    page.kind = lines[_i % N_LINES].queue;
    llmq_store_job_backlog(&rows, &n, store_test.store, &page, test_pool);
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(rows[0].kind, job->kind);
    page.kind = page.kind == LLMQ_KIND_TASK ? LLMQ_KIND_MESSAGE : LLMQ_KIND_TASK;
    llmq_store_job_backlog(&rows, &n, store_test.store, &page, test_pool);
    ck_assert_int_eq(n, 0);
    store_test_close();
}
END_TEST

START_TEST(backlog_walks_open_work_of_this_node_in_order)
{
    llmq_backlog_page_t page = {LLMQ_KIND_MESSAGE, 0, 2};
    llmq_backlog_t *rows = NULL;
    llmq_job_t *job;
    int i, n = 0;

    store_test_open(_i);
    for (i = 0; i < 5; i++)
        store_test_insert(store_test.store,
                          store_test_job(apr_psprintf(test_pool, "msg_%d", 9 - i)));
    job = store_test_job("msg_0");
    job->chain = NULL;
    job->attempt = 7;
    job->run_at = T0 + 1;
    job->level = LLMQ_LEVEL_LOW;
    store_test_insert(store_test.store, job);
    store_test_insert(store_test_node("node_b"), store_test_job("msg_b"));
    store_test_sql("UPDATE llmq_jobs SET status = 2 WHERE id = 'msg_9'");
    store_test_sql("UPDATE llmq_jobs SET removed_at = 5 WHERE id = 'msg_8'");
    store_test_sql("UPDATE llmq_jobs SET status = 1, owner = '' WHERE id = 'msg_7'");
    store_test_sql("UPDATE llmq_jobs SET status = 1 WHERE id = 'msg_6'");
    ck_assert_int_eq(
        llmq_store_job_backlog(&rows, &n, store_test.store, &page, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(rows[0].id, "msg_6");
    ck_assert_int_eq(rows[0].status, LLMQ_STATUS_PROCESSING);
    ck_assert_str_eq(rows[0].tenant, "default");
    ck_assert_str_eq(rows[0].chain, "conv_1");
    ck_assert_str_eq(rows[0].user, "user_1");
    ck_assert_int_eq(rows[0].created_at, T0);
    ck_assert_str_eq(rows[1].id, "msg_5");
    page.after = rows[1].seq;
    ck_assert_int_eq(
        llmq_store_job_backlog(&rows, &n, store_test.store, &page, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(rows[0].id, "msg_0");
    ck_assert_ptr_null(rows[0].chain);
    ck_assert_int_eq(rows[0].attempt, 7);
    ck_assert_int_eq(rows[0].run_at, T0 + 1);
    ck_assert_int_eq(rows[0].level, LLMQ_LEVEL_LOW);
    ck_assert_int_eq(rows[0].kind, LLMQ_KIND_MESSAGE);
    ck_assert_int_eq(rows[0].status, LLMQ_STATUS_PENDING);
    store_test_close();
}
END_TEST

START_TEST(totals_count_final_jobs_of_this_node_by_tenant_and_level)
{
    llmq_totals_t *totals;
    int level, status, n;

    store_test_open(_i);
    LLMQ_EACH_LEVEL (level) {
        for (status = 0; status <= LLMQ_STATUS_TIMEOUT; status++) {
            llmq_job_t *job =
                store_test_job(apr_psprintf(test_pool, "msg_%d_%d", level, status));

            job->level = level;
            store_test_insert(store_test.store, job);
            store_test_sql(apr_psprintf(
                test_pool, "UPDATE llmq_jobs SET status = %d WHERE id = '%s'", status,
                job->id));
        }
    }
    store_test_insert(store_test_node("node_b"), store_test_job("msg_b"));
    store_test_sql("UPDATE llmq_jobs SET status = 2 WHERE id = 'msg_b'");
    store_test_sql(
        "UPDATE llmq_jobs SET tenant = 'z' WHERE id IN ('msg_1_2', 'msg_2_3')");
    ck_assert_int_eq(llmq_store_job_totals(&totals, &n, store_test.store, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(totals[1].tenant, "z");
    LLMQ_EACH_LEVEL (level) {
        ck_assert_uint_eq(totals[0].completed[level], level != 1);
        ck_assert_uint_eq(totals[0].failed[level], 2 - (level == 2));
        ck_assert_uint_eq(totals[1].completed[level], level == 1);
        ck_assert_uint_eq(totals[1].failed[level], level == 2);
    }
    store_test_close();
}
END_TEST

START_TEST(find_sees_only_its_tenant_and_kind)
{
    llmq_job_t *job = NULL;

    store_test_open(_i);
    store_test_insert(store_test.store, store_test_job("msg_1"));
    ck_assert_int_eq(llmq_store_job_find(&job, store_test.store, "other",
                                         LLMQ_KIND_MESSAGE, "msg_1", test_pool),
                     APR_NOTFOUND);
    ck_assert_int_eq(
        llmq_store_job_find(&job, store_test.store, "default", 99, "msg_1", test_pool),
        APR_NOTFOUND);
    ck_assert_int_eq(llmq_store_job_find(&job, store_test.store, "default",
                                         LLMQ_KIND_MESSAGE, "msg_1' OR '1'='1",
                                         test_pool),
                     APR_NOTFOUND);
    ck_assert_ptr_null(job);
    store_test_close();
}
END_TEST

/* Whatever the connection was set to, the next one is as durable as ever. */
START_TEST(light_rows_are_there_and_leave_the_connection_as_it_was)
{
    llmq_text_t t;

    store_test_open(_i);
    llmq_text_init(&t, 512, test_pool);
    LLMQ_TEXT_LIT(&t, "[");
    llmq_store_job_row(&t, store_test_job("msg_1"));
    LLMQ_TEXT_LIT(&t, "]");
    ck_assert_int_eq(llmq_store_job_insert_light(store_test.store, t.data, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_job_insert_light(store_test.store, t.data, test_pool),
                     APR_SUCCESS);
    ck_assert_str_eq(store_test_find("msg_1")->payload, "Hello");
    store_test_insert(store_test.store, store_test_job("msg_2"));
    ck_assert_ptr_nonnull(store_test_find("msg_2"));
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_jobs"), 2);
    store_test_close();
}
END_TEST

TCase *case_store_job(void)
{
    TCase *tc = test_case("store_job");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, inserted_job_is_found_whole, 0, dialects);
    tcase_add_loop_test(tc, absent_texts_stay_absent, 0, dialects);
    tcase_add_loop_test(tc, every_text_field_comes_back_byte_for_byte, 0, dialects);
    tcase_add_loop_test(tc, inserting_the_same_row_again_is_harmless, 0, dialects);
    tcase_add_loop_test(tc, batch_with_a_bad_row_is_refused_whole, 0, dialects);
    tcase_add_loop_test(tc, rows_of_a_batch_are_numbered_in_their_order, 0, dialects);
    tcase_add_loop_test(tc, load_keeps_the_order_and_leaves_gaps, 0, dialects);
    tcase_add_loop_test(tc, load_and_fence_of_nothing_are_allowed, 0, dialects);
    tcase_add_loop_test(tc, fence_puts_back_what_is_not_final, 0, dialects);
    tcase_add_loop_test(tc, backlog_of_tasks_holds_what_workers_have, 0, dialects);
    tcase_add_loop_test(tc, each_kind_is_in_the_backlog_of_its_queue, 0,
                        dialects * N_LINES);
    tcase_add_loop_test(tc, backlog_walks_open_work_of_this_node_in_order, 0, dialects);
    tcase_add_loop_test(tc, totals_count_final_jobs_of_this_node_by_tenant_and_level, 0,
                        dialects);
    tcase_add_loop_test(tc, light_rows_are_there_and_leave_the_connection_as_it_was, 0,
                        dialects);
    tcase_add_loop_test(tc, find_sees_only_its_tenant_and_kind, 0, dialects);
    return tc;
}
