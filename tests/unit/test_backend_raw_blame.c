#include "backend/backend_raw_blame.h"

#include "base/json.h"
#include "support.h"

#include <string.h>

#define NO_REASON "The backend reports an error and gives no reason"
#define TEXT                                                                             \
    "{\"error\":{\"message\":\"text\",\"type\":\"invalid_request_error\","               \
    "\"param\":null,\"code\":null}}"

static const struct {
    const char *answer;
    const char *body; /* NULL: nothing for callers */
} trials[] = {
    {"{\"error\":{\"message\":\"a\\nb\",\"type\":\"t\",\"param\":\"p\",\"code\":7}}",
     "{\"error\":{\"message\":\"a b\",\"type\":\"t\",\"param\":\"p\",\"code\":7}}"},
    {"{\"error\":{\"message\":[\"x\"],\"other\":\"y\"}}",
     "{\"error\":{\"message\":\"" NO_REASON
     "\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}"},
    {"{\"error\":{\"code\":\"key https://h/ k-1\"}}",
     "{\"error\":{\"message\":\"" NO_REASON
     "\",\"type\":\"invalid_request_error\",\"param\":null,"
     "\"code\":\"key *** ***\"}}"},
    {"{\"error\":\"text\"}", TEXT},
    {"{\"detail\":\"text\"}", TEXT},
    {"{\"object\":\"error\",\"message\":\"text\",\"type\":\"t\",\"param\":null,\"code\":"
     "404}",
     "{\"error\":{\"message\":\"text\",\"type\":\"t\",\"param\":null,\"code\":404}}"},
    {"{\"other\":\"text\"}", NULL},
    {"[]", NULL},
    {NULL, NULL},
};

START_TEST(an_error_is_made_fit_for_callers)
{
    llmq_backend_conf_t conf = {.name = "b", .key = "k-1"};
    llmq_raw_t raw = {.body = "before", .body_len = 6};
    llmq_call_t call = {.backend = &conf, .raw = &raw, .pool = test_pool};
    struct json_object *answer = NULL;

    if (trials[_i].answer)
        llmq_json_parse(&answer, trials[_i].answer, strlen(trials[_i].answer), 8, NULL,
                        test_pool);
    llmq_backend_raw_blame(&call, answer, 400);
    ck_assert_pstr_eq(raw.body, trials[_i].body);
    ck_assert_uint_eq(raw.body_len, trials[_i].body ? strlen(trials[_i].body) : 0);
}
END_TEST

TCase *case_backend_raw_blame(void)
{
    TCase *tc = test_case("backend_raw_blame");

    tcase_add_loop_test(tc, an_error_is_made_fit_for_callers, 0,
                        (int)(sizeof(trials) / sizeof(trials[0])));
    return tc;
}
