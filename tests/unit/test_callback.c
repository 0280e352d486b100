#include "support.h"

#include "core/callback.h"

#include <apr_strings.h>

#include <string.h>

START_TEST(urls_are_kept_in_one_spelling)
{
    static const char *const pairs[][2] = {
        {"http://example.com", "http://example.com/"},
        {"HTTPS://Example.COM:8443/Hook?A=b%20c",
         "https://example.com:8443/Hook?A=b%20c"},
        {"http://127.0.0.1:9/x", "http://127.0.0.1:9/x"},
        {"http://[::1]:9/x", "http://[::1]:9/x"},
        {"http://[2001:DB8::1]", "http://[2001:db8::1]/"},
        {"http://a_b.internal./", "http://a_b.internal./"},
        {"http://2130706433/", "http://2130706433/"}, /* refused when it is connected */
        {"http://example.com?x=1", "http://example.com/?x=1"},
    };
    const char *url, *why;
    size_t i;

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        ck_assert_msg(llmq_callback_parse(&url, &why, pairs[i][0], test_pool)
                          == APR_SUCCESS,
                      "%s: %s", pairs[i][0], why);
        ck_assert_str_eq(url, pairs[i][1]);
    }
}
END_TEST

START_TEST(what_is_no_such_url_is_refused)
{
    static const char *const texts[] = {"",
                                        "example.com",
                                        "/hook",
                                        "//example.com/",
                                        "ftp://example.com/",
                                        "file:///etc/passwd",
                                        "gopher://example.com/",
                                        "http:example.com",
                                        "http:/example.com",
                                        "http:///hook",
                                        "http://",
                                        "http://:80/",
                                        "http://user@example.com/",
                                        "http://user:word@example.com/",
                                        "http://@example.com/",
                                        "http://example.com#x",
                                        "http://example.com/#x",
                                        "http://example.com:0/",
                                        "http://example.com:65536/",
                                        "http://example.com:/",
                                        "http://example.com:x/",
                                        "http://example.com:80:90/",
                                        "http://exa mple.com/",
                                        "http://example.com/a b",
                                        "http://example.com\\@evil.org/",
                                        "http://example.com/\r\nX: y",
                                        "http://ex%61mple.com/",
                                        "http://b\xc3\xbc"
                                        "cher.example/",
                                        "http://a..b/",
                                        "http://.a/",
                                        "http://[::1/",
                                        "http://[[f1]0/",
                                        "http://[::1]x/",
                                        "http://[::1]x:80/",
                                        "http://[fe80::1%25eth0]/",
                                        "http://[not:an:address]/",
                                        "http://::1/"};
    const char *url = "as before";
    const char *why;
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        why = NULL;
        ck_assert_msg(llmq_callback_parse(&url, &why, texts[i], test_pool) == APR_EINVAL,
                      "%s", texts[i]);
        ck_assert_ptr_nonnull(why);
    }
    ck_assert_str_eq(url, "as before");
}
END_TEST

START_TEST(length_is_bounded)
{
    char *text = apr_palloc(test_pool, LLMQ_CALLBACK_MAX + 2);
    const char *url, *why;

    memset(text, 'a', LLMQ_CALLBACK_MAX + 1);
    memcpy(text, "http://h/", 9);
    text[LLMQ_CALLBACK_MAX] = '\0';
    ck_assert_int_eq(llmq_callback_parse(&url, &why, text, test_pool), APR_SUCCESS);
    text[LLMQ_CALLBACK_MAX] = 'a';
    text[LLMQ_CALLBACK_MAX + 1] = '\0';
    ck_assert_int_eq(llmq_callback_parse(&url, &why, text, test_pool), APR_EINVAL);
}
END_TEST

START_TEST(the_host_is_found_again)
{
    ck_assert_str_eq(llmq_callback_host("http://example.com/", test_pool), "example.com");
    ck_assert_str_eq(llmq_callback_host("http://h:80/x:y", test_pool), "h");
    ck_assert_str_eq(llmq_callback_host("https://[::1]:80/", test_pool), "::1");
}
END_TEST

START_TEST(everybody_is_told_once)
{
    const char *common[] = {"http://a/", "http://b/", "http://a/"};

    ck_assert_ptr_null(llmq_callback_list(NULL, NULL, 0, test_pool));
    ck_assert_str_eq(llmq_callback_list("http://o/", NULL, 0, test_pool),
                     "[\"http://o/\"]");
    ck_assert_str_eq(llmq_callback_list("http://b/", common, 3, test_pool),
                     "[\"http://a/\",\"http://b/\"]");
    ck_assert_str_eq(llmq_callback_list("http://o/", common, 1, test_pool),
                     "[\"http://a/\",\"http://o/\"]");
}
END_TEST

TCase *case_callback(void)
{
    TCase *tc = test_case("callback");

    tcase_add_test(tc, urls_are_kept_in_one_spelling);
    tcase_add_test(tc, what_is_no_such_url_is_refused);
    tcase_add_test(tc, length_is_bounded);
    tcase_add_test(tc, the_host_is_found_again);
    tcase_add_test(tc, everybody_is_told_once);
    return tc;
}
