#include "store_support.h"

#include "store/store_key.h"

static void save(const char *hash, const char *id, const char *tenant)
{
    llmq_apikey_t key = {.hash = hash,
                         .id = id,
                         .tenant = tenant,
                         .subject = "us'er",
                         .scope = "read write",
                         .admin = 1,
                         .created_at = STORE_TEST_T0,
                         .expires_at = STORE_TEST_T0 + 1};

    ck_assert_int_eq(llmq_store_key_save(store_test.store, &key, test_pool), APR_SUCCESS);
}

static apr_status_t find(llmq_apikey_t *key, const char *hash)
{
    return llmq_store_key_find(key, store_test.store, hash, test_pool);
}

static int count(const char *tenant)
{
    llmq_apikey_t *keys;
    int n = -1;

    ck_assert_int_eq(llmq_store_key_list(&keys, &n, store_test.store, tenant, test_pool),
                     APR_SUCCESS);
    return n;
}

START_TEST(a_key_is_found_by_its_hash)
{
    llmq_apikey_t key = {0};

    store_test_open(_i);
    save("aa", "key_1", "acme");
    ck_assert_int_eq(find(&key, "aa"), APR_SUCCESS);
    ck_assert_str_eq(key.id, "key_1");
    ck_assert_str_eq(key.tenant, "acme");
    ck_assert_str_eq(key.subject, "us'er");
    ck_assert_str_eq(key.scope, "read write");
    ck_assert_int_eq(key.admin, 1);
    ck_assert_int_eq(key.created_at, STORE_TEST_T0);
    ck_assert_int_eq(key.expires_at, STORE_TEST_T0 + 1);
    ck_assert_int_eq(key.revoked_at, 0);
    ck_assert_int_eq(find(&key, "AA"), APR_NOTFOUND);
    ck_assert_int_eq(find(&key, "key_1"), APR_NOTFOUND);
    store_test_close();
}
END_TEST

START_TEST(a_key_without_scope_or_end_is_kept)
{
    llmq_apikey_t key = {.hash = "bb", .id = "key_2", .tenant = "t", .subject = "s"};
    llmq_apikey_t got = {0};

    store_test_open(_i);
    ck_assert_int_eq(llmq_store_key_save(store_test.store, &key, test_pool), APR_SUCCESS);
    ck_assert_int_eq(find(&got, "bb"), APR_SUCCESS);
    ck_assert_str_eq(got.scope, "");
    ck_assert_int_eq(got.admin, 0);
    ck_assert_int_eq(got.expires_at, 0);
    store_test_close();
}
END_TEST

START_TEST(keys_are_listed_by_tenant)
{
    store_test_open(_i);
    ck_assert_int_eq(count(NULL), 0);
    save("aa", "key_1", "acme");
    save("bb", "key_2", "acme");
    save("cc", "key_3", "other");
    ck_assert_int_eq(count("acme"), 2);
    ck_assert_int_eq(count("other"), 1);
    ck_assert_int_eq(count("none"), 0);
    ck_assert_int_eq(count(NULL), 3);
    store_test_close();
}
END_TEST

START_TEST(a_key_is_revoked_once_and_for_all)
{
    llmq_apikey_t key = {0};

    store_test_open(_i);
    save("aa", "key_1", "acme");
    ck_assert_int_eq(llmq_store_key_revoke(store_test.store, "key_1", 5, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_key_revoke(store_test.store, "key_1", 9, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(find(&key, "aa"), APR_SUCCESS);
    ck_assert_int_eq(key.revoked_at, 5);
    ck_assert_int_eq(llmq_store_key_revoke(store_test.store, "aa", 9, test_pool),
                     APR_NOTFOUND);
    store_test_close();
}
END_TEST

TCase *case_store_key(void)
{
    TCase *tc = test_case("store_key");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, a_key_is_found_by_its_hash, 0, dialects);
    tcase_add_loop_test(tc, a_key_without_scope_or_end_is_kept, 0, dialects);
    tcase_add_loop_test(tc, keys_are_listed_by_tenant, 0, dialects);
    tcase_add_loop_test(tc, a_key_is_revoked_once_and_for_all, 0, dialects);
    return tc;
}
