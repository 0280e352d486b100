#include "support.h"

#include "backend/backend.h"
#include "base/json.h"

#include <json-c/json.h>

#include <string.h>

static const llmq_backend_conf_t echo_conf = {.name = "local", .kind = LLMQ_BACKEND_ECHO};

static int ended;

static void count_end(llmq_call_t *call)
{
    (void)call;
    ended++;
}

static llmq_call_t call_of(const llmq_backend_conf_t *conf)
{
    llmq_call_t call;

    memset(&call, 0x5a, sizeof(call));
    call.backend = conf;
    call.id = "msg_1";
    call.messages = "[{\"role\":\"user\",\"content\":\"hi there\"}]";
    call.check = NULL;
    call.body = NULL;
    call.raw = NULL;
    call.headers = NULL;
    call.n_headers = call.deaf = 0;
    call.egress = NULL;
    call.answer = NULL;
    call.done = count_end;
    call.pool = test_pool;
    ended = 0;
    return call;
}

static struct json_object *parse(const char *text)
{
    struct json_object *obj = NULL;

    ck_assert_int_eq(llmq_json_parse(&obj, text, strlen(text), 8, NULL, test_pool),
                     APR_SUCCESS);
    return obj;
}

START_TEST(backend_kind_names_parse_to_themselves)
{
    int kind;

    for (kind = 0; kind < LLMQ_BACKEND_KIND_COUNT; kind++) {
        llmq_backend_kind_e parsed = LLMQ_BACKEND_KIND_COUNT;

        ck_assert_int_eq(llmq_backend_kind_parse(&parsed, llmq_backend_kind_name(kind)),
                         APR_SUCCESS);
        ck_assert_int_eq(parsed, kind);
    }
    ck_assert_str_eq(llmq_backend_kind_name(LLMQ_BACKEND_ECHO), "echo");
    ck_assert_str_eq(llmq_backend_kind_name(LLMQ_BACKEND_OPENAI), "openai");
    ck_assert_str_eq(llmq_backend_kind_name(LLMQ_BACKEND_HTTP), "http");
    ck_assert_str_eq(llmq_backend_kind_name(LLMQ_BACKEND_KIND_COUNT), "unknown");
}
END_TEST

START_TEST(backend_kind_parse_refuses_other_words)
{
    static const char *const words[] = {NULL, "", "Echo", "echo ", "unknown"};
    llmq_backend_kind_e kind = LLMQ_BACKEND_KIND_COUNT;
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        ck_assert_int_eq(llmq_backend_kind_parse(&kind, words[i]), APR_EINVAL);
        ck_assert_int_eq(kind, LLMQ_BACKEND_KIND_COUNT);
    }
}
END_TEST

START_TEST(backend_start_ends_an_echo_call_once_and_at_once)
{
    llmq_call_t call = call_of(&echo_conf);

    llmq_backend_start(NULL, &call);
    ck_assert_int_eq(ended, 1);
    ck_assert_int_eq(call.ok, 1);
    ck_assert_str_eq(call.content, "Echo: hi there");
    ck_assert_int_gt(call.started_at, 0);
    ck_assert_int_ge(call.first_at, call.started_at);
    ck_assert_int_ge(call.ended_at, call.first_at);
}
END_TEST

START_TEST(backend_start_finds_echo_well)
{
    llmq_call_t call = call_of(&echo_conf);

    call.messages = NULL;
    call.check = "/models";
    llmq_backend_start(NULL, &call);
    ck_assert_int_eq(ended, 1);
    ck_assert_int_eq(call.ok, 1);
}
END_TEST

START_TEST(backend_start_forgets_an_earlier_outcome)
{
    llmq_call_t call = call_of(&echo_conf);

    call.messages = "no messages";
    llmq_backend_start(NULL, &call);
    ck_assert_int_eq(ended, 1);
    ck_assert_int_eq(call.ok, 0);
    ck_assert_int_eq(call.failure.kind, LLMQ_FAILURE_REQUEST);
    ck_assert_int_eq(call.failure.http_status, 0);
    ck_assert_int_eq(call.failure.retry_after, 0);
    ck_assert_ptr_null(call.content);
    ck_assert_int_eq(call.prompt_tokens, -1);
    ck_assert_int_eq(call.first_at, 0);
}
END_TEST

START_TEST(backend_start_refuses_an_unknown_kind)
{
    static const llmq_backend_conf_t conf = {.name = "x",
                                             .kind = LLMQ_BACKEND_KIND_COUNT};
    llmq_call_t call = call_of(&conf);

    llmq_backend_start(NULL, &call);
    ck_assert_int_eq(ended, 1);
    ck_assert_int_eq(call.ok, 0);
    ck_assert_int_eq(call.failure.kind, LLMQ_FAILURE_REQUEST);
}
END_TEST

START_TEST(backend_result_has_the_members_of_the_contract)
{
    llmq_call_t call = call_of(&echo_conf);

    call.content = "a \"b\"\n";
    call.model = "m";
    call.finish_reason = "length";
    call.prompt_tokens = 2147483647;
    call.completion_tokens = 2;
    ck_assert_str_eq(
        llmq_backend_result(&call, test_pool),
        "{\"content\":\"a \\\"b\\\"\\n\",\"model\":\"m\","
        "\"finish_reason\":\"length\",\"usage\":{\"prompt_tokens\":2147483647,"
        "\"completion_tokens\":2,\"total_tokens\":2147483649},"
        "\"backend\":\"local\"}");
}
END_TEST

