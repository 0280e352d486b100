#include "support.h"

#include "core/keycache.h"

#include <apr_strings.h>

#include <string.h>

#define NOW APR_INT64_C(1735727400000000)
#define AGE apr_time_from_sec(10)

static llmq_keycache_t *cache;

static const char *hash_of(int n)
{
    return apr_psprintf(test_pool, "%064d", n);
}

static void create(void)
{
    ck_assert_int_eq(llmq_keycache_create(&cache, AGE, test_pool), APR_SUCCESS);
}

static apr_status_t find(int n, apr_time_t now)
{
    llmq_apikey_t key = {0};

    return llmq_keycache_find(&key, cache, hash_of(n), now, test_pool);
}

static void put(int n, apr_time_t now)
{
    llmq_apikey_t key = {
        .id = "key_1", .tenant = "acme", .subject = "u", .scope = "a b", .admin = 1};

    llmq_keycache_put(cache, hash_of(n), &key, now);
}

START_TEST(a_record_comes_back_until_it_is_old)
{
    llmq_apikey_t in = {.id = "key_1",
                        .tenant = "acme",
                        .subject = "user",
                        .scope = "a b",
                        .admin = 1,
                        .expires_at = 5,
                        .revoked_at = 7};
    llmq_apikey_t out = {0};

    create();
    ck_assert_int_eq(find(1, NOW), APR_EINCOMPLETE);
    llmq_keycache_put(cache, hash_of(1), &in, NOW);
    ck_assert_int_eq(
        llmq_keycache_find(&out, cache, hash_of(1), NOW + AGE - 1, test_pool),
        APR_SUCCESS);
    ck_assert_str_eq(out.id, "key_1");
    ck_assert_str_eq(out.tenant, "acme");
    ck_assert_str_eq(out.subject, "user");
    ck_assert_str_eq(out.scope, "a b");
    ck_assert_int_eq(out.admin, 1);
    ck_assert_int_eq(out.expires_at, 5);
    ck_assert_int_eq(out.revoked_at, 7);
    ck_assert_int_eq(find(1, NOW + AGE), APR_EINCOMPLETE);
    ck_assert_int_eq(find(2, NOW), APR_EINCOMPLETE);
}
END_TEST

START_TEST(a_key_that_does_not_exist_is_remembered_for_a_tenth)
{
    create();
    llmq_keycache_put(cache, hash_of(1), NULL, NOW);
    ck_assert_int_eq(find(1, NOW + AGE / 10 - 1), APR_NOTFOUND);
    ck_assert_int_eq(find(1, NOW + AGE / 10), APR_EINCOMPLETE);
    put(1, NOW);
    ck_assert_int_eq(find(1, NOW), APR_SUCCESS);
    /* The store has the last word. */
    llmq_keycache_put(cache, hash_of(1), NULL, NOW + 1);
    ck_assert_int_eq(find(1, NOW + 1), APR_NOTFOUND);
}
END_TEST

START_TEST(guesses_do_not_displace_keys)
{
    int i;

    create();
    put(1, NOW);
    for (i = 2; i < 10000; i++)
        llmq_keycache_put(cache, hash_of(i), NULL, NOW);
    ck_assert_int_eq(find(1, NOW), APR_SUCCESS);
}
END_TEST

START_TEST(keys_displace_each_other_and_stay_apart)
{
    int i, found = 0;

    create();
    for (i = 0; i < 1000; i++)
        put(i, NOW);
    for (i = 0; i < 1000; i++)
        found += find(i, NOW) == APR_SUCCESS;
    ck_assert_int_gt(found, 100);
    ck_assert_int_le(found, 256);
}
END_TEST

START_TEST(names_without_room_are_not_cut)
{
    char *scope = apr_palloc(test_pool, LLMQ_APIKEY_SCOPE_MAX + 2);
    llmq_apikey_t key = {.id = "key_1", .tenant = "acme", .subject = "u", .scope = scope};

    memset(scope, 'x', LLMQ_APIKEY_SCOPE_MAX + 1);
    scope[LLMQ_APIKEY_SCOPE_MAX + 1] = '\0';
    create();
    llmq_keycache_put(cache, hash_of(1), &key, NOW);
    ck_assert_int_eq(find(1, NOW), APR_EINCOMPLETE);
    key.scope = scope + 1;
    llmq_keycache_put(cache, hash_of(1), &key, NOW);
    ck_assert_int_eq(find(1, NOW), APR_SUCCESS);
}
END_TEST

TCase *case_keycache(void)
{
    TCase *tc = test_case("keycache");

    tcase_add_test(tc, a_record_comes_back_until_it_is_old);
    tcase_add_test(tc, a_key_that_does_not_exist_is_remembered_for_a_tenth);
    tcase_add_test(tc, guesses_do_not_displace_keys);
    tcase_add_test(tc, keys_displace_each_other_and_stay_apart);
    tcase_add_test(tc, names_without_room_are_not_cut);
    return tc;
}
