#include "support.h"

#include "base/json.h"
#include "dispatch/notice.h"

#include <json-c/json.h>

#include <string.h>

static const llmq_outbox_t row = {.seq = 7,
                                  .tenant = "default",
                                  .job = "task_1",
                                  .url = "http://h/x",
                                  .host = "h",
                                  .happened_at = APR_INT64_C(1735727400000000),
                                  .kind = LLMQ_KIND_TASK,
                                  .status = LLMQ_STATUS_COMPLETED};

static struct json_object *body_of(const llmq_outbox_t *r, const llmq_job_t *job)
{
    const char *text = llmq_notice_body(r, job, test_pool);
    struct json_object *obj = NULL;

    ck_assert_int_eq(llmq_json_parse(&obj, text, strlen(text), 16, NULL, test_pool),
                     APR_SUCCESS);
    return obj;
}

static const char *text_of(struct json_object *obj, const char *name)
{
    return json_object_get_string(llmq_json_member(obj, name));
}

START_TEST(a_notice_has_an_id_of_its_own)
{
    llmq_outbox_t other = row;

    other.seq = 8;
    ck_assert_str_eq(llmq_notice_id(&row, test_pool), "evt_task_1_7");
    ck_assert_str_ne(llmq_notice_id(&row, test_pool), llmq_notice_id(&other, test_pool));
}
END_TEST

START_TEST(the_type_tells_what_became_of_the_job)
{
    static const struct {
        llmq_kind_e kind;
        llmq_status_e status;
        const char *type;
    } cases[] = {
        {LLMQ_KIND_TASK, LLMQ_STATUS_COMPLETED, "task.completed"},
        {LLMQ_KIND_TASK, LLMQ_STATUS_FAILED, "task.failed"},
        {LLMQ_KIND_TASK, LLMQ_STATUS_TIMEOUT, "task.failed"},
        {LLMQ_KIND_TASK, LLMQ_STATUS_CANCELED, "task.canceled"},
        {LLMQ_KIND_MESSAGE, LLMQ_STATUS_COMPLETED, "message.completed"},
        {LLMQ_KIND_MESSAGE, LLMQ_STATUS_FAILED, "message.failed"},
        {LLMQ_KIND_MESSAGE, LLMQ_STATUS_TIMEOUT, "message.timeout"},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        llmq_outbox_t r = row;

        r.kind = cases[i].kind;
        r.status = cases[i].status;
        ck_assert_str_eq(text_of(body_of(&r, NULL), "type"), cases[i].type);
    }
}
END_TEST

START_TEST(the_data_is_the_job)
{
    llmq_job_t job = {.id = "task_1",
                      .tenant = "default",
                      .type = "embedding_generation",
                      .user = "kb_1",
                      .payload = "{\"a\":1}",
                      .payload_len = 7,
                      .metadata = "{}",
                      .result = "{\"pages\":3}",
                      .kind = LLMQ_KIND_TASK,
                      .level = LLMQ_LEVEL_NORMAL,
                      .status = LLMQ_STATUS_COMPLETED};
    struct json_object *body = body_of(&row, &job);
    struct json_object *data = llmq_json_member(body, "data");

    ck_assert_str_eq(text_of(body, "timestamp"), "2025-01-01T10:30:00Z");
    ck_assert_str_eq(text_of(data, "id"), "task_1");
    ck_assert_str_eq(text_of(data, "task_type"), "embedding_generation");
    ck_assert_str_eq(text_of(data, "status"), "completed");
    ck_assert_str_eq(text_of(llmq_json_member(data, "result"), "pages"), "3");
    job.kind = LLMQ_KIND_MESSAGE;
    job.type = NULL;
    job.payload = "hello";
    job.payload_len = 5;
    job.result = NULL;
    data = llmq_json_member(body_of(&row, &job), "data");
    ck_assert_str_eq(text_of(data, "content"), "hello");
}
END_TEST

START_TEST(of_a_job_that_is_gone_its_id_and_state_are_told)
{
    struct json_object *data = llmq_json_member(body_of(&row, NULL), "data");

    ck_assert_str_eq(text_of(data, "id"), "task_1");
    ck_assert_str_eq(text_of(data, "status"), "completed");
}
END_TEST

START_TEST(headers_are_those_of_standard_webhooks)
{
    llmq_webhook_keys_t keys = {.n = 0};
    llmq_webhook_said_t said = {.id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
                                .sent_sec = 1614265330,
                                .body = "{\"test\": 2432232314}",
                                .body_len = 20};
    const char *lines[LLMQ_NOTICE_HEADERS_MAX];

    llmq_webhook_sign_parse(&keys.key[keys.n++], "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                            test_pool);
    ck_assert_int_eq(llmq_notice_headers(lines, &said, &keys, test_pool), 3);
    ck_assert_str_eq(lines[0], "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek");
    ck_assert_str_eq(lines[1], "webhook-timestamp: 1614265330");
    ck_assert_str_eq(
        lines[2], "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    ck_assert_int_eq(llmq_notice_headers(lines, &said, NULL, test_pool), 2);
}
END_TEST

START_TEST(a_tenants_own_keys_come_before_those_of_all)
{
    llmq_webhook_keys_t own = {.n = 0}, all = {.n = 0};
    apr_hash_t *keys = apr_hash_make(test_pool);

    ck_assert_ptr_null(llmq_notice_keys(keys, "a"));
    apr_hash_set(keys, "", APR_HASH_KEY_STRING, &all);
    apr_hash_set(keys, "a", APR_HASH_KEY_STRING, &own);
    ck_assert_ptr_eq(llmq_notice_keys(keys, "a"), &own);
    ck_assert_ptr_eq(llmq_notice_keys(keys, "b"), &all);
}
END_TEST

TCase *case_notice(void)
{
    TCase *tc = test_case("notice");

    tcase_add_test(tc, a_notice_has_an_id_of_its_own);
    tcase_add_test(tc, the_type_tells_what_became_of_the_job);
    tcase_add_test(tc, the_data_is_the_job);
    tcase_add_test(tc, of_a_job_that_is_gone_its_id_and_state_are_told);
    tcase_add_test(tc, headers_are_those_of_standard_webhooks);
    tcase_add_test(tc, a_tenants_own_keys_come_before_those_of_all);
    return tc;
}
