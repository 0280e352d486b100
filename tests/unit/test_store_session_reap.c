#include "store_support.h"

#include "store/store_append.h"
#include "store/store_session.h"
#include "store/store_session_reap.h"

#include <apr_strings.h>

#include <string.h>

#define T0 STORE_TEST_T0

static llmq_session_walk_t walk;

static void create(const char *id, apr_time_t now)
{
    llmq_session_t s;

    memset(&s, 0, sizeof(s));
    s.id = id;
    s.tenant = "acme";
    s.owner = "ann";
    s.created_at = now;
    ck_assert_int_eq(llmq_store_session_create(store_test.store, &s, test_pool),
                     APR_SUCCESS);
}

static llmq_append_e say(const char *session, const char *id, apr_time_t now)
{
    llmq_append_t append;

    memset(&append, 0, sizeof(append));
    append.tenant = "acme";
    append.message.session = session;
    append.message.id = id;
    append.message.type = "user.prompt";
    append.message.created_at = now;
    ck_assert_int_eq(llmq_store_append(&append, 1, store_test.store, test_pool),
                     APR_SUCCESS);
    return append.outcome;
}

static apr_status_t find(const char *id)
{
    llmq_session_ref_t ref = {"acme", NULL, id};
    llmq_session_t *s;

    return llmq_store_session_find(&s, store_test.store, &ref, test_pool);
}

/* One step of the walk; what it marked and whether it has ended. */
static void step(apr_time_t bound, int limit, int marked, int ended)
{
    ck_assert_int_eq(llmq_store_session_reap_mark(&walk, store_test.store, bound, T0 + 99,
                                                  limit, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(walk.marked, marked);
    ck_assert_int_eq(walk.ended, ended);
}

static int remove_messages(int limit)
{
    int n = -1;

    ck_assert_int_eq(
        llmq_store_session_reap_messages(&n, store_test.store, 10, limit, test_pool),
        APR_SUCCESS);
    return n;
}

static int remove_sessions(int limit)
{
    int n = -1;

    ck_assert_int_eq(
        llmq_store_session_reap_empty(&n, store_test.store, limit, test_pool),
        APR_SUCCESS);
    return n;
}

START_TEST(what_was_touched_since_stays)
{
    store_test_open(_i);
    create("s1", T0);
    create("s2", T0);
    create("s3", T0 + 10);
    say("s2", "m1", T0 + 10);
    step(T0 + 10, 10, 1, 1);
    ck_assert_int_eq(find("s1"), APR_NOTFOUND);
    ck_assert_int_eq(find("s2"), APR_SUCCESS);
    ck_assert_int_eq(find("s3"), APR_SUCCESS);
    ck_assert_int_eq(remove_messages(10), 0);
    ck_assert_int_eq(remove_sessions(10), 1);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_sessions"), 2);
    store_test_close();
}
END_TEST

START_TEST(a_marked_one_is_there_for_nobody)
{
    llmq_session_query_t query = {"acme", "ann", -1, NULL, 1, 10};
    llmq_session_mark_t mark = {"acme", "s1", 0};
    llmq_session_ref_t ref = {"acme", "ann", "s1"};
    llmq_session_patch_t patch = {"B", -1};
    llmq_session_t *items;
    apr_int64_t total;
    int n = 1;

    store_test_open(_i);
    create("s1", T0);
    say("s1", "m1", T0);
    step(T0 + 10, 10, 1, 1);
    ck_assert_int_eq(say("s1", "m2", T0 + 20), LLMQ_APPEND_NO_SESSION);
    ck_assert_int_eq(llmq_store_session_change(&items, store_test.store, &ref, &patch,
                                               T0 + 20, test_pool),
                     APR_NOTFOUND);
    llmq_store_session_grown(&mark, &n, store_test.store, test_pool);
    ck_assert_int_eq(n, 0);
    llmq_store_session_list(&items, &n, &total, store_test.store, &query, test_pool);
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(total, 0);
    store_test_close();
}
END_TEST

START_TEST(the_walk_goes_on_by_pages_and_ends_where_sessions_are_young)
{
    int i;

    store_test_open(_i);
    for (i = 0; i < 25; i++)
        create(apr_psprintf(test_pool, "s%02d", i), i < 22 ? T0 : T0 + 50);
    step(T0 + 10, 10, 10, 0);
    ck_assert_str_eq(walk.after, "s09");
    step(T0 + 10, 10, 10, 0);
    step(T0 + 10, 4, 2, 1);
    ck_assert_int_eq(find("s22"), APR_SUCCESS);
    ck_assert_int_eq(remove_sessions(15), 15);
    ck_assert_int_eq(remove_sessions(15), 7);
    ck_assert_int_eq(remove_sessions(15), 0);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_sessions"), 3);
    store_test_close();
}
END_TEST

START_TEST(messages_go_in_portions_and_their_session_last)
{
    int i;

    store_test_open(_i);
    create("s1", T0);
    create("s2", T0 + 50);
    for (i = 0; i < 7; i++)
        say("s1", apr_psprintf(test_pool, "m%d", i), T0);
    say("s2", "other", T0 + 50);
    ck_assert_int_eq(remove_messages(5), 0);
    step(T0 + 10, 10, 1, 1);
    ck_assert_int_eq(remove_messages(5), 5);
    ck_assert_int_eq(remove_sessions(10), 0);
    ck_assert_int_eq(remove_messages(5), 2);
    ck_assert_int_eq(remove_messages(5), 0);
    ck_assert_int_eq(remove_sessions(10), 1);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_session_messages"), 1);
    store_test_close();
}
END_TEST

TCase *case_store_session_reap(void)
{
    TCase *tc = test_case("store_session_reap");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, what_was_touched_since_stays, 0, n);
    tcase_add_loop_test(tc, a_marked_one_is_there_for_nobody, 0, n);
    tcase_add_loop_test(tc, the_walk_goes_on_by_pages_and_ends_where_sessions_are_young,
                        0, n);
    tcase_add_loop_test(tc, messages_go_in_portions_and_their_session_last, 0, n);
    return tc;
}
