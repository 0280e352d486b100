#include "support.h"

#include "core/webhook_sign.h"
#include "llmq.h"

#include <apr_file_io.h>
#include <apr_strings.h>

#include <string.h>

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static const llmq_webhook_said_t said = {.id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
                                         .sent_sec = 1614265330,
                                         .body = "{\"test\": 2432232314}",
                                         .body_len = 20};

static void add(llmq_webhook_keys_t *keys, const char *text)
{
    ck_assert_int_eq(llmq_webhook_sign_parse(&keys->key[keys->n], text, test_pool),
                     APR_SUCCESS);
    keys->n++;
}

/* The example of the Standard Webhooks specification. */
START_TEST(a_known_message_has_the_known_signature)
{
    llmq_webhook_keys_t keys = {.n = 0};

    add(&keys, SECRET);
    ck_assert_str_eq(llmq_webhook_sign(&keys, &said, test_pool),
                     "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}
END_TEST

/* python3: b64encode(hmac.digest(b"plain text key", b"<id>.<time>.<body>", "sha256")) */
START_TEST(several_keys_sign_side_by_side_and_plain_text_is_a_key)
{
    llmq_webhook_keys_t keys = {.n = 0};

    add(&keys, "plain text key");
    add(&keys, SECRET);
    ck_assert_str_eq(llmq_webhook_sign(&keys, &said, test_pool),
                     "v1,l4wQhmWKBL2fUtQ8xA86hcZvVMXZKhLQQ6CcCtQcxfs="
                     " v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}
END_TEST

START_TEST(without_a_key_there_is_no_signature)
{
    llmq_webhook_keys_t keys = {.n = 0};

    ck_assert_ptr_null(llmq_webhook_sign(&keys, &said, test_pool));
}
END_TEST

START_TEST(bad_keys_are_refused)
{
    char long_key[2 * LLMQ_WEBHOOK_SIGN_KEY_MAX + 2];
    const char *bad[] = {"", "whsec_", "whsec_%%%", "whsec_not base64", long_key};
    llmq_webhook_key_t key = {NULL, 7};
    size_t i;

    memset(long_key, 'k', sizeof(long_key) - 1);
    long_key[sizeof(long_key) - 1] = '\0';
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(llmq_webhook_sign_parse(&key, bad[i], test_pool), APR_EINVAL);
    }
    ck_assert_int_eq(key.len, 7);
}
END_TEST

static const char *file_with(const char *text, apr_size_t len)
{
    const char *dir = NULL;
    char *path;
    apr_file_t *file = NULL;

    apr_temp_dir_get(&dir, test_pool);
    path = apr_pstrcat(test_pool, dir, "/llmq-keys-XXXXXX", NULL);
    ck_assert_int_eq(apr_file_mktemp(&file, path, 0, test_pool), APR_SUCCESS);
    apr_file_write_full(file, text, len, NULL);
    return path;
}

static apr_status_t load(llmq_webhook_keys_t *keys, const char *text, apr_size_t len)
{
    const char *path = file_with(text, len);

    keys->n = 0;
    return llmq_webhook_sign_load(keys, path, test_pool);
}

START_TEST(a_file_holds_a_key_a_line)
{
    llmq_webhook_keys_t keys;
    const char *two = SECRET "\r\n\nplain text key\n";
    const char *many = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";

    ck_assert_int_eq(load(&keys, two, strlen(two)), APR_SUCCESS);
    ck_assert_int_eq(keys.n, 2);
    ck_assert_int_eq(keys.key[0].len, 24);
    ck_assert_int_eq(keys.key[1].len, 14);
    ck_assert_int_eq(load(&keys, "", 0), APR_EINVAL);
    ck_assert_int_eq(load(&keys, "\n\n", 2), APR_EINVAL);
    ck_assert_int_eq(load(&keys, "a\0b", 3), APR_EINVAL);
    ck_assert_int_eq(load(&keys, "whsec_?\n", 8), APR_EINVAL);
    ck_assert_int_eq(load(&keys, many, strlen(many)), LLMQ_EFULL);
    ck_assert_int_ne(llmq_webhook_sign_load(&keys, "/does/not/exist", test_pool),
                     APR_SUCCESS);
}
END_TEST

TCase *case_webhook_sign(void)
{
    TCase *tc = test_case("webhook_sign");

    tcase_add_test(tc, a_known_message_has_the_known_signature);
    tcase_add_test(tc, several_keys_sign_side_by_side_and_plain_text_is_a_key);
    tcase_add_test(tc, without_a_key_there_is_no_signature);
    tcase_add_test(tc, bad_keys_are_refused);
    tcase_add_test(tc, a_file_holds_a_key_a_line);
    return tc;
}
