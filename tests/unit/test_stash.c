#include "support.h"

#include "base/stash.h"

#include <apr_strings.h>

static apr_status_t count(void *data)
{
    (*(int *)data)++;
    return APR_SUCCESS;
}

START_TEST(what_was_given_back_is_taken_again_and_is_empty)
{
    llmq_stash_t *s = llmq_stash_create(test_pool);
    apr_pool_t *a = llmq_stash_take(s);
    apr_pool_t *b = llmq_stash_take(s);
    int ended = 0;

    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_ne(a, b);
    apr_pool_cleanup_register(a, &ended, count, apr_pool_cleanup_null);
    apr_pstrdup(a, "gone");
    llmq_stash_give(s, a);
    ck_assert_int_eq(ended, 1);
    ck_assert_ptr_eq(llmq_stash_take(s), a);
    llmq_stash_give(s, a);
    ck_assert_int_eq(ended, 1);
    llmq_stash_give(s, b);
}
END_TEST

START_TEST(more_than_it_keeps_are_destroyed)
{
    llmq_stash_t *s = llmq_stash_create(test_pool);
    apr_pool_t *pools[LLMQ_STASH_MAX + 3];
    int n = LLMQ_STASH_MAX + 3;
    int ended = 0;
    int i;

    for (i = 0; i < n; i++) {
        pools[i] = llmq_stash_take(s);
        ck_assert_ptr_nonnull(pools[i]);
        apr_pool_cleanup_register(pools[i], &ended, count, apr_pool_cleanup_null);
    }
    for (i = 0; i < n; i++) {
        llmq_stash_give(s, pools[i]);
    }
    ck_assert_int_eq(ended, n);
    for (i = LLMQ_STASH_MAX; i > 0; i--) {
        ck_assert_ptr_eq(llmq_stash_take(s), pools[i - 1]);
    }
    for (i = 0; i < LLMQ_STASH_MAX; i++) {
        apr_pool_destroy(pools[i]);
    }
}
END_TEST

START_TEST(what_is_kept_goes_with_its_pool)
{
    apr_pool_t *p;
    llmq_stash_t *s;
    int ended = 0;
    apr_pool_t *kept;

    apr_pool_create(&p, test_pool);
    s = llmq_stash_create(p);
    kept = llmq_stash_take(s);
    llmq_stash_give(s, kept);
    apr_pool_cleanup_register(kept, &ended, count, apr_pool_cleanup_null);
    apr_pool_destroy(p);
    ck_assert_int_eq(ended, 1);
}
END_TEST

TCase *case_stash(void)
{
    TCase *tc = test_case("stash");

    tcase_add_test(tc, what_was_given_back_is_taken_again_and_is_empty);
    tcase_add_test(tc, more_than_it_keeps_are_destroyed);
    tcase_add_test(tc, what_is_kept_goes_with_its_pool);
    return tc;
}
