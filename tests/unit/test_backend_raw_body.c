#include "backend/backend_raw_body.h"

#include "support.h"

#include <string.h>

static const struct {
    const char *model; /* the backend's name of it; NULL: as it is */
    int stream;
    const char *body;
    const char *sent; /* NULL: nothing can be */
} trials[] = {
    {NULL, 0, "{ \"model\" : \"m\",  \"x\":1.0 }", "{ \"model\" : \"m\",  \"x\":1.0 }"},
    {"up", 0, "{\"model\":\"m\",\"x\":12345678901234567890123}",
     "{\"model\":\"up\",\"x\":12345678901234567890123}"},
    {"a\"b", 0, "{\"x\":[1e400],\"model\":\"m\"}",
     "{\"x\":[1e400],\"model\":\"a\\\"b\"}"},
    {"up", 0, "{\"x\":1}", "{\"x\":1,\"model\":\"up\"}"},
    {"up", 0, "{ } ", "{\"model\":\"up\" } "},
    {"up", 1, "{\"model\":\"m\",\"stream\":true}",
     "{\"model\":\"up\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}"},
    {"up", 1, "{\"stream_options\":{\"include_usage\":true,\"y\":1},\"model\":\"m\"}\n",
     "{\"stream_options\":{\"include_usage\":true,\"y\":1},\"model\":\"up\"}\n"},
    {"up", 1, "{\"stream_options\":{\"include_usage\":false,\"y\":1},\"model\":\"m\"}",
     "{\"stream_options\":{\"include_usage\":true,\"y\":1},\"model\":\"up\"}"},
    {"up", 1, "{\"stream_options\":null,\"model\":\"m\"}",
     "{\"stream_options\":{\"include_usage\":true},\"model\":\"up\"}"},
    {"up", 0, "{\"stream_options\":null,\"model\":\"m\"}",
     "{\"stream_options\":null,\"model\":\"up\"}"},
    {"up", 0, "{\"model\":\"dear\",\"x\":1,\"model\":\"m\"}",
     "{\"model\":\"up\",\"x\":1,\"model\":\"up\"}"},
    {"up", 0, "{\"mod\\u0065l\":\"dear\",\"model\":\"m\"}",
     "{\"mod\\u0065l\":\"up\",\"model\":\"up\"}"},
    {"up", 0, "{\"\\u006dodel\":\"m\"}", "{\"\\u006dodel\":\"up\"}"},
    {"up", 1, "{\"stream_options\":{},\"model\":\"m\",\"stream_options\":{\"y\":1}}",
     "{\"stream_options\":{\"y\":1,\"include_usage\":true},\"model\":\"up\","
     "\"stream_options\":{\"y\":1,\"include_usage\":true}}"},
    {"up", 1, "[]", NULL},
    {"up", 1, "", NULL},
    {"up", 1, NULL, NULL},
};

START_TEST(a_body_is_sent_as_it_is_but_for_model_and_usage)
{
    static const llmq_backend_conf_t conf = {.name = "b"};
    llmq_raw_t raw = {.model = trials[_i].model, .stream = trials[_i].stream};
    llmq_call_t call = {
        .backend = &conf, .body = trials[_i].body, .raw = &raw, .pool = test_pool};
    apr_size_t len = 0;
    const char *sent = llmq_backend_raw_body(&len, &call);

    if (!trials[_i].sent) {
        ck_assert_ptr_null(sent);
        return;
    }
    ck_assert_str_eq(sent, trials[_i].sent);
    ck_assert_uint_eq(len, strlen(sent));
}
END_TEST

START_TEST(who_asks_for_the_usage_is_known)
{
    llmq_raw_t raw = {.stream = 1};
    llmq_call_t call = {.raw = &raw, .pool = test_pool};

    call.body = "{\"stream_options\":{\"include_usage\":true}}";
    ck_assert_int_ne(llmq_backend_raw_body_wants_usage(&call), 0);
    call.body = "{\"stream_options\":{\"include_usage\":false}}";
    ck_assert_int_eq(llmq_backend_raw_body_wants_usage(&call), 0);
    call.body = "{\"stream_options\":7}";
    ck_assert_int_eq(llmq_backend_raw_body_wants_usage(&call), 0);
    call.body = "{}";
    ck_assert_int_eq(llmq_backend_raw_body_wants_usage(&call), 0);
}
END_TEST

TCase *case_backend_raw_body(void)
{
    TCase *tc = test_case("backend_raw_body");

    tcase_add_loop_test(tc, a_body_is_sent_as_it_is_but_for_model_and_usage, 0,
                        (int)(sizeof(trials) / sizeof(trials[0])));
    tcase_add_test(tc, who_asks_for_the_usage_is_known);
    return tc;
}
