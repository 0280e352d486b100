#include "store_support.h"

#include "store/store_app.h"

#include <apr_strings.h>

#include <string.h>

#define T0 STORE_TEST_T0

static llmq_app_t make(const char *id, const char *owner, apr_time_t when)
{
    llmq_app_t app = {.id = id,
                      .tenant = "acme",
                      .owner = owner,
                      .name = "Bot",
                      .icon = "i",
                      .description = "d",
                      .created_at = when};
    return app;
}

static void create(const char *id, const char *owner, apr_time_t when)
{
    llmq_app_t app = make(id, owner, when);

    ck_assert_int_eq(llmq_store_app_create(store_test.store, &app, test_pool),
                     APR_SUCCESS);
}

/* NULL if there is none. */
static llmq_app_t *find_of(const char *tenant, const char *id)
{
    llmq_app_ref_t ref = {tenant, id};
    llmq_app_t *app = NULL;
    apr_status_t rv = llmq_store_app_find(&app, store_test.store, &ref, test_pool);

    ck_assert(rv == APR_SUCCESS || rv == APR_NOTFOUND);
    return rv == APR_SUCCESS ? app : NULL;
}

static apr_status_t draft(const char *tenant, const char *app, const char *id, int rounds)
{
    llmq_app_ref_t ref = {tenant, app};
    llmq_app_config_t config = {.id = id,
                                .model = "{}",
                                .rounds = rounds,
                                .memory = LLMQ_APP_MEMORY_LONG_TERM,
                                .updated_at = T0 + rounds};

    return llmq_store_app_draft(store_test.store, &ref, &config, test_pool);
}

static apr_status_t publish(const char *tenant, const char *app, const char *id)
{
    llmq_app_ref_t ref = {tenant, app};

    return llmq_store_app_publish(store_test.store, &ref, id, T0 + 50, test_pool);
}

START_TEST(what_is_made_is_found)
{
    llmq_app_t again = make("a1", "eve", T0 + 9);
    llmq_app_t *app;

    store_test_open(_i);
    create("a1", "ann", T0);
    ck_assert_int_eq(llmq_store_app_create(store_test.store, &again, test_pool),
                     APR_SUCCESS);
    app = find_of("acme", "a1");
    ck_assert_str_eq(app->owner, "ann");
    ck_assert_str_eq(app->name, "Bot");
    ck_assert_str_eq(app->icon, "i");
    ck_assert_str_eq(app->description, "d");
    ck_assert_str_eq(app->summary, "");
    ck_assert_ptr_null(app->conversation);
    ck_assert_ptr_null(app->config[LLMQ_APP_DRAFTED].id);
    ck_assert_ptr_null(app->config[LLMQ_APP_PUBLISHED].id);
    ck_assert_int_eq(app->created_at, T0);
    ck_assert_ptr_null(find_of("other", "a1"));
    ck_assert_ptr_null(find_of("acme", "a2"));
    store_test_close();
}
END_TEST

