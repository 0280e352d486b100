#include "support.h"

#include "support_dispatch.h"

#include "base/id.h"
#include "base/json.h"
#include "dispatch/handlers.h"
#include "queue/queue_job.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

#define TYPE "embedding_generation"

static dispatch_rig_t *rig;
static llmq_handler_conf_t handlers[2];
static const llmq_handler_conf_t *list[2];
static apr_uint64_t lanes[2][1];

/* A handler of TYPE and, besides, one of another type; each with a way of the server. */
static void open_rig(const char *way, const char *other_way)
{
    const char *ways[2] = {way, other_way};
    const char *types[2] = {TYPE, "other"};
    int i;

    rig = dispatch_rig_http("echo");
    for (i = 0; i < 2; i++) {
        llmq_handler_conf_t *h = &handlers[i];

        memset(h, 0, sizeof(*h));
        lanes[i][0] = llmq_queue_job_lane("default", types[i]);
        h->type = types[i];
        h->lanes = lanes[i];
        h->n_lanes = 1;
        h->to.name = types[i];
        h->to.kind = LLMQ_BACKEND_HTTP;
        h->to.url = apr_psprintf(test_pool, "http://127.0.0.1:%d/%s",
                                 http_server_port(rig->server), ways[i]);
        h->to.max_concurrent = 2;
        h->to.connect_timeout = h->to.total_timeout = apr_time_from_sec(600);
        h->to.max_answer_bytes = 100000;
        list[i] = h;
    }
    rig->conf.handlers = list;
    rig->conf.n_handlers = 2;
}

static llmq_job_t *task(const char *id, const char *type)
{
    llmq_job_t *job = dispatch_rig_job(id, LLMQ_LEVEL_NORMAL);

    job->kind = LLMQ_KIND_TASK;
    job->type = type;
    job->user = "kb_1";
    job->payload = "{\"file\":\"a\"}";
    job->payload_len = strlen(job->payload);
    return job;
}

static void put(const char *id, const char *type)
{
    llmq_job_t *job = task(id, type);
    llmq_entry_t e;

    dispatch_rig_store(job);
    llmq_queue_job_entry(&e, job);
    ck_assert_int_eq(llmq_queue_put(rig->tasks, &e, 1, 0), APR_SUCCESS);
}

static apr_int64_t number_of(const char *what)
{
    return store_test_number(
        apr_pstrcat(test_pool, "SELECT count(*) FROM llmq_jobs WHERE ", what, NULL));
}

static int status_of(const char *id)
{
    return (int)store_test_number(apr_pstrcat(
        test_pool, "SELECT status FROM llmq_jobs WHERE id = '", id, "'", NULL));
}

