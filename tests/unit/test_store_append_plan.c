#include "support.h"

#include "store/store_append_plan.h"

#include <string.h>

static llmq_append_plan_t plan;

static void know(const char *id, llmq_session_status_e status, apr_int64_t last_seq)
{
    llmq_append_log_t log = {id, "acme", "ann", status, last_seq, NULL};

    llmq_store_append_plan_session(&plan, &log);
}

static void begin(void)
{
    llmq_store_append_plan_init(&plan, test_pool);
    know("open", LLMQ_SESSION_OPEN, 10);
    know("locked", LLMQ_SESSION_LOCKED, 0);
    know("closed", LLMQ_SESSION_CLOSED, 4);
}

static llmq_append_t said(const char *session, const char *id, llmq_role_e role)
{
    llmq_append_t append;

    memset(&append, 0, sizeof(append));
    append.tenant = "acme";
    append.owner = "ann";
    append.message.session = session;
    append.message.id = id;
    append.message.role = role;
    append.message.type = "user.prompt";
    return append;
}

/* Decide, and compare with what should come out. */
static void expect(llmq_append_t *append, llmq_append_e outcome, apr_int64_t seq)
{
    int accepted = plan.accepted;
    int stored = llmq_store_append_plan_decide(&plan, append);

    ck_assert_int_eq(append->outcome, outcome);
    ck_assert_int_eq(append->seq, seq);
    ck_assert_int_eq(plan.accepted, accepted + stored);
    ck_assert(!stored || outcome == LLMQ_APPEND_STORED);
    ck_assert_int_eq(append->message.seq, outcome == LLMQ_APPEND_STORED ? seq : 0);
}

START_TEST(numbers_go_on_by_session_in_the_order_of_the_appends)
{
    llmq_append_t a = said("open", "a", LLMQ_ROLE_USER);
    llmq_append_t b = said("locked", "b", LLMQ_ROLE_AGENT);
    llmq_append_t c = said("open", "c", LLMQ_ROLE_USER);

    begin();
    expect(&a, LLMQ_APPEND_STORED, 11);
    expect(&b, LLMQ_APPEND_STORED, 1);
    expect(&c, LLMQ_APPEND_STORED, 12);
    ck_assert_int_eq(plan.logs->nelts, 3);
    ck_assert_ptr_eq(APR_ARRAY_IDX(plan.logs, 0, llmq_append_log_t *)->last, &c.message);
    ck_assert_ptr_null(APR_ARRAY_IDX(plan.logs, 2, llmq_append_log_t *)->last);
}
END_TEST

START_TEST(the_gate_lets_in_by_role_and_the_server_always)
{
    int role;

    for (role = 0; role < LLMQ_ROLE_COUNT; role++) {
        llmq_append_t locked = said("locked", "a", role);
        llmq_append_t closed = said("closed", "b", role);

        begin();
        if (role == LLMQ_ROLE_USER)
            expect(&locked, LLMQ_APPEND_LOCKED, 0);
        else
            expect(&locked, LLMQ_APPEND_STORED, 1);
        expect(&closed, LLMQ_APPEND_CLOSED, 0);
        closed.force = 1;
        expect(&closed, LLMQ_APPEND_STORED, 5);
    }
}
END_TEST

START_TEST(others_sessions_are_not_there)
{
    llmq_append_t a = said("open", "a", LLMQ_ROLE_USER);

    begin();
    a.tenant = "other";
    expect(&a, LLMQ_APPEND_NO_SESSION, 0);
    a.force = 1;
    expect(&a, LLMQ_APPEND_NO_SESSION, 0);
    a.tenant = "acme";
    a.owner = "bob";
    expect(&a, LLMQ_APPEND_NO_SESSION, 0);
    a.message.session = "none";
    a.owner = NULL;
    expect(&a, LLMQ_APPEND_NO_SESSION, 0);
    a.message.session = "open";
    expect(&a, LLMQ_APPEND_STORED, 11);
}
END_TEST

START_TEST(a_key_is_known_before_the_gate_is_asked)
{
    llmq_append_known_t known = {"closed", "old", "k", 2};
    llmq_append_t a = said("closed", "a", LLMQ_ROLE_USER);
    llmq_append_t b = said("open", "b", LLMQ_ROLE_USER);

    begin();
    llmq_store_append_plan_message(&plan, &known);
    a.message.dedupe_key = b.message.dedupe_key = "k";
    expect(&a, LLMQ_APPEND_DUPLICATE, 2);
    /* A key belongs to its session. */
    expect(&b, LLMQ_APPEND_STORED, 11);
    a.message.dedupe_key = "K";
    expect(&a, LLMQ_APPEND_CLOSED, 0);
}
END_TEST

START_TEST(a_key_counts_within_the_batch_once_it_was_stored)
{
    llmq_append_t refused = said("locked", "a", LLMQ_ROLE_USER);
    llmq_append_t first = said("locked", "b", LLMQ_ROLE_AGENT);
    llmq_append_t second = said("locked", "c", LLMQ_ROLE_USER);

    begin();
    refused.message.dedupe_key = first.message.dedupe_key = "k";
    second.message.dedupe_key = "k";
    expect(&refused, LLMQ_APPEND_LOCKED, 0);
    expect(&first, LLMQ_APPEND_STORED, 1);
    expect(&second, LLMQ_APPEND_DUPLICATE, 1);
}
END_TEST

START_TEST(a_reply_needs_what_it_replies_to_in_its_session)
{
    llmq_append_known_t known = {"closed", "old", NULL, 2};
    llmq_append_t first = said("open", "a", LLMQ_ROLE_USER);
    llmq_append_t reply = said("open", "b", LLMQ_ROLE_AGENT);

    begin();
    llmq_store_append_plan_message(&plan, &known);
    reply.message.reply_to = "old";
    expect(&reply, LLMQ_APPEND_NO_REPLY_TO, 0);
    known.session = "open";
    llmq_store_append_plan_message(&plan, &known);
    expect(&reply, LLMQ_APPEND_STORED, 11);
    /* One of the same batch is there as soon as it was accepted. */
    reply.message.reply_to = "a";
    reply.message.id = "c";
    reply.message.seq = 0;
    expect(&reply, LLMQ_APPEND_NO_REPLY_TO, 0);
    expect(&first, LLMQ_APPEND_STORED, 12);
    expect(&reply, LLMQ_APPEND_STORED, 13);
}
END_TEST

START_TEST(what_an_earlier_try_has_stored_is_not_stored_again)
{
    llmq_append_known_t known = {"closed", "a", "k", 4};
    llmq_append_t a = said("closed", "a", LLMQ_ROLE_USER);

    begin();
    llmq_store_append_plan_message(&plan, &known);
    a.message.dedupe_key = "k";
    expect(&a, LLMQ_APPEND_STORED, 4);
    ck_assert_int_eq(plan.accepted, 0);
}
END_TEST

TCase *case_store_append_plan(void)
{
    TCase *tc = test_case("store_append_plan");

    tcase_add_test(tc, numbers_go_on_by_session_in_the_order_of_the_appends);
    tcase_add_test(tc, the_gate_lets_in_by_role_and_the_server_always);
    tcase_add_test(tc, others_sessions_are_not_there);
    tcase_add_test(tc, a_key_is_known_before_the_gate_is_asked);
    tcase_add_test(tc, a_key_counts_within_the_batch_once_it_was_stored);
    tcase_add_test(tc, a_reply_needs_what_it_replies_to_in_its_session);
    tcase_add_test(tc, what_an_earlier_try_has_stored_is_not_stored_again);
    return tc;
}
