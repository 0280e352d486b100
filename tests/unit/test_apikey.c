#include "support.h"

#include "core/apikey.h"

#include <apr_strings.h>

#include <string.h>

#define NOW APR_INT64_C(1735727400000000)

START_TEST(keys_have_their_form_and_differ)
{
    const char *a = llmq_apikey_create(test_pool);
    const char *b = llmq_apikey_create(test_pool);
    char hash[LLMQ_APIKEY_HASH_SIZE];

    ck_assert(llmq_apikey_is(a));
    ck_assert_uint_eq(strlen(a), LLMQ_APIKEY_LEN);
    ck_assert_str_ne(a, b);
    ck_assert_int_eq(llmq_apikey_hash(hash, a), APR_SUCCESS);
}
END_TEST

START_TEST(the_hash_is_sha_256_in_small_hexadecimal_digits)
{
    char hash[LLMQ_APIKEY_HASH_SIZE];

    /* echo -n llmq_AAA… | sha256sum */
    ck_assert_int_eq(
        llmq_apikey_hash(hash, "llmq_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        APR_SUCCESS);
    ck_assert_str_eq(hash,
                     "e4c1e839b05d2ea107dba5fb843c3536c55c2af4fbb3964f875ca590d209a084");
}
END_TEST

START_TEST(what_cannot_be_a_key_has_no_hash)
{
    static const char *const texts[] = {
        "",
        "llmq_",
        "llmq_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "llmq_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "llmq_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "llmq_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\xff",
        "LLMQ_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "xllmq_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    char hash[LLMQ_APIKEY_HASH_SIZE];
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(llmq_apikey_hash(hash, texts[i]) == APR_EINVAL, "%s", texts[i]);
}
END_TEST

START_TEST(only_a_key_of_here_and_now_is_valid)
{
    static const struct {
        const char *tenant;
        apr_time_t expires_at, revoked_at;
        int valid;
    } rows[] = {{"acme", 0, 0, 1},   {"acme", NOW + 1, 0, 1},
                {"acme", NOW, 0, 0}, {"acme", NOW - 1, 0, 0},
                {"acme", 0, 1, 0},   {"acme", 0, NOW + 9, 0},
                {"other", 0, 0, 0},  {"", 0, 0, 0}};
    llmq_result_t why;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        llmq_apikey_t key = {.tenant = rows[i].tenant,
                             .expires_at = rows[i].expires_at,
                             .revoked_at = rows[i].revoked_at};

        memset(&why, 0, sizeof(why));
        ck_assert_msg((llmq_apikey_check(&key, "acme", NOW, &why) == APR_SUCCESS)
                          == rows[i].valid,
                      "row %d", (int)i);
        ck_assert_int_eq(why.problem,
                         rows[i].valid ? LLMQ_PROBLEM_NONE : LLMQ_PROBLEM_UNAUTHORIZED);
    }
}
END_TEST

TCase *case_apikey(void)
{
    TCase *tc = test_case("apikey");

    tcase_add_test(tc, keys_have_their_form_and_differ);
    tcase_add_test(tc, the_hash_is_sha_256_in_small_hexadecimal_digits);
    tcase_add_test(tc, what_cannot_be_a_key_has_no_hash);
    tcase_add_test(tc, only_a_key_of_here_and_now_is_valid);
    return tc;
}
