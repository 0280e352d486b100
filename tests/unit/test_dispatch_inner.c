#include "dispatch/dispatch_inner.h"

#include "support_dispatch.h"

#include <apr_strings.h>

START_TEST(a_pool_of_its_own_goes_with_the_other_and_shares_no_allocator)
{
    apr_pool_t *parent;
    apr_pool_t *own;

    ck_assert_int_eq(apr_pool_create(&parent, test_pool), APR_SUCCESS);
    own = llmq_dispatch_inner_pool(parent);
    ck_assert_ptr_nonnull(own);
    ck_assert_ptr_ne(apr_pool_allocator_get(own), apr_pool_allocator_get(parent));
    ck_assert_str_eq(apr_pstrdup(own, "text"), "text");
    apr_pool_destroy(parent);
}
END_TEST

START_TEST(a_store_of_its_own_works)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_store_t *store;

    dispatch_rig_create(rig);
    store = llmq_dispatch_inner_store(rig->d, rig->pool);
    ck_assert_ptr_nonnull(store);
    ck_assert_ptr_ne(store, rig->d->janitor_store);
    ck_assert_int_eq(llmq_store_ping(store, NULL, test_pool), APR_SUCCESS);
    dispatch_rig_close(rig);
}
END_TEST

/* An hour would run into the case's time-out. */
START_TEST(a_pause_ends_when_the_dispatcher_is_to_end)
{
    dispatch_rig_t *rig = dispatch_rig();

    dispatch_rig_create(rig);
    llmq_dispatch_inner_pause(rig->d, 1);
    if (_i)
        llmq_dispatch_stop(rig->d);
    else
        llmq_dispatch_drain(rig->d);
    llmq_dispatch_inner_pause(rig->d, apr_time_from_sec(3600));
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_dispatch_inner(void)
{
    TCase *tc = test_case("dispatch_inner");

    tcase_add_test(tc, a_pool_of_its_own_goes_with_the_other_and_shares_no_allocator);
    tcase_add_test(tc, a_store_of_its_own_works);
    tcase_add_loop_test(tc, a_pause_ends_when_the_dispatcher_is_to_end, 0, 2);
    return tc;
}