START_TEST(a_list_is_one_owners_the_newest_first)
{
    llmq_app_query_t query = {"acme", "ann", 1, 2};
    llmq_app_t *apps = NULL;
    apr_int64_t total = 0;
    int n = 0;

    store_test_open(_i);
    create("a1", "ann", T0);
    create("a3", "ann", T0 + apr_time_from_sec(1) + 1);
    create("a2", "ann", T0 + apr_time_from_sec(1) + 2); /* of the same second */
    create("a4", "eve", T0);
    ck_assert_int_eq(
        llmq_store_app_list(&apps, &n, &total, store_test.store, &query, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(total, 3);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(apps[0].id, "a3");
    ck_assert_str_eq(apps[1].id, "a2");
    query.page = 2;
    llmq_store_app_list(&apps, &n, &total, store_test.store, &query, test_pool);
    ck_assert_int_eq(n, 1);
    ck_assert_str_eq(apps[0].id, "a1");
    query.owner = NULL;
    llmq_store_app_list(&apps, &n, &total, store_test.store, &query, test_pool);
    ck_assert_int_eq(total, 4);
    query.tenant = "other";
    llmq_store_app_list(&apps, &n, &total, store_test.store, &query, test_pool);
    ck_assert_int_eq(total, 0);
    store_test_close();
}
END_TEST

START_TEST(changes_and_removal)
{
    llmq_app_ref_t ref = {"acme", "a1"};
    llmq_app_ref_t foreign = {"other", "a1"};
    llmq_app_patch_t patch = {NULL, "new icon", NULL};

    store_test_open(_i);
    create("a1", "ann", T0);
    ck_assert_int_eq(
        llmq_store_app_change(store_test.store, &foreign, &patch, T0 + 1, test_pool),
        APR_NOTFOUND);
    ck_assert_int_eq(
        llmq_store_app_change(store_test.store, &ref, &patch, T0 + 1, test_pool),
        APR_SUCCESS);
    ck_assert_str_eq(find_of("acme", "a1")->icon, "new icon");
    ck_assert_str_eq(find_of("acme", "a1")->name, "Bot");
    ck_assert_int_eq(find_of("acme", "a1")->updated_at, T0 + 1);
    ck_assert_int_eq(llmq_store_app_remove(store_test.store, &foreign, T0 + 2, test_pool),
                     APR_NOTFOUND);
    ck_assert_int_eq(llmq_store_app_remove(store_test.store, &ref, T0 + 2, test_pool),
                     APR_SUCCESS);
    ck_assert_ptr_null(find_of("acme", "a1"));
    ck_assert_int_eq(llmq_store_app_remove(store_test.store, &ref, T0 + 3, test_pool),
                     APR_NOTFOUND);
    ck_assert_int_eq(
        llmq_store_app_change(store_test.store, &ref, &patch, T0 + 4, test_pool),
        APR_NOTFOUND);
    ck_assert_int_eq(draft("acme", "a1", "c1", 1), APR_NOTFOUND);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_apps"), 1);
    store_test_close();
}
END_TEST

START_TEST(a_draft_is_written_again_and_again)
{
    const llmq_app_config_t *config;

    store_test_open(_i);
    create("a1", "ann", T0);
    ck_assert_int_eq(draft("other", "a1", "c0", 1), APR_NOTFOUND);
    ck_assert_int_eq(draft("acme", "a1", "c1", 1), APR_SUCCESS);
    ck_assert_int_eq(draft("acme", "a1", "c2", 5), APR_SUCCESS);
    config = &find_of("acme", "a1")->config[LLMQ_APP_DRAFTED];
    ck_assert_str_eq(config->id, "c1");
    ck_assert_int_eq(config->rounds, 5);
    ck_assert_int_eq(config->memory, LLMQ_APP_MEMORY_LONG_TERM);
    ck_assert_str_eq(config->model, "{}");
    ck_assert_int_eq(config->created_at, T0 + 1);
    ck_assert_int_eq(config->updated_at, T0 + 5);
    store_test_close();
}
END_TEST

START_TEST(what_is_published_is_a_copy)
{
    llmq_app_ref_t ref = {"acme", "a1"};
    llmq_app_ref_t foreign = {"other", "a1"};
    llmq_app_t *app;

    store_test_open(_i);
    create("a1", "ann", T0);
    ck_assert_int_eq(publish("acme", "a1", "p1"), APR_NOTFOUND);
    draft("acme", "a1", "c1", 1);
    ck_assert_int_eq(publish("other", "a1", "p1"), APR_NOTFOUND);
    ck_assert_int_eq(publish("acme", "a1", "p1"), APR_SUCCESS);
    draft("acme", "a1", "c2", 9);
    app = find_of("acme", "a1");
    ck_assert_str_eq(app->config[LLMQ_APP_PUBLISHED].id, "p1");
    ck_assert_int_eq(app->config[LLMQ_APP_PUBLISHED].rounds, 1);
    ck_assert_int_eq(app->config[LLMQ_APP_DRAFTED].rounds, 9);
    ck_assert_int_eq(publish("acme", "a1", "p2"), APR_SUCCESS);
    app = find_of("acme", "a1");
    ck_assert_str_eq(app->config[LLMQ_APP_PUBLISHED].id, "p1");
    ck_assert_int_eq(app->config[LLMQ_APP_PUBLISHED].rounds, 9);
    ck_assert_int_eq(
        llmq_store_app_withdraw(store_test.store, &foreign, T0 + 8, test_pool),
        APR_NOTFOUND);
    ck_assert_int_eq(llmq_store_app_withdraw(store_test.store, &ref, T0 + 9, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_app_withdraw(store_test.store, &ref, T0 + 9, test_pool),
                     APR_NOTFOUND);
    app = find_of("acme", "a1");
    ck_assert_ptr_null(app->config[LLMQ_APP_PUBLISHED].id);
    ck_assert_str_eq(app->config[LLMQ_APP_DRAFTED].id, "c1");
    ck_assert_int_eq(app->updated_at, T0 + 9);
    store_test_close();
}
END_TEST

START_TEST(a_copy_has_a_draft_of_its_own)
{
    llmq_app_t copy = make("b1", "ann", T0 + 1);
    llmq_app_t bare = make("b2", "ann", T0 + 1);

    store_test_open(_i);
    create("a1", "ann", T0);
    create("a2", "ann", T0);
    draft("acme", "a1", "c1", 1);
    publish("acme", "a1", "p1");
    draft("acme", "a1", "c1", 2);
    ck_assert_int_eq(llmq_store_app_copy(store_test.store, &copy, "d1", "a1", test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_app_copy(store_test.store, &copy, "d9", "a1", test_pool),
                     APR_SUCCESS);
    ck_assert_str_eq(find_of("acme", "b1")->config[LLMQ_APP_DRAFTED].id, "d1");
    ck_assert_int_eq(find_of("acme", "b1")->config[LLMQ_APP_DRAFTED].rounds, 2);
    ck_assert_ptr_null(find_of("acme", "b1")->config[LLMQ_APP_PUBLISHED].id);
    ck_assert_int_eq(llmq_store_app_copy(store_test.store, &bare, "d2", "a2", test_pool),
                     APR_SUCCESS);
    ck_assert_ptr_null(find_of("acme", "b2")->config[LLMQ_APP_DRAFTED].id);
    store_test_close();
}
END_TEST

TCase *case_store_app(void)
{
    TCase *tc = test_case("store_app");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, what_is_made_is_found, 0, n);
    tcase_add_loop_test(tc, a_list_is_one_owners_the_newest_first, 0, n);
    tcase_add_loop_test(tc, changes_and_removal, 0, n);
    tcase_add_loop_test(tc, a_draft_is_written_again_and_again, 0, n);
    tcase_add_loop_test(tc, what_is_published_is_a_copy, 0, n);
    tcase_add_loop_test(tc, a_copy_has_a_draft_of_its_own, 0, n);
    return tc;
}
