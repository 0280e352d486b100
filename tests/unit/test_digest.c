#include "support.h"

#include "core/digest.h"

#include <apr_strings.h>

#include <string.h>

static const char *hex(const char *a, const char *b)
{
    llmq_digest_part_t parts[] = {LLMQ_DIGEST_TEXT(a), LLMQ_DIGEST_TEXT(b)};

    return llmq_digest_hex(parts, b ? 2 : 1, test_pool);
}

START_TEST(digest_is_sha256_of_length_and_bytes)
{
    /* printf '\3\0\0\0\0\0\0\0abc' | sha256sum */
    ck_assert_str_eq(hex("abc", NULL),
                     "ce91dc5eec0139adf091900d225971d6ad246a845bad791b5693a9d0d55dd391");
    ck_assert_uint_eq(strlen(hex("", NULL)) + 1, LLMQ_DIGEST_SIZE);
    ck_assert_str_eq(hex("x", "y"), hex("x", "y"));
}
END_TEST

START_TEST(lists_that_differ_never_look_the_same)
{
    ck_assert_str_ne(hex("ab", "c"), hex("a", "bc"));
    ck_assert_str_ne(hex("abc", ""), hex("", "abc"));
    ck_assert_str_ne(hex("abc", ""), hex("abc", NULL));
}
END_TEST

TCase *case_digest(void)
{
    TCase *tc = test_case("digest");

    tcase_add_test(tc, digest_is_sha256_of_length_and_bytes);
    tcase_add_test(tc, lists_that_differ_never_look_the_same);
    return tc;
}
