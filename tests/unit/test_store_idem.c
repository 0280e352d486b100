#include "store_support.h"

#include "store/store_idem.h"

#include <apr_strings.h>

#define SECOND APR_USEC_PER_SEC

static llmq_idem_answer_t answer;

static llmq_idem_t key(const char *scope, const char *request, const char *object,
                       apr_time_t now)
{
    llmq_idem_t idem = {0};

    idem.scope = scope;
    idem.request = request;
    idem.object = object;
    idem.now = now;
    idem.lease = 10 * SECOND;
    idem.ttl = 100 * SECOND;
    return idem;
}

static apr_status_t claim(llmq_idem_t *idem)
{
    memset(&answer, 0, sizeof(answer));
    return llmq_store_idem_claim(idem, &answer, store_test.store, test_pool);
}

static apr_status_t settle(const llmq_idem_t *idem, const llmq_idem_answer_t *a)
{
    return llmq_store_idem_settle(store_test.store, idem, a, test_pool);
}

START_TEST(new_key_is_claimed_with_its_object)
{
    llmq_idem_t a = key("s", "r", "01A", STORE_TEST_T0);
    llmq_idem_t b = key("t", "r", "01B", STORE_TEST_T0);

    store_test_open(_i);
    ck_assert_int_eq(claim(&a), APR_SUCCESS);
    ck_assert_str_eq(a.object, "01A");
    ck_assert_int_eq(a.again, 0);
    ck_assert_int_eq(claim(&b), APR_SUCCESS);
    ck_assert_str_eq(b.object, "01B");
    store_test_close();
}
END_TEST

START_TEST(claimed_key_is_busy_until_its_lease_is_over)
{
    llmq_idem_t a = key("s", "r", "01A", STORE_TEST_T0);
    llmq_idem_t b = key("s", "r", "01B", STORE_TEST_T0 + 4 * SECOND);
    llmq_idem_t c = key("s", "r", "01C", STORE_TEST_T0 + 10 * SECOND);

    store_test_open(_i);
    ck_assert_int_eq(claim(&a), APR_SUCCESS);
    ck_assert_int_eq(claim(&b), LLMQ_EBUSY);
    ck_assert_int_eq(b.busy, 6 * SECOND);
    ck_assert_int_eq(claim(&c), APR_SUCCESS);
    ck_assert_str_eq(c.object, "01A");
    ck_assert_int_eq(c.again, 1);
    ck_assert_int_gt(c.claim, a.claim);
    ck_assert_int_eq(settle(&a, NULL), LLMQ_ESTATE);
    ck_assert_int_eq(settle(&c, NULL), APR_SUCCESS);
    store_test_close();
}
END_TEST

