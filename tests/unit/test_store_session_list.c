#include "store_support.h"

#include "store/store_append.h"
#include "store/store_session.h"

#include <apr_strings.h>

#include <string.h>

#define T0 STORE_TEST_T0

static void create(const char *id, const char *name, apr_time_t now)
{
    store_test_session("ann", id, name, now);
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

/* Change s1. */
static void change(const char *name, int status)
{
    llmq_session_ref_t ref = {"acme", "ann", "s1"};
    llmq_session_patch_t patch = {name, status};
    llmq_session_t *s;

    ck_assert_int_eq(
        llmq_store_session_change(&s, store_test.store, &ref, &patch, T0 + 50, test_pool),
        APR_SUCCESS);
}

/* @return the ids of a page, in their order, joined */
static const char *page(const llmq_session_query_t *query, apr_int64_t expected_total)
{
    llmq_session_t *items;
    apr_int64_t total = -1;
    const char *text = "";
    int n, i;

    ck_assert_int_eq(
        llmq_store_session_list(&items, &n, &total, store_test.store, query, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(total, expected_total);
    for (i = 0; i < n; i++)
        text = apr_pstrcat(test_pool, text, i ? " " : "", items[i].id, NULL);
    return text;
}

static llmq_session_query_t all_of(const char *owner)
{
    llmq_session_query_t query = {"acme", owner, -1, NULL, 1, 10};

    return query;
}

START_TEST(the_one_with_the_latest_message_comes_first_the_empty_ones_last)
{
    llmq_session_query_t query = all_of("ann");

    store_test_open(_i);
    create("s1", NULL, T0 + 5);
    create("s2", NULL, T0 + 7);
    create("s3", NULL, T0 + 1);
    create("s4", NULL, T0 + 2);
    create("s5", NULL, T0 + 5);
    store_test_session("bob", "s6", NULL, T0 + 9);
    say("s3", "m1", "x", T0 + 20);
    say("s4", "m2", "x", T0 + 30);
    ck_assert_str_eq(page(&query, 5), "s4 s3 s2 s5 s1");
    query.per_page = 2;
    ck_assert_str_eq(page(&query, 5), "s4 s3");
    query.page = 2;
    ck_assert_str_eq(page(&query, 5), "s2 s5");
    query.page = 3;
    ck_assert_str_eq(page(&query, 5), "s1");
    query.page = 4;
    ck_assert_str_eq(page(&query, 5), "");
    query = all_of(NULL);
    ck_assert_str_eq(page(&query, 6), "s4 s3 s6 s2 s5 s1");
    query = all_of("");
    ck_assert_str_eq(page(&query, 0), "");
    query = all_of(NULL);
    query.tenant = "other";
    ck_assert_str_eq(page(&query, 0), "");
    store_test_close();
}
END_TEST

START_TEST(lists_are_filtered_by_status)
{
    llmq_session_query_t query = all_of("ann");

    store_test_open(_i);
    create("s1", "A", T0);
    create("s2", "A", T0 + 1);
    create("s3", NULL, T0 + 2);
    change(NULL, LLMQ_SESSION_LOCKED);
    ck_assert_str_eq(page(&query, 3), "s3 s2 s1");
    query.status = LLMQ_SESSION_OPEN;
    ck_assert_str_eq(page(&query, 2), "s3 s2");
    query.status = LLMQ_SESSION_LOCKED;
    ck_assert_str_eq(page(&query, 1), "s1");
    query.status = LLMQ_SESSION_CLOSED;
    ck_assert_str_eq(page(&query, 0), "");
    query.status = LLMQ_SESSION_OPEN;
    query.q = "a";
    ck_assert_str_eq(page(&query, 1), "s2");
    store_test_close();
}
END_TEST

static const struct {
    const char *q;
    const char *found;
    int n;
} cases[] = {
    {"100%", "s1", 1},
    {"%", "s1", 1},
    {"a_b", "s2", 1},
    {"_", "s2", 1},
    {"\\", "s3", 1},
    {"\\%", "", 0},
    {"'", "s4", 1},
    {"O'", "s4", 1},
    {"ABC", "s5 s2", 2},
    {"stra\xc3\x9f", "s6", 1},
    /* É as é, Σ and ς as σ, Ж as ж */
    {"\xc3\x89T\xc3\x89", "s7", 1},
    {"\xcf\x83\xce\x91\xcf\x82", "s8", 1},
    {"\xd0\xb6", "s9", 1},
    {"\xe4\xbd\xa0", "s9", 1},
    {"", "s9 s8 s7 s6 s5 s4 s3 s2 s1 s0", 10},
    {"%%", "", 0},
    {"nothing", "", 0},
};

static void create_named(void)
{
    create("s0", NULL, T0);
    create("s1", "100% sure", T0 + 1);
    create("s2", "a_b abc", T0 + 2);
    create("s3", "back\\slash", T0 + 3);
    create("s4", "O'Brien \"x\"", T0 + 4);
    create("s5", "xAbCx", T0 + 5);
    create("s6",
           "Gro\xc3\x9f"
           "e STRA\xc3\x9f"
           "E",
           T0 + 6);
    create("s7", "un \xc3\xa9t\xc3\xa9", T0 + 7);
    create("s8", "\xce\xa3\xce\xb1\xcf\x83", T0 + 8);
    create("s9", "\xd0\x96\xe4\xbd\xa0\xe5\xa5\xbd", T0 + 9);
}

START_TEST(names_are_searched_as_they_are_whatever_the_case)
{
    llmq_session_query_t query = all_of("ann");
    apr_size_t i;

    store_test_open(_i);
    create_named();
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        query.q = cases[i].q;
        ck_assert_str_eq(page(&query, cases[i].n), cases[i].found);
    }
    /* A new name is searched instead of the old one. */
    change("Fr\xc3\x84nk", -1);
    query.q = "fr\xc3\xa4NK";
    ck_assert_str_eq(page(&query, 1), "s1");
    query.q = "100%";
    ck_assert_str_eq(page(&query, 0), "");
    store_test_close();
}
END_TEST

TCase *case_store_session_list(void)
{
    TCase *tc = test_case("store_session_list");
    int n = store_test_dialects();

    tcase_add_loop_test(
        tc, the_one_with_the_latest_message_comes_first_the_empty_ones_last, 0, n);
    tcase_add_loop_test(tc, lists_are_filtered_by_status, 0, n);
    tcase_add_loop_test(tc, names_are_searched_as_they_are_whatever_the_case, 0, n);
    return tc;
}
