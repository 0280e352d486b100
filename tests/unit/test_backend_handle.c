#include "backend/backend_handle.h"

#include "support.h"

/* What it sets is seen by what calls do: test_backend_curl.c. */
START_TEST(curl_knows_all_that_is_set)
{
    llmq_backend_conf_t conf = {.name = "b", .connect_timeout = _i};
    CURL *easy = curl_easy_init();

    ck_assert_ptr_nonnull(easy);
    ck_assert_int_ne(llmq_backend_handle_set(easy, &conf), 0);
    curl_easy_cleanup(easy);
}
END_TEST

TCase *case_backend_handle(void)
{
    TCase *tc = test_case("backend_handle");

    tcase_add_loop_test(tc, curl_knows_all_that_is_set, 0, 2);
    return tc;
}