START_TEST(backend_result_shows_unknown_counts_as_null)
{
    llmq_call_t call = call_of(&echo_conf);
    struct json_object *usage;
    struct json_object *n;

    call.content = "";
    call.model = call.finish_reason = "x";
    call.prompt_tokens = 7;
    call.completion_tokens = -1;
    json_object_object_get_ex(parse(llmq_backend_result(&call, test_pool)), "usage",
                              &usage);
    json_object_object_get_ex(usage, "prompt_tokens", &n);
    ck_assert_int_eq(json_object_get_int(n), 7);
    ck_assert(json_object_object_get_ex(usage, "completion_tokens", &n) && !n);
    ck_assert(json_object_object_get_ex(usage, "total_tokens", &n) && !n);
}
END_TEST

START_TEST(backend_error_names_each_kind_of_failure)
{
    static const char *const names[] = {"unreachable", "connect",  "timeout",
                                        "status",      "protocol", "request"};
    int kind;

    for (kind = 0; kind <= LLMQ_FAILURE_REQUEST; kind++) {
        llmq_call_t call = call_of(&echo_conf);
        struct json_object *error;
        struct json_object *type;

        call.failure = (llmq_failure_t){.kind = (llmq_failure_e)kind};
        call.error = "because";
        error = parse(llmq_backend_error(&call, test_pool));
        json_object_object_get_ex(error, "type", &type);
        ck_assert_str_eq(json_object_get_string(type), names[kind]);
    }
}
END_TEST

START_TEST(backend_error_has_the_members_of_the_header)
{
    llmq_call_t call = call_of(&echo_conf);

    call.failure = (llmq_failure_t){.kind = LLMQ_FAILURE_STATUS, .http_status = 429};
    call.error = "slow down";
    ck_assert_str_eq(llmq_backend_error(&call, test_pool),
                     "{\"type\":\"status\",\"message\":\"slow down\",\"http_status\":429,"
                     "\"backend\":\"local\"}");
    call.failure = (llmq_failure_t){.kind = LLMQ_FAILURE_TIMEOUT};
    ck_assert_str_eq(
        llmq_backend_error(&call, test_pool),
        "{\"type\":\"timeout\",\"message\":\"slow down\",\"http_status\":null,"
        "\"backend\":\"local\"}");
}
END_TEST

START_TEST(backend_start_refuses_raw_calls_where_nobody_knows_them)
{
    llmq_backend_conf_t conf = {
        .name = "b", .kind = LLMQ_BACKEND_HTTP, .url = "http://x"};
    llmq_raw_t raw = {.path = "/embeddings", .http_status = 7, .chunks = 7};
    llmq_call_t call = call_of(&conf);

    call.raw = &raw;
    call.body = "{}";
    llmq_backend_start(NULL, &call);
    ck_assert_int_eq(ended, 1);
    ck_assert_int_eq(call.ok, 0);
    ck_assert_int_eq(call.failure.kind, LLMQ_FAILURE_REQUEST);
    ck_assert_int_eq(raw.http_status, 0);
    ck_assert_int_eq(raw.chunks, 0);
}
END_TEST

START_TEST(backend_result_of_a_raw_call_is_without_its_answer)
{
    llmq_backend_conf_t conf = {.name = "b", .kind = LLMQ_BACKEND_ECHO};
    llmq_raw_t raw = {.path = "/embeddings"};
    llmq_call_t call = call_of(&conf);

    call.raw = &raw;
    call.body = "{\"input\":\"a b\"}";
    llmq_backend_start(NULL, &call);
    ck_assert_int_eq(call.ok, 1);
    ck_assert_str_eq(llmq_backend_result(&call, test_pool),
                     "{\"model\":\"echo\",\"finish_reason\":null,\"usage\":{"
                     "\"prompt_tokens\":2,\"completion_tokens\":0,\"total_tokens\":2},"
                     "\"backend\":\"b\"}");
}
END_TEST

TCase *case_backend(void)
{
    TCase *tc = test_case("backend");

    tcase_add_test(tc, backend_kind_names_parse_to_themselves);
    tcase_add_test(tc, backend_kind_parse_refuses_other_words);
    tcase_add_test(tc, backend_start_ends_an_echo_call_once_and_at_once);
    tcase_add_test(tc, backend_start_finds_echo_well);
    tcase_add_test(tc, backend_start_forgets_an_earlier_outcome);
    tcase_add_test(tc, backend_start_refuses_an_unknown_kind);
    tcase_add_test(tc, backend_result_has_the_members_of_the_contract);
    tcase_add_test(tc, backend_result_shows_unknown_counts_as_null);
    tcase_add_test(tc, backend_error_names_each_kind_of_failure);
    tcase_add_test(tc, backend_error_has_the_members_of_the_header);
    tcase_add_test(tc, backend_start_refuses_raw_calls_where_nobody_knows_them);
    tcase_add_test(tc, backend_result_of_a_raw_call_is_without_its_answer);
    return tc;
}
