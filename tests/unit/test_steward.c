#include "dispatch/steward.h"

#include "base/clock.h"
#include "queue/queue_job.h"
#include "store/store_setting.h"
#include "support_dispatch.h"

#define INTERVAL apr_time_from_sec(10)

static void put(const char *tenant, const char *name, const char *value)
{
    ck_assert_int_eq(
        llmq_store_setting_put(store_test.store, tenant, name, value, test_pool),
        APR_SUCCESS);
}

static int is_paused(llmq_queue_t *q, const char *tenant, llmq_level_e level)
{
    return llmq_queue_is_paused(q, llmq_queue_job_tenant(tenant), level);
}

static apr_uint32_t flags(llmq_queue_t *q, const char *tenant)
{
    return llmq_queue_flags(q, llmq_queue_job_tenant(tenant));
}

START_TEST(what_was_stored_is_applied_at_first)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_queue_t *q = queue_rig_tenants(10, 10, 4)->q;
    llmq_steward_t *s;

    put("acme", LLMQ_SETTING_PAUSED, "{\"high\":true}");
    put("acme", LLMQ_SETTING_MAINTENANCE, "{\"on\":false}");
    put("other", LLMQ_SETTING_MAINTENANCE, "{\"on\":true,\"message\":\"soon\"}");
    s = llmq_steward_create(q, store_test.store, INTERVAL, test_pool);
    ck_assert(!is_paused(q, "acme", LLMQ_LEVEL_HIGH));
    ck_assert_int_eq(llmq_steward_tick(s), APR_SUCCESS);
    ck_assert(is_paused(q, "acme", LLMQ_LEVEL_HIGH));
    ck_assert(!is_paused(q, "acme", LLMQ_LEVEL_LOW));
    ck_assert(!is_paused(q, "other", LLMQ_LEVEL_HIGH));
    ck_assert_uint_eq(flags(q, "acme"), 0);
    ck_assert_uint_eq(flags(q, "other"), LLMQ_TENANT_MAINTENANCE);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_change_of_this_server_is_applied_when_it_is_told)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_steward_t *s =
        llmq_steward_create(rig->q, store_test.store, INTERVAL, test_pool);
    apr_uint32_t version;

    llmq_clock_set(STORE_TEST_T0);
    ck_assert_int_eq(llmq_steward_tick(s), APR_SUCCESS);
    put("acme", LLMQ_SETTING_PAUSED, "{\"low\":true}");
    ck_assert_int_eq(llmq_steward_tick(s), APR_SUCCESS);
    ck_assert(!is_paused(rig->q, "acme", LLMQ_LEVEL_LOW));
    llmq_queue_settings_changed(rig->q);
    version = llmq_queue_settings_version(rig->q);
    ck_assert_int_eq(llmq_steward_tick(s), APR_SUCCESS);
    ck_assert(is_paused(rig->q, "acme", LLMQ_LEVEL_LOW));
    /* Everybody has been told already. */
    ck_assert_uint_eq(llmq_queue_settings_version(rig->q), version);
    put("acme", LLMQ_SETTING_PAUSED, "{}");
    llmq_queue_settings_changed(rig->q);
    ck_assert_int_eq(llmq_steward_tick(s), APR_SUCCESS);
    ck_assert(!is_paused(rig->q, "acme", LLMQ_LEVEL_LOW));
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(another_nodes_change_is_found_and_told)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_steward_t *s =
        llmq_steward_create(rig->q, store_test.store, INTERVAL, test_pool);
    apr_uint32_t version = llmq_queue_settings_version(rig->q);

    llmq_clock_set(STORE_TEST_T0);
    ck_assert_int_eq(llmq_steward_tick(s), APR_SUCCESS);
    put("acme", LLMQ_SETTING_MAINTENANCE, "{\"on\":true}");
    llmq_clock_set(STORE_TEST_T0 + INTERVAL);
    ck_assert_int_eq(llmq_steward_tick(s), APR_SUCCESS);
    ck_assert_uint_eq(flags(rig->q, "acme"), LLMQ_TENANT_MAINTENANCE);
    ck_assert_uint_ne(llmq_queue_settings_version(rig->q), version);
    version = llmq_queue_settings_version(rig->q);
    llmq_clock_set(STORE_TEST_T0 + 2 * INTERVAL);
    ck_assert_int_eq(llmq_steward_tick(s), APR_SUCCESS);
    ck_assert_uint_eq(llmq_queue_settings_version(rig->q), version);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(without_the_database_it_says_so_and_goes_on_later)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_steward_t *s =
        llmq_steward_create(rig->q, store_test.store, INTERVAL, test_pool);

    put("acme", LLMQ_SETTING_PAUSED, "{\"low\":true}");
    store_test_sql("ALTER TABLE llmq_settings RENAME TO llmq_away");
    ck_assert_int_eq(llmq_steward_tick(s), LLMQ_ESTORE);
    store_test_sql("ALTER TABLE llmq_away RENAME TO llmq_settings");
    ck_assert_int_eq(llmq_steward_tick(s), APR_SUCCESS);
    ck_assert(is_paused(rig->q, "acme", LLMQ_LEVEL_LOW));
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_paused_level_is_one_of_all_types_of_tasks_of_its_tenant)
{
    static llmq_task_types_t types;
    dispatch_rig_t *rig = dispatch_rig();
    llmq_queue_t *q = queue_rig_tenants(10, 10, 64)->q;
    llmq_steward_t *s =
        llmq_steward_create(rig->q, store_test.store, INTERVAL, test_pool);
    int i;

    llmq_task_type_init(&types);
    llmq_steward_add_tasks(s, q, &types);
    put("acme", LLMQ_SETTING_PAUSED, "{\"high\":true}");
    ck_assert_int_eq(llmq_steward_tick(s), APR_SUCCESS);
    for (i = 0; i < types.n; i++) {
        const char *name = types.type[i].name;

        ck_assert(
            llmq_queue_is_paused(q, llmq_queue_job_lane("acme", name), LLMQ_LEVEL_HIGH));
        ck_assert(
            !llmq_queue_is_paused(q, llmq_queue_job_lane("acme", name), LLMQ_LEVEL_LOW));
        ck_assert(!llmq_queue_is_paused(q, llmq_queue_job_lane("other", name),
                                        LLMQ_LEVEL_HIGH));
    }
    put("acme", LLMQ_SETTING_PAUSED, "{}");
    llmq_queue_settings_changed(rig->q);
    ck_assert_int_eq(llmq_steward_tick(s), APR_SUCCESS);
    ck_assert(!llmq_queue_is_paused(q, llmq_queue_job_lane("acme", types.type[5].name),
                                    LLMQ_LEVEL_HIGH));
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_steward(void)
{
    TCase *tc = test_case("steward");

    tcase_add_test(tc, what_was_stored_is_applied_at_first);
    tcase_add_test(tc, a_change_of_this_server_is_applied_when_it_is_told);
    tcase_add_test(tc, another_nodes_change_is_found_and_told);
    tcase_add_test(tc, without_the_database_it_says_so_and_goes_on_later);
    tcase_add_test(tc, a_paused_level_is_one_of_all_types_of_tasks_of_its_tenant);
    return tc;
}
