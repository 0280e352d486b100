#include "store_support.h"

#include "base/clock.h"
#include "store/store_setting.h"

#include <apr_strings.h>

static llmq_setting_t get(const char *tenant, const char *name)
{
    llmq_setting_t s = {0};

    ck_assert_int_eq(
        llmq_store_setting_get(&s, store_test.store, tenant, name, test_pool),
        APR_SUCCESS);
    return s;
}

static void put(const char *tenant, const char *name, const char *value)
{
    ck_assert_int_eq(
        llmq_store_setting_put(store_test.store, tenant, name, value, test_pool),
        APR_SUCCESS);
}

START_TEST(a_setting_is_kept_by_tenant_and_name)
{
    llmq_setting_t none;

    store_test_open(_i);
    put("a", LLMQ_SETTING_RULES, "[1]");
    put("b", LLMQ_SETTING_RULES, "[2]");
    put("a", LLMQ_SETTING_PAUSED, "{}");
    ck_assert_str_eq(get("a", LLMQ_SETTING_RULES).value, "[1]");
    ck_assert_str_eq(get("b", LLMQ_SETTING_RULES).value, "[2]");
    ck_assert_int_eq(llmq_store_setting_get(&none, store_test.store, "c",
                                            LLMQ_SETTING_RULES, test_pool),
                     APR_NOTFOUND);
    store_test_close();
}
END_TEST

START_TEST(a_change_replaces_and_always_looks_newer)
{
    apr_time_t first = 0;
    apr_time_t second = 0;

    store_test_open(_i);
    put("", LLMQ_SETTING_DRAINED, "{}");
    ck_assert_int_eq(llmq_store_setting_newest(&first, store_test.store, test_pool),
                     APR_SUCCESS);
    store_test_sql("UPDATE llmq_settings SET changed_at = changed_at + 1000000000");
    put("", LLMQ_SETTING_DRAINED, "{\"x\":true}");
    ck_assert_int_eq(llmq_store_setting_newest(&second, store_test.store, test_pool),
                     APR_SUCCESS);
    ck_assert(second > first + 1000000000);
    ck_assert_str_eq(get("", LLMQ_SETTING_DRAINED).value, "{\"x\":true}");
    store_test_close();
}
END_TEST

START_TEST(a_change_of_what_another_has_changed_is_refused)
{
    llmq_setting_t mine = {"a", LLMQ_SETTING_RULES, "[1]", 0};
    llmq_setting_t old;

    store_test_open(_i);
    ck_assert_int_eq(llmq_store_setting_swap(store_test.store, &mine, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_setting_swap(store_test.store, &mine, test_pool),
                     APR_EAGAIN);
    old = get("a", LLMQ_SETTING_RULES);
    mine.changed_at = old.changed_at;
    mine.value = "[2]";
    ck_assert_int_eq(llmq_store_setting_swap(store_test.store, &mine, test_pool),
                     APR_SUCCESS);
    mine.value = "[3]";
    ck_assert_int_eq(llmq_store_setting_swap(store_test.store, &mine, test_pool),
                     APR_EAGAIN);
    ck_assert_str_eq(get("a", LLMQ_SETTING_RULES).value, "[2]");
    ck_assert(get("a", LLMQ_SETTING_RULES).changed_at > old.changed_at);
    store_test_close();
}
END_TEST

START_TEST(without_settings_nothing_is_newest)
{
    apr_time_t when = 7;

    store_test_open(_i);
    ck_assert_int_eq(llmq_store_setting_newest(&when, store_test.store, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(when, 0);
    store_test_close();
}
END_TEST

START_TEST(one_name_is_listed_for_all_tenants)
{
    llmq_setting_t *list = NULL;
    int n = 0;

    store_test_open(_i);
    put("b", LLMQ_SETTING_PAUSED, "{\"low\":true}");
    put("a", LLMQ_SETTING_PAUSED, "{}");
    put("a", LLMQ_SETTING_RULES, "[]");
    ck_assert_int_eq(llmq_store_setting_list(&list, &n, store_test.store,
                                             LLMQ_SETTING_PAUSED, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(list[0].tenant, "a");
    ck_assert_str_eq(list[1].tenant, "b");
    ck_assert_str_eq(list[1].value, "{\"low\":true}");
    store_test_close();
}
END_TEST

/* Somebody else changes it between the reading and the writing, as often as ctx says. */
static const char *change_while_others_do(void *ctx, const char *value, apr_pool_t *p)
{
    int *others = ctx;

    if ((*others)-- > 0)
        put("a", LLMQ_SETTING_PAUSED, apr_psprintf(p, "%d", *others));
    return apr_pstrcat(p, value ? value : "none", "+", NULL);
}

START_TEST(a_change_is_made_upon_what_others_have_made_meanwhile)
{
    int others = 2;

    store_test_open(_i);
    put("a", LLMQ_SETTING_PAUSED, "9");
    ck_assert_int_eq(llmq_store_setting_change(store_test.store, "a", LLMQ_SETTING_PAUSED,
                                               change_while_others_do, &others,
                                               test_pool),
                     APR_SUCCESS);
    ck_assert_str_eq(get("a", LLMQ_SETTING_PAUSED).value, "0+");
    others = 1000;
    ck_assert_int_eq(llmq_store_setting_change(store_test.store, "a", LLMQ_SETTING_PAUSED,
                                               change_while_others_do, &others,
                                               test_pool),
                     LLMQ_ESTORE);
    store_test_close();
}
END_TEST

static const char *leave_it(void *ctx, const char *value, apr_pool_t *p)
{
    (void)value;
    (void)p;
    ++*(int *)ctx;
    return NULL;
}

START_TEST(a_change_that_changes_nothing_stores_nothing)
{
    llmq_setting_t none;
    int calls = 0;

    store_test_open(_i);
    ck_assert_int_eq(llmq_store_setting_change(store_test.store, "a", LLMQ_SETTING_PAUSED,
                                               leave_it, &calls, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(llmq_store_setting_get(&none, store_test.store, "a",
                                            LLMQ_SETTING_PAUSED, test_pool),
                     APR_NOTFOUND);
    store_test_close();
}
END_TEST

TCase *case_store_setting(void)
{
    TCase *tc = test_case("store_setting");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, a_setting_is_kept_by_tenant_and_name, 0, n);
    tcase_add_loop_test(tc, a_change_replaces_and_always_looks_newer, 0, n);
    tcase_add_loop_test(tc, a_change_of_what_another_has_changed_is_refused, 0, n);
    tcase_add_loop_test(tc, without_settings_nothing_is_newest, 0, n);
    tcase_add_loop_test(tc, one_name_is_listed_for_all_tenants, 0, n);
    tcase_add_loop_test(tc, a_change_is_made_upon_what_others_have_made_meanwhile, 0, n);
    tcase_add_loop_test(tc, a_change_that_changes_nothing_stores_nothing, 0, n);
    return tc;
}
