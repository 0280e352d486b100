#include "store_support.h"

#include "store/store_append.h"
#include "store/store_session.h"

#include <apr_strings.h>

#include <string.h>

#define T0 STORE_TEST_T0

static void create(const char *id)
{
    llmq_session_t s;

    memset(&s, 0, sizeof(s));
    s.id = id;
    s.tenant = "acme";
    s.owner = "ann";
    s.created_at = T0;
    ck_assert_int_eq(llmq_store_session_create(store_test.store, &s, test_pool),
                     APR_SUCCESS);
}

static llmq_append_t said(const char *session, const char *id)
{
    llmq_append_t append;

    memset(&append, 0, sizeof(append));
    append.tenant = "acme";
    append.owner = "ann";
    append.message.session = session;
    append.message.id = id;
    append.message.role = LLMQ_ROLE_USER;
    append.message.type = "user.prompt";
    append.message.content = "Hello";
    append.message.created_at = T0 + 5;
    return append;
}

static void expect(llmq_append_t *append, llmq_append_e outcome, apr_int64_t seq)
{
    append->outcome = LLMQ_APPEND_NONE;
    ck_assert_int_eq(llmq_store_append(append, 1, store_test.store, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(append->outcome, outcome);
    ck_assert_int_eq(append->seq, seq);
}

static llmq_session_t *look(const char *id)
{
    llmq_session_ref_t ref = {"acme", NULL, id};
    llmq_session_t *s = NULL;

    ck_assert_int_eq(llmq_store_session_find(&s, store_test.store, &ref, test_pool),
                     APR_SUCCESS);
    return s;
}

static llmq_session_message_t *message(const char *session, const char *id)
{
    llmq_session_ref_t ref = {"acme", NULL, session};
    llmq_session_message_t *m = NULL;

    ck_assert_int_eq(
        llmq_store_session_message(&m, store_test.store, &ref, id, test_pool),
        APR_SUCCESS);
    return m;
}

START_TEST(a_message_is_stored_as_it_is_and_its_session_tells_of_it)
{
    llmq_append_t a;
    llmq_session_message_t *m;
    llmq_session_t *s;

    store_test_open(_i);
    create("s1");
    a = said("s1", "m1");
    a.message.content = "a \"quote\", \\, \n, \xf0\x9f\x99\x82 and 100%s";
    a.message.payload = "{\"run_id\":\"r\",\"n\":[1,2.50,null,\"\\u00e9\"]}";
    a.message.dedupe_key = "k'1";
    expect(&a, LLMQ_APPEND_STORED, 1);
    ck_assert_int_eq(a.message.seq, 1);
    m = message("s1", "m1");
    ck_assert_str_eq(m->session, "s1");
    ck_assert_int_eq(m->seq, 1);
    ck_assert_int_eq(m->role, LLMQ_ROLE_USER);
    ck_assert_str_eq(m->type, "user.prompt");
    ck_assert_str_eq(m->content, a.message.content);
    ck_assert_str_eq(m->payload, a.message.payload);
    ck_assert_ptr_null(m->reply_to);
    ck_assert_str_eq(m->dedupe_key, "k'1");
    ck_assert_int_eq(m->created_at, T0 + 5);
    s = look("s1");
    ck_assert_int_eq(s->last_seq, 1);
    ck_assert_str_eq(s->last_message_id, "m1");
    ck_assert_int_eq(s->last_message_at, T0 + 5);
    ck_assert_str_eq(s->last_message_preview, a.message.content);
    ck_assert_int_eq(s->last_message_role, LLMQ_ROLE_USER);
    ck_assert_str_eq(s->last_message_type, "user.prompt");
    ck_assert_int_eq(s->created_at, T0);
    ck_assert_int_eq(s->updated_at, T0 + 5);
    store_test_close();
}
END_TEST

START_TEST(what_a_message_does_not_have_is_null)
{
    llmq_append_t a;
    llmq_session_message_t *m;

    store_test_open(_i);
    create("s1");
    a = said("s1", "m1");
    expect(&a, LLMQ_APPEND_STORED, 1);
    a = said("s1", "m2");
    a.message.content = NULL;
    a.message.reply_to = "m1";
    expect(&a, LLMQ_APPEND_STORED, 2);
    m = message("s1", "m2");
    ck_assert_ptr_null(m->content);
    ck_assert_ptr_null(m->payload);
    ck_assert_ptr_null(m->dedupe_key);
    ck_assert_str_eq(m->reply_to, "m1");
    ck_assert_str_eq(look("s1")->last_message_preview, "");
    store_test_close();
}
END_TEST

START_TEST(keys_gates_replies_and_owners_are_asked_of_the_store)
{
    llmq_session_ref_t ref = {"acme", "ann", "s1"};
    llmq_session_patch_t closed = {NULL, LLMQ_SESSION_CLOSED};
    llmq_session_t *s;
    llmq_append_t a;

    store_test_open(_i);
    create("s1");
    create("s2");
    a = said("s1", "m1");
    a.message.dedupe_key = "k";
    expect(&a, LLMQ_APPEND_STORED, 1);
    a = said("s1", "m2");
    a.message.dedupe_key = "k";
    expect(&a, LLMQ_APPEND_DUPLICATE, 1);
    a.message.session = "s2";
    expect(&a, LLMQ_APPEND_STORED, 1);
    a = said("s1", "m3");
    a.message.reply_to = "m2";
    expect(&a, LLMQ_APPEND_NO_REPLY_TO, 0);
    a.owner = "bob";
    expect(&a, LLMQ_APPEND_NO_SESSION, 0);
    llmq_store_session_change(&s, store_test.store, &ref, &closed, T0 + 9, test_pool);
    a = said("s1", "m4");
    expect(&a, LLMQ_APPEND_CLOSED, 0);
    a.message.dedupe_key = "k";
    expect(&a, LLMQ_APPEND_DUPLICATE, 1);
    ck_assert_int_eq(look("s1")->last_seq, 1);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_session_messages"), 2);
    store_test_close();
}
END_TEST

START_TEST(a_batch_is_one_transaction_with_an_outcome_for_each)
{
    llmq_append_t batch[6];

    store_test_open(_i);
    create("s1");
    create("s2");
    batch[0] = said("s2", "a");
    batch[1] = said("s1", "b");
    batch[2] = said("none", "c");
    batch[3] = said("s2", "d");
    batch[4] = said("s2", "e");
    batch[5] = said("s1", "f");
    batch[0].message.dedupe_key = batch[3].message.dedupe_key = "k";
    batch[4].message.reply_to = "a";
    ck_assert_int_eq(llmq_store_append(batch, 6, store_test.store, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(batch[0].seq, 1);
    ck_assert_int_eq(batch[1].seq, 1);
    ck_assert_int_eq(batch[2].outcome, LLMQ_APPEND_NO_SESSION);
    ck_assert_int_eq(batch[3].outcome, LLMQ_APPEND_DUPLICATE);
    ck_assert_int_eq(batch[3].seq, 1);
    ck_assert_int_eq(batch[4].seq, 2);
    ck_assert_int_eq(batch[5].seq, 2);
    ck_assert_str_eq(look("s1")->last_message_id, "f");
    ck_assert_str_eq(look("s2")->last_message_id, "e");
    ck_assert_int_eq(look("s2")->last_seq, 2);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_session_messages"), 4);
    store_test_close();
}
END_TEST

START_TEST(a_row_that_is_refused_undoes_all)
{
    llmq_append_t batch[2];

    store_test_open(_i);
    create("s1");
    batch[0] = said("s1", "a");
    expect(&batch[0], LLMQ_APPEND_STORED, 1);
    batch[1] = said("s1", "c");
    batch[1].message.type = NULL;
    batch[0] = said("s1", "b");
    ck_assert_int_eq(llmq_store_append(batch, 2, store_test.store, test_pool), LLMQ_EROW);
    ck_assert_int_eq(batch[0].outcome, LLMQ_APPEND_NONE);
    ck_assert_int_eq(batch[0].message.seq, 0);
    ck_assert_int_eq(look("s1")->last_seq, 1);
    expect(&batch[0], LLMQ_APPEND_STORED, 2);
    store_test_close();
}
END_TEST

START_TEST(one_more_statement_shares_the_fate_of_all)
{
    const char *fine[] = {"[]"};
    const char *broken[] = {"no json"};
    llmq_append_t a;

    store_test_open(_i);
    create("s1");
    a = said("s1", "a");
    a.outcome = LLMQ_APPEND_NONE;
    ck_assert_int_ne(llmq_store_append_and(&a, 1, LLMQ_SQL_RUN_SETTLE, broken,
                                           store_test.store, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(a.outcome, LLMQ_APPEND_NONE);
    ck_assert_int_eq(look("s1")->last_seq, 0);
    ck_assert_int_eq(llmq_store_append_and(&a, 1, LLMQ_SQL_RUN_SETTLE, fine,
                                           store_test.store, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(a.outcome, LLMQ_APPEND_STORED);
    ck_assert_int_eq(look("s1")->last_seq, 1);
    store_test_close();
}
END_TEST

TCase *case_store_append(void)
{
    TCase *tc = test_case("store_append");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, a_message_is_stored_as_it_is_and_its_session_tells_of_it, 0,
                        n);
    tcase_add_loop_test(tc, what_a_message_does_not_have_is_null, 0, n);
    tcase_add_loop_test(tc, keys_gates_replies_and_owners_are_asked_of_the_store, 0, n);
    tcase_add_loop_test(tc, a_batch_is_one_transaction_with_an_outcome_for_each, 0, n);
    tcase_add_loop_test(tc, a_row_that_is_refused_undoes_all, 0, n);
    tcase_add_loop_test(tc, one_more_statement_shares_the_fate_of_all, 0, n);
    return tc;
}