START_TEST(renewed_lease_counts_from_then)
{
    llmq_idem_t a = key("s", "r", "01A", STORE_TEST_T0);
    llmq_idem_t b = key("s", "r", "01B", STORE_TEST_T0 + 14 * SECOND);

    store_test_open(_i);
    ck_assert_int_eq(claim(&a), APR_SUCCESS);
    ck_assert_int_eq(llmq_store_idem_renew(store_test.store, &a,
                                           STORE_TEST_T0 + 5 * SECOND, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(claim(&b), LLMQ_EBUSY);
    ck_assert_int_eq(b.busy, SECOND);
    store_test_close();
}
END_TEST

START_TEST(answer_is_replayed_byte_for_byte)
{
    const llmq_idem_answer_t kept = {201, "{\"a\":\"\xc3\xa4 \\n\"}\n", "/x/y"};
    const llmq_idem_answer_t bare = {200, "", NULL};
    llmq_idem_t a = key("s", "r", "01A", STORE_TEST_T0);
    llmq_idem_t b = key("s", "r", "01B", STORE_TEST_T0 + 99 * SECOND);
    llmq_idem_t c = key("c", "r", "01C", STORE_TEST_T0);

    store_test_open(_i);
    ck_assert_int_eq(claim(&a), APR_SUCCESS);
    ck_assert_int_eq(settle(&a, &kept), APR_SUCCESS);
    ck_assert_int_eq(claim(&b), APR_EEXIST);
    ck_assert_int_eq(answer.status, 201);
    ck_assert_str_eq(answer.body, kept.body);
    ck_assert_str_eq(answer.location, "/x/y");
    ck_assert_int_eq(claim(&c), APR_SUCCESS);
    ck_assert_int_eq(settle(&c, &bare), APR_SUCCESS);
    ck_assert_int_eq(claim(&c), APR_EEXIST);
    ck_assert_ptr_null(answer.location);
    store_test_close();
}
END_TEST

START_TEST(open_key_is_claimed_again_with_the_same_object)
{
    llmq_idem_t a = key("s", "r", "01A", STORE_TEST_T0);
    llmq_idem_t b = key("s", "r", "01B", STORE_TEST_T0 + SECOND);
    llmq_idem_t other = key("s", "q", "01C", STORE_TEST_T0 + SECOND);

    store_test_open(_i);
    ck_assert_int_eq(claim(&a), APR_SUCCESS);
    ck_assert_int_eq(claim(&other), LLMQ_ESTATE);
    ck_assert_int_eq(settle(&a, NULL), APR_SUCCESS);
    ck_assert_int_eq(claim(&other), LLMQ_ESTATE);
    ck_assert_int_eq(claim(&b), APR_SUCCESS);
    ck_assert_str_eq(b.object, "01A");
    ck_assert_int_eq(b.again, 1);
    store_test_close();
}
END_TEST

START_TEST(a_kept_answer_cannot_be_freed)
{
    const llmq_idem_answer_t kept = {.status = 200, .body = "{}"};
    llmq_idem_t a = key("s", "r", "01A", STORE_TEST_T0);
    llmq_idem_t b = key("s", "r", "01B", STORE_TEST_T0 + SECOND);

    store_test_open(_i);
    ck_assert_int_eq(claim(&a), APR_SUCCESS);
    ck_assert_int_eq(settle(&a, &kept), APR_SUCCESS);
    ck_assert_int_eq(llmq_store_idem_free(store_test.store, &a, test_pool), LLMQ_ESTATE);
    ck_assert_int_eq(claim(&b), APR_EEXIST);
    store_test_close();
}
END_TEST

START_TEST(freed_key_is_as_new)
{
    llmq_idem_t a = key("s", "r", "01A", STORE_TEST_T0);
    llmq_idem_t b = key("s", "q", "01B", STORE_TEST_T0);

    store_test_open(_i);
    ck_assert_int_eq(claim(&a), APR_SUCCESS);
    ck_assert_int_eq(llmq_store_idem_free(store_test.store, &a, test_pool), APR_SUCCESS);
    ck_assert_int_eq(claim(&b), APR_SUCCESS);
    ck_assert_str_eq(b.object, "01B");
    ck_assert_int_eq(b.again, 0);
    store_test_close();
}
END_TEST

START_TEST(expired_key_is_as_new_even_before_it_is_pruned)
{
    const llmq_idem_answer_t kept = {201, "{}", NULL};
    llmq_idem_t a = key("s", "r", "01A", STORE_TEST_T0);
    llmq_idem_t b = key("s", "q", "01B", STORE_TEST_T0 + 100 * SECOND);

    store_test_open(_i);
    ck_assert_int_eq(claim(&a), APR_SUCCESS);
    ck_assert_int_eq(settle(&a, &kept), APR_SUCCESS);
    ck_assert_int_eq(claim(&b), APR_SUCCESS);
    ck_assert_str_eq(b.object, "01B");
    ck_assert_int_eq(b.again, 0);
    ck_assert_int_eq(settle(&a, &kept), LLMQ_ESTATE);
    store_test_close();
}
END_TEST

START_TEST(prune_removes_what_expired_and_no_more)
{
    const llmq_idem_answer_t kept = {201, "{}", NULL};
    llmq_idem_t idem;
    int i, n = -1;

    store_test_open(_i);
    for (i = 0; i < 5; i++) {
        idem = key(apr_psprintf(test_pool, "s%d", i), "r", "01A",
                   STORE_TEST_T0 + i * SECOND);
        ck_assert_int_eq(claim(&idem), APR_SUCCESS);
        ck_assert_int_eq(settle(&idem, &kept), APR_SUCCESS);
    }
    ck_assert_int_eq(llmq_store_idem_prune(&n, store_test.store,
                                           STORE_TEST_T0 + 102 * SECOND, 2, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 2);
    ck_assert_int_eq(llmq_store_idem_prune(&n, store_test.store,
                                           STORE_TEST_T0 + 102 * SECOND, 9, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_idempotency"), 2);
    store_test_close();
}
END_TEST

TCase *case_store_idem(void)
{
    TCase *tc = test_case("store_idem");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, new_key_is_claimed_with_its_object, 0, dialects);
    tcase_add_loop_test(tc, claimed_key_is_busy_until_its_lease_is_over, 0, dialects);
    tcase_add_loop_test(tc, renewed_lease_counts_from_then, 0, dialects);
    tcase_add_loop_test(tc, answer_is_replayed_byte_for_byte, 0, dialects);
    tcase_add_loop_test(tc, open_key_is_claimed_again_with_the_same_object, 0, dialects);
    tcase_add_loop_test(tc, a_kept_answer_cannot_be_freed, 0, dialects);
    tcase_add_loop_test(tc, freed_key_is_as_new, 0, dialects);
    tcase_add_loop_test(tc, expired_key_is_as_new_even_before_it_is_pruned, 0, dialects);
    tcase_add_loop_test(tc, prune_removes_what_expired_and_no_more, 0, dialects);
    return tc;
}