START_TEST(tasks_go_to_the_handler_of_their_type)
{
    int i;

    open_rig("echo", "echo");
    for (i = 0; i < 12; i++) {
        put(apr_psprintf(test_pool, "t%d", i), i % 3 ? TYPE : "other");
    }
    put("nobodys", "third");
    dispatch_rig_start(rig);
    DISPATCH_WAIT(number_of("status = 2 AND result LIKE '%choices%'") == 12);
    ck_assert_int_eq(http_server_requests(rig->server), 12);
    ck_assert_int_eq(status_of("nobodys"), LLMQ_STATUS_PENDING);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(no_handler_has_more_than_it_can_do)
{
    llmq_entry_t out[8];
    llmq_handlers_t *h = NULL;
    int n = 0;
    int i;

    open_rig("echo", "echo");
    ck_assert_int_eq(llmq_handlers_create(&h, &rig->conf, test_pool), APR_SUCCESS);
    for (i = 0; i < 5; i++) {
        put(apr_psprintf(test_pool, "a%d", i), TYPE);
    }
    put("b0", "other");
    ck_assert_int_eq(llmq_handlers_take(out, &n, h, rig->tasks, 8, 99), APR_SUCCESS);
    ck_assert_int_eq(n, 3);
    ck_assert_ptr_eq(llmq_handlers_of(h, out[0].tenant)->conf, &handlers[0]);
    ck_assert_ptr_null(llmq_handlers_of(h, 4711));
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(what_a_handler_refuses_fails_and_what_it_cannot_do_now_comes_again)
{
    open_rig("leak", "forever");
    put("t1", TYPE);
    put("t2", "other");
    dispatch_rig_start(rig);
    DISPATCH_WAIT(number_of("id = 't1' AND status = 3 AND dead_letter = 1") == 1);
    DISPATCH_WAIT(number_of("id = 't2' AND status = 0 AND retry_count = 1") == 1);
    ck_assert_int_eq(
        store_test_number("SELECT retry_count FROM llmq_jobs WHERE id = 't1'"), 0);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_handler_that_is_away_costs_no_try)
{
    open_rig("echo", "echo");
    handlers[0].to.url = "http://127.0.0.1:1/";
    handlers[0].to.health.max_failures = 2;
    handlers[0].to.health.cooldown = handlers[0].to.health.longest =
        apr_time_from_sec(60);
    put("t1", TYPE);
    put("t2", "other");
    dispatch_rig_start(rig);
    DISPATCH_WAIT(status_of("t2") == LLMQ_STATUS_COMPLETED);
    /* Of an attempt that takes long the start is written for a while. */
    DISPATCH_WAIT(number_of("id = 't1' AND attempt >= 2 AND status = 0") == 1);
    ck_assert_int_eq(number_of("id = 't1' AND retry_count = 0"), 1);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_task_that_is_canceled_is_not_waited_for)
{
    open_rig("stall", "echo");
    put("t1", TYPE);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(status_of("t1") == LLMQ_STATUS_PROCESSING);
    store_test_sql("UPDATE llmq_jobs SET status = 5, attempt = attempt + 1");
    ck_assert_int_eq(llmq_queue_cancel(rig->tasks, "t1"), LLMQ_EBUSY);
    DISPATCH_WAIT(llmq_attempt_count(rig->d) == 0);
    ck_assert_int_eq(status_of("t1"), LLMQ_STATUS_CANCELED);
    DISPATCH_WAIT(llmq_queue_find(NULL, rig->tasks, "t1") == APR_NOTFOUND);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_handler_is_sent_the_task_under_its_id)
{
    llmq_webhook_keys_t keys = {.n = 0};
    llmq_handler_conf_t conf = {.type = TYPE, .keys = &keys};
    llmq_handler_t handler = {.conf = &conf};
    llmq_call_t call = {.pool = test_pool};
    struct json_object *body = NULL;
    llmq_job_t *job;

    ck_assert_int_eq(llmq_webhook_sign_parse(&keys.key[keys.n++], "a key", test_pool),
                     APR_SUCCESS);
    job = apr_pcalloc(test_pool, sizeof(*job));
    *job = (llmq_job_t){.id = "t1",
                        .tenant = "default",
                        .type = TYPE,
                        .user = "kb_1",
                        .payload = "{\"file\":\"a\"}",
                        .payload_len = 12,
                        .metadata = "{}",
                        .kind = LLMQ_KIND_TASK,
                        .level = LLMQ_LEVEL_HIGH,
                        .retry_count = 2,
                        .created_at = STORE_TEST_T0};
    ck_assert_int_eq(llmq_handlers_request(&call, &handler, job), APR_SUCCESS);
    ck_assert_int_eq(
        llmq_json_parse(&body, call.body, strlen(call.body), 16, NULL, test_pool),
        APR_SUCCESS);
    ck_assert_str_eq(json_object_get_string(llmq_json_member(body, "id")), "t1");
    ck_assert_str_eq(json_object_get_string(llmq_json_member(body, "task_type")), TYPE);
    ck_assert_str_eq(json_object_get_string(llmq_json_member(body, "kb_id")), "kb_1");
    ck_assert_str_eq(json_object_get_string(llmq_json_member(body, "status")),
                     "processing");
    ck_assert_int_eq(json_object_get_int(llmq_json_member(body, "attempt")), 3);
    ck_assert_str_eq(json_object_get_string(llmq_json_member(body, "created_at")),
                     "2025-01-01T10:30:00Z");
    ck_assert_str_eq(json_object_get_string(
                         llmq_json_member(llmq_json_member(body, "payload"), "file")),
                     "a");
    ck_assert_int_eq(call.n_headers, 4);
    ck_assert_str_eq(call.headers[0], "Idempotency-Key: t1");
    ck_assert_str_eq(call.headers[1], "webhook-id: t1");
    ck_assert_ptr_eq(strstr(call.headers[3], "webhook-signature: v1,"), call.headers[3]);
    conf.keys = NULL;
    ck_assert_int_eq(llmq_handlers_request(&call, &handler, job), APR_SUCCESS);
    ck_assert_int_eq(call.n_headers, 3);
}
END_TEST

TCase *case_handlers(void)
{
    TCase *tc = test_case("handlers");

    tcase_add_test(tc, tasks_go_to_the_handler_of_their_type);
    tcase_add_test(tc, no_handler_has_more_than_it_can_do);
    tcase_add_test(tc,
                   what_a_handler_refuses_fails_and_what_it_cannot_do_now_comes_again);
    tcase_add_test(tc, a_handler_that_is_away_costs_no_try);
    tcase_add_test(tc, a_task_that_is_canceled_is_not_waited_for);
    tcase_add_test(tc, a_handler_is_sent_the_task_under_its_id);
    return tc;
}
