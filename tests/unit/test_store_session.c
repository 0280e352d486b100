#include "store_support.h"

#include "store/store_append.h"
#include "store/store_session.h"

#include <apr_strings.h>

#include <string.h>

#define T0 STORE_TEST_T0

static llmq_session_ref_t mine(const char *id)
{
    llmq_session_ref_t ref = {"acme", "ann", id};

    return ref;
}

static void create(const char *id, const char *name, apr_time_t now)
{
    store_test_session("ann", id, name, now);
}

static llmq_session_t *look(const char *id)
{
    llmq_session_ref_t ref = mine(id);
    llmq_session_t *s = NULL;

    ck_assert_int_eq(llmq_store_session_find(&s, store_test.store, &ref, test_pool),
                     APR_SUCCESS);
    return s;
}

static void say(const char *session, const char *id, const char *content, apr_time_t now)
{
    llmq_append_t append;

    memset(&append, 0, sizeof(append));
    append.tenant = "acme";
    append.message.session = session;
    append.message.id = id;
    append.message.role = LLMQ_ROLE_AGENT;
    append.message.type = "agent.message";
    append.message.content = content;
    append.message.created_at = now;
    ck_assert_int_eq(llmq_store_append(&append, 1, store_test.store, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(append.outcome, LLMQ_APPEND_STORED);
}

START_TEST(a_new_one_is_as_it_was_written_and_empty)
{
    llmq_session_t *s;
    int i;

    store_test_open(_i);
    /* The second time is a repetition after a lost answer. */
    for (i = 0; i < 2; i++) {
        create("s1", "A Name", T0);
        create("s2", NULL, T0 + 1);
    }
    s = look("s1");
    ck_assert_str_eq(s->id, "s1");
    ck_assert_str_eq(s->tenant, "acme");
    ck_assert_str_eq(s->owner, "ann");
    ck_assert_str_eq(s->name, "A Name");
    ck_assert_int_eq(s->status, LLMQ_SESSION_OPEN);
    ck_assert_int_eq(s->last_seq, 0);
    ck_assert_ptr_null(s->last_message_id);
    ck_assert_int_eq(s->last_message_at, 0);
    ck_assert_str_eq(s->last_message_preview, "");
    ck_assert_int_eq(s->last_message_role, -1);
    ck_assert_ptr_null(s->last_message_type);
    ck_assert_int_eq(s->created_at, T0);
    ck_assert_int_eq(s->updated_at, T0);
    ck_assert_ptr_null(look("s2")->name);
    store_test_close();
}
END_TEST

START_TEST(only_its_owner_finds_it)
{
    llmq_session_ref_t ref = mine("s1");
    llmq_session_t *s;

    store_test_open(_i);
    create("s1", "A", T0);
    ref.owner = "bob";
    ck_assert_int_eq(llmq_store_session_find(&s, store_test.store, &ref, test_pool),
                     APR_NOTFOUND);
    ref.owner = "";
    ck_assert_int_eq(llmq_store_session_find(&s, store_test.store, &ref, test_pool),
                     APR_NOTFOUND);
    ref.owner = NULL;
    ck_assert_int_eq(llmq_store_session_find(&s, store_test.store, &ref, test_pool),
                     APR_SUCCESS);
    ref.tenant = "other";
    ck_assert_int_eq(llmq_store_session_find(&s, store_test.store, &ref, test_pool),
                     APR_NOTFOUND);
    ref = mine("s2");
    ck_assert_int_eq(llmq_store_session_find(&s, store_test.store, &ref, test_pool),
                     APR_NOTFOUND);
    store_test_close();
}
END_TEST

/* Change s1, and look that updated_at is when. */
static void change(const char *name, int status, apr_time_t now, apr_status_t expected,
                   apr_time_t when)
{
    llmq_session_ref_t ref = mine("s1");
    llmq_session_patch_t patch = {name, status};
    llmq_session_t *s = NULL;

    ck_assert_int_eq(
        llmq_store_session_change(&s, store_test.store, &ref, &patch, now, test_pool),
        expected);
    ck_assert_int_eq(look("s1")->updated_at, when);
    if (expected == APR_SUCCESS) {
        ck_assert_str_eq(s->name, look("s1")->name);
        ck_assert_int_eq(s->status, look("s1")->status);
        ck_assert_int_eq(s->updated_at, when);
    }
}

START_TEST(changes_tell_when_and_nothing_changes_nothing)
{
    store_test_open(_i);
    create("s1", "A", T0);
    change(NULL, -1, T0 + 1, APR_SUCCESS, T0);
    change("A", LLMQ_SESSION_OPEN, T0 + 2, APR_SUCCESS, T0);
    change("B", -1, T0 + 3, APR_SUCCESS, T0 + 3);
    ck_assert_str_eq(look("s1")->name, "B");
    change(NULL, LLMQ_SESSION_LOCKED, T0 + 4, APR_SUCCESS, T0 + 4);
    change(NULL, LLMQ_SESSION_OPEN, T0 + 5, APR_SUCCESS, T0 + 5);
    change("C", LLMQ_SESSION_CLOSED, T0 + 6, APR_SUCCESS, T0 + 6);
    ck_assert_str_eq(look("s1")->name, "C");
    ck_assert_int_eq(look("s1")->status, LLMQ_SESSION_CLOSED);
    store_test_close();
}
END_TEST

START_TEST(a_closed_one_takes_nothing_but_to_be_closed)
{
    store_test_open(_i);
    create("s1", "A", T0);
    change(NULL, LLMQ_SESSION_CLOSED, T0 + 1, APR_SUCCESS, T0 + 1);
    change(NULL, LLMQ_SESSION_CLOSED, T0 + 2, APR_SUCCESS, T0 + 1);
    change(NULL, -1, T0 + 2, APR_SUCCESS, T0 + 1);
    change(NULL, LLMQ_SESSION_OPEN, T0 + 2, LLMQ_ESTATE, T0 + 1);
    change(NULL, LLMQ_SESSION_LOCKED, T0 + 2, LLMQ_ESTATE, T0 + 1);
    change("B", -1, T0 + 2, LLMQ_ESTATE, T0 + 1);
    change("A", LLMQ_SESSION_CLOSED, T0 + 2, LLMQ_ESTATE, T0 + 1);
    ck_assert_str_eq(look("s1")->name, "A");
    store_test_close();
}
END_TEST

START_TEST(one_without_a_name_gets_one)
{
    store_test_open(_i);
    create("s1", NULL, T0);
    change("B", -1, T0 + 3, APR_SUCCESS, T0 + 3);
    store_test_close();
}
END_TEST

START_TEST(others_change_nothing)
{
    llmq_session_ref_t ref = {"acme", "bob", "s1"};
    llmq_session_patch_t patch = {"B", LLMQ_SESSION_CLOSED};
    llmq_session_t *s;

    store_test_open(_i);
    create("s1", "A", T0);
    ck_assert_int_eq(
        llmq_store_session_change(&s, store_test.store, &ref, &patch, T0 + 1, test_pool),
        APR_NOTFOUND);
    ref.tenant = "other";
    ref.owner = NULL;
    ck_assert_int_eq(
        llmq_store_session_change(&s, store_test.store, &ref, &patch, T0 + 1, test_pool),
        APR_NOTFOUND);
    ck_assert_str_eq(look("s1")->name, "A");
    ck_assert_int_eq(look("s1")->status, LLMQ_SESSION_OPEN);
    store_test_close();
}
END_TEST

START_TEST(messages_come_in_pages_behind_a_number)
{
    llmq_session_ref_t ref = mine("s1");
    llmq_session_message_t *items, *m;
    int i, n;

    store_test_open(_i);
    create("s1", NULL, T0);
    create("s2", NULL, T0);
    for (i = 0; i < 12; i++)
        say(i % 2 ? "s2" : "s1", apr_psprintf(test_pool, "m%02d", i), "x", T0 + i);
    ck_assert_int_eq(
        llmq_store_session_messages(&items, &n, store_test.store, &ref, 0, 4, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(n, 4);
    for (i = 0; i < n; i++) {
        ck_assert_int_eq(items[i].seq, i + 1);
        ck_assert_str_eq(items[i].id, apr_psprintf(test_pool, "m%02d", 2 * i));
        ck_assert_str_eq(items[i].session, "s1");
    }
    llmq_store_session_messages(&items, &n, store_test.store, &ref, 4, 4, test_pool);
    ck_assert_int_eq(n, 2);
    ck_assert_int_eq(items[0].seq, 5);
    llmq_store_session_messages(&items, &n, store_test.store, &ref, 6, 4, test_pool);
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(
        llmq_store_session_message(&m, store_test.store, &ref, "m04", test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(m->seq, 3);
    ck_assert_int_eq(
        llmq_store_session_message(&m, store_test.store, &ref, "m05", test_pool),
        APR_NOTFOUND);
    ref.tenant = "other";
    ck_assert_int_eq(
        llmq_store_session_message(&m, store_test.store, &ref, "m04", test_pool),
        APR_NOTFOUND);
    llmq_store_session_messages(&items, &n, store_test.store, &ref, 0, 4, test_pool);
    ck_assert_int_eq(n, 0);
    store_test_close();
}
END_TEST

START_TEST(logs_that_have_grown_are_told_from_the_others)
{
    llmq_session_mark_t marks[] = {{"acme", "s1", 1},   {"acme", "s2", 0},
                                   {"acme", "gone", 0}, {"other", "s3", 0},
                                   {"acme", "s3", 1},   {"acme", "s3", 0}};
    int n = 6;

    store_test_open(_i);
    create("s1", NULL, T0);
    create("s2", NULL, T0);
    create("s3", NULL, T0);
    say("s1", "m1", "x", T0);
    say("s3", "m2", "x", T0);
    say("s3", "m3", "x", T0);
    ck_assert_int_eq(llmq_store_session_grown(marks, &n, store_test.store, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(marks[0].id, "s3");
    ck_assert_str_eq(marks[0].tenant, "acme");
    ck_assert_int_eq(marks[0].seq, 2);
    ck_assert_int_eq(marks[1].seq, 2);
    ck_assert_str_eq(marks[2].id, "s1");
    ck_assert_int_eq(marks[2].seq, 1);
    n = 0;
    ck_assert_int_eq(llmq_store_session_grown(marks, &n, store_test.store, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, 0);
    store_test_close();
}
END_TEST

TCase *case_store_session(void)
{
    TCase *tc = test_case("store_session");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, a_new_one_is_as_it_was_written_and_empty, 0, n);
    tcase_add_loop_test(tc, only_its_owner_finds_it, 0, n);
    tcase_add_loop_test(tc, changes_tell_when_and_nothing_changes_nothing, 0, n);
    tcase_add_loop_test(tc, a_closed_one_takes_nothing_but_to_be_closed, 0, n);
    tcase_add_loop_test(tc, one_without_a_name_gets_one, 0, n);
    tcase_add_loop_test(tc, others_change_nothing, 0, n);
    tcase_add_loop_test(tc, messages_come_in_pages_behind_a_number, 0, n);
    tcase_add_loop_test(tc, logs_that_have_grown_are_told_from_the_others, 0, n);
    return tc;
}
