#include "support.h"

#include "backend/backend_trouble.h"

START_TEST(the_codes_of_curl_are_known)
{
    static const struct {
        CURLcode code;
        llmq_backend_trouble_e trouble;
    } cases[] = {
        {CURLE_OK, LLMQ_BACKEND_TROUBLE_NONE},
        {CURLE_COULDNT_CONNECT, LLMQ_BACKEND_TROUBLE_REFUSED},
        {CURLE_OPERATION_TIMEDOUT, LLMQ_BACKEND_TROUBLE_CONNECT_TIME},
        {CURLE_PEER_FAILED_VERIFICATION, LLMQ_BACKEND_TROUBLE_CERTIFICATE},
        {CURLE_RECV_ERROR, LLMQ_BACKEND_TROUBLE_LOST},
        {CURLE_PARTIAL_FILE, LLMQ_BACKEND_TROUBLE_BROKEN},
        {CURLE_TELNET_OPTION_SYNTAX, LLMQ_BACKEND_TROUBLE_OTHER},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_int_eq(llmq_backend_trouble_of(cases[i].code), cases[i].trouble);
    }
}
END_TEST

START_TEST(each_trouble_has_a_sentence_and_makes_a_failure)
{
    int i;

    for (i = LLMQ_BACKEND_TROUBLE_NONE + 1; i < LLMQ_BACKEND_TROUBLE_COUNT; i++) {
        llmq_call_t call = {.ok = 1};

        llmq_backend_trouble_tell(&call, (llmq_backend_trouble_e)i);
        ck_assert_int_eq(call.ok, 0);
        ck_assert_str_eq(call.error,
                         llmq_backend_trouble_sentence((llmq_backend_trouble_e)i));
        ck_assert_int_eq(call.failure.ours,
                         llmq_backend_trouble_stands((llmq_backend_trouble_e)i));
        ck_assert(llmq_backend_trouble_is((llmq_backend_trouble_e)i, call.failure.kind));
    }
    ck_assert_ptr_nonnull(llmq_backend_trouble_sentence(LLMQ_BACKEND_TROUBLE_COUNT));
}
END_TEST

TCase *case_backend_trouble(void)
{
    TCase *tc = test_case("backend_trouble");

    tcase_add_test(tc, the_codes_of_curl_are_known);
    tcase_add_test(tc, each_trouble_has_a_sentence_and_makes_a_failure);
    return tc;
}
