#include "backend/backend_raw_pieces.h"

#include "base/json.h"
#include "support.h"

#include <string.h>

static char told[4096];
static int n_told;
static int most; /* pieces that are taken */

static apr_status_t take(void *ctx, const char *data, apr_size_t len)
{
    (void)ctx;
    ck_assert_uint_eq(strlen(data), len);
    ck_assert_uint_lt(strlen(told) + len + 2, sizeof(told));
    strcat(told, data);
    strcat(told, "\n");
    return ++n_told <= most ? APR_SUCCESS : APR_NOTFOUND;
}

static apr_status_t tell(const char *answer, int is_chat, int wants_usage)
{
    const llmq_backend_raw_pieces_t how = {is_chat, wants_usage, take, NULL};
    struct json_object *obj = NULL;

    told[0] = '\0';
    n_told = 0;
    most = most ? most : 10;
    ck_assert_int_eq(llmq_json_parse(&obj, answer, strlen(answer), 16, NULL, test_pool),
                     APR_SUCCESS);
    return llmq_backend_raw_pieces_tell(&how, obj);
}

#define USAGE "\"usage\":{\"total_tokens\":5}"

static const char chat[] =
    "{\"id\":\"c\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":"
    "{\"role\":\"assistant\",\"content\":\"Hi\"},\"logprobs\":null,\"finish_reason\":"
    "\"stop\"}]," USAGE "}";

#define SAID                                                                             \
    "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"      \
    "\"logprobs\":null,\"finish_reason\":null,\"delta\":{\"role\":\"assistant\","        \
    "\"content\":\"Hi\"}}]}\n"
#define ENDED                                                                            \
    "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"      \
    "\"delta\":{},\"finish_reason\":\"stop\"}]}\n"
#define USED                                                                             \
    "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[]," USAGE "}\n"

START_TEST(a_chat_is_said_and_ends)
{
    ck_assert_int_eq(tell(chat, 1, 0), APR_SUCCESS);
    ck_assert_str_eq(told, SAID ENDED);
}
END_TEST

START_TEST(usage_is_for_those_who_ask)
{
    ck_assert_int_eq(tell(chat, 1, 1), APR_SUCCESS);
    ck_assert_str_eq(told, SAID ENDED USED);
}
END_TEST

START_TEST(calls_of_tools_have_an_index)
{
    ck_assert_int_eq(tell("{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":\"a\"},"
                          "{\"id\":\"b\"},7]},\"finish_reason\":\"tool_calls\"},3,{}]}",
                          1, 1),
                     APR_SUCCESS);
    ck_assert_ptr_nonnull(
        strstr(told, "[{\"id\":\"a\",\"index\":0},{\"id\":\"b\",\"index\":1},7]"));
    ck_assert_ptr_nonnull(strstr(told, "\"finish_reason\":\"tool_calls\""));
    ck_assert_ptr_nonnull(strstr(told, "\"index\":2"));
    ck_assert_int_eq(n_told, 2);
}
END_TEST

START_TEST(a_completion_is_one_chunk)
{
    ck_assert_int_eq(tell("{\"object\":\"text_completion\",\"choices\":[{\"text\":\"x\","
                          "\"finish_reason\":\"stop\"}]," USAGE "}",
                          0, 0),
                     APR_SUCCESS);
    ck_assert_str_eq(told, "{\"object\":\"text_completion\",\"choices\":[{\"text\":\"x\","
                           "\"finish_reason\":\"stop\"}]}\n");
}
END_TEST

START_TEST(what_has_no_choices_is_passed_on)
{
    ck_assert_int_eq(tell("{\"choices\":7,\"a\":1.50}", 1, 1), APR_SUCCESS);
    ck_assert_str_eq(told, "{\"choices\":7,\"a\":1.50}\n");
}
END_TEST

START_TEST(who_takes_no_more_is_told_no_more)
{
    most = _i;
    ck_assert_int_eq(tell(chat, 1, 1), APR_NOTFOUND);
    ck_assert_int_eq(n_told, _i + 1);
}
END_TEST

TCase *case_backend_raw_pieces(void)
{
    TCase *tc = test_case("backend_raw_pieces");

    tcase_add_test(tc, a_chat_is_said_and_ends);
    tcase_add_test(tc, usage_is_for_those_who_ask);
    tcase_add_test(tc, calls_of_tools_have_an_index);
    tcase_add_test(tc, a_completion_is_one_chunk);
    tcase_add_test(tc, what_has_no_choices_is_passed_on);
    tcase_add_loop_test(tc, who_takes_no_more_is_told_no_more, 1, 3);
    return tc;
}
