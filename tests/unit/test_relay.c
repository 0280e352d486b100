#include "support.h"

#include "bus/relay.h"
#include "relay_support.h"

#include <apr_strings.h>

#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static _Atomic(int) canceled;
static char last_canceled[LLMQ_ID_MAX + 1];
static int door;

static void on_cancel(void *ctx, const char *id)
{
    ck_assert_ptr_eq(ctx, &canceled);
    strcpy(last_canceled, id);
    atomic_fetch_add(&canceled, 1);
}

static llmq_relay_t *open_relay(apr_size_t max_pending, apr_interval_time_t grace)
{
    llmq_relay_conf_t conf = {.fd = door,
                              .max_pending = max_pending,
                              .grace = grace,
                              .on_cancel = on_cancel,
                              .ctx = &canceled};
    llmq_relay_t *relay = NULL;

    atomic_store(&canceled, 0);
    ck_assert_int_eq(llmq_relay_create(&relay, &conf, test_pool), APR_SUCCESS);
    return relay;
}

static void begin(void)
{
    door = relay_door();
}

/* What a child has written before is known when the job is taken, however soon that is. */
START_TEST(what_was_said_before_is_known)
{
    llmq_relay_t *relay;
    char id[LLMQ_ID_MAX + 1];
    int child;
    int i;

    begin();
    child = relay_child();
    relay_say(child, LLMQ_RELAY_LISTEN, "early"); /* there is no dispatcher yet */
    relay = open_relay(1000, 0);
    ck_assert_int_eq(llmq_relay_listens(relay, "early"), APR_SUCCESS);
    ck_assert_int_eq(llmq_relay_listens(relay, "nobody"), APR_NOTFOUND);
    for (i = 0; i < 2000; i++) {
        apr_snprintf(id, sizeof(id), "job_%d", i);
        relay_say(child, LLMQ_RELAY_LISTEN, id);
        ck_assert_int_eq(llmq_relay_listens(relay, id), APR_SUCCESS);
    }
    ck_assert_int_eq(llmq_relay_count(relay), 2001);
    llmq_relay_destroy(relay, 0);
    close(child);
}
END_TEST

START_TEST(a_young_dispatcher_waits_for_children)
{
    llmq_relay_t *relay;

    begin();
    relay = open_relay(1000, apr_time_from_sec(3600));
    ck_assert_int_eq(llmq_relay_listens(relay, "nobody"), APR_EAGAIN);
    llmq_relay_destroy(relay, 0);
}
END_TEST

START_TEST(an_answer_comes_in_order)
{
    llmq_relay_end_t end = {.status = 200, .headers = "", .body = "body", .body_len = 4};
    llmq_relay_t *relay;
    char id[LLMQ_ID_MAX + 1];
    char data[256];
    int child;

    begin();
    child = relay_child();
    relay = open_relay(1000, 0);
    relay_say(child, LLMQ_RELAY_LISTEN, "a");
    ck_assert_int_eq(llmq_relay_listens(relay, "a"), APR_SUCCESS);
    ck_assert_int_eq(llmq_relay_send(relay, "a", LLMQ_RELAY_BEGUN, "1", 1), APR_SUCCESS);
    ck_assert_int_eq(llmq_relay_send(relay, "a", LLMQ_RELAY_PIECE, "one", 3),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_relay_send_end(relay, "a", &end), APR_SUCCESS);
    ck_assert_int_eq(llmq_relay_send(relay, "a", LLMQ_RELAY_PIECE, "two", 3),
                     APR_NOTFOUND);
    ck_assert_int_eq(llmq_relay_count(relay), 0);
    ck_assert_int_eq(relay_hear(child, id, data), LLMQ_RELAY_BEGUN);
    ck_assert_str_eq(data, "1");
    ck_assert_int_eq(relay_hear(child, id, data), LLMQ_RELAY_PIECE);
    ck_assert_str_eq(id, "a");
    ck_assert_str_eq(data, "one");
    ck_assert_int_eq(relay_hear(child, id, data), LLMQ_RELAY_END);
    ck_assert_str_eq(data + LLMQ_RELAY_END_HEAD, "body");
    close(child); /* which listens to nothing any more */
    llmq_relay_destroy(relay, 0);
    ck_assert_int_eq(atomic_load(&canceled), 0);
}
END_TEST

START_TEST(who_says_so_or_dies_cancels)
{
    llmq_relay_t *relay;
    int a, b;

    begin();
    a = relay_child();
    b = relay_child();
    relay = open_relay(1000, 0);
    relay_say(a, LLMQ_RELAY_LISTEN, "a1");
    relay_say(a, LLMQ_RELAY_LISTEN, "a2");
    relay_say(b, LLMQ_RELAY_LISTEN, "b1");
    relay_say(b, LLMQ_RELAY_LISTEN, "b2");
    relay_say(b, LLMQ_RELAY_CANCEL, "a1"); /* it is not b's */
    relay_say(b, LLMQ_RELAY_CANCEL, "b1");
    RELAY_UNTIL(atomic_load(&canceled) == 1);
    ck_assert_str_eq(last_canceled, "b1");
    relay_say(b, LLMQ_RELAY_FORGET, "b2");
    close(a);
    RELAY_UNTIL(atomic_load(&canceled) == 3);
    RELAY_UNTIL(llmq_relay_count(relay) == 0);
    close(b);
    llmq_relay_destroy(relay, 0);
    ck_assert_int_eq(atomic_load(&canceled), 3);
}
END_TEST

/* One child does not read: what waits for its listener is bounded, others go on. */
START_TEST(a_listener_that_is_slow_is_given_up)
{
    static char big[60000];
    llmq_relay_t *relay;
    char id[LLMQ_ID_MAX + 1];
    char data[256];
    int slow, quick;
    int sent = 0;
    apr_status_t rv;

    begin();
    slow = relay_child();
    quick = relay_child();
    relay = open_relay(300000, 0);
    relay_say(slow, LLMQ_RELAY_LISTEN, "slow");
    relay_say(quick, LLMQ_RELAY_LISTEN, "quick");
    ck_assert_int_eq(llmq_relay_listens(relay, "quick"), APR_SUCCESS);
    ck_assert_int_eq(llmq_relay_listens(relay, "slow"), APR_SUCCESS);
    do {
        rv = llmq_relay_send(relay, "slow", LLMQ_RELAY_PIECE, big, sizeof(big));
        ck_assert_int_lt(++sent, 1000);
    } while (rv == APR_SUCCESS);
    ck_assert_int_eq(rv, LLMQ_EFULL);
    RELAY_UNTIL(atomic_load(&canceled) == 1);
    ck_assert_str_eq(last_canceled, "slow");
    ck_assert_int_eq(llmq_relay_send(relay, "quick", LLMQ_RELAY_PIECE, "x", 1),
                     APR_SUCCESS);
    ck_assert_int_eq(relay_hear(quick, id, data), LLMQ_RELAY_PIECE);
    for (; --sent > 0;)
        ck_assert_int_eq(relay_hear(slow, id, data), LLMQ_RELAY_PIECE);
    ck_assert_int_eq(relay_hear(slow, id, data), LLMQ_RELAY_LOST);
    llmq_relay_destroy(relay, 0);
}
END_TEST

START_TEST(a_large_end_is_taken_whole)
{
    static char big[3000000];
    llmq_relay_end_t end = {
        .status = 200, .headers = "", .body = big, .body_len = sizeof(big)};
    llmq_relay_t *relay;
    char id[LLMQ_ID_MAX + 1];
    char data[256];
    int child;

    begin();
    memset(big, 'x', sizeof(big));
    child = relay_child();
    relay = open_relay(1000, 0);
    relay_say(child, LLMQ_RELAY_LISTEN, "a");
    ck_assert_int_eq(llmq_relay_listens(relay, "a"), APR_SUCCESS);
    ck_assert_int_eq(llmq_relay_send_end(relay, "a", &end), APR_SUCCESS);
    ck_assert_int_eq(relay_hear(child, id, data), LLMQ_RELAY_END);
    llmq_relay_destroy(relay, apr_time_from_sec(60));
}
END_TEST

/* Whoever leaves accepts no more; what runs goes on, and the next one is there beside it. */
START_TEST(one_leaves_and_the_next_accepts)
{
    llmq_relay_t *old, *new;
    char id[LLMQ_ID_MAX + 1];
    char data[256];
    int a, b;

    begin();
    a = relay_child();
    old = open_relay(1000, 0);
    relay_say(a, LLMQ_RELAY_LISTEN, "a");
    ck_assert_int_eq(llmq_relay_listens(old, "a"), APR_SUCCESS);
    llmq_relay_leave(old);
    ck_assert_int_eq(relay_hear(a, id, data), LLMQ_RELAY_LEAVING);
    ck_assert_str_eq(id, "");
    ck_assert_int_eq(llmq_relay_listens(old, "b"), APR_NOTFOUND); /* now it is deaf */
    b = relay_child();
    relay_say(b, LLMQ_RELAY_LISTEN, "b");
    new = open_relay(1000, 0);
    ck_assert_int_eq(llmq_relay_listens(new, "b"), APR_SUCCESS);
    ck_assert_int_eq(llmq_relay_listens(old, "b"), APR_NOTFOUND);
    ck_assert_int_eq(llmq_relay_send(old, "a", LLMQ_RELAY_PIECE, "x", 1), APR_SUCCESS);
    llmq_relay_destroy(old, apr_time_from_sec(60));
    ck_assert_int_eq(relay_hear(a, id, data), LLMQ_RELAY_PIECE);
    ck_assert_int_eq(relay_hear(a, id, data), 0);
    llmq_relay_destroy(new, 0);
    ck_assert_int_eq(atomic_load(&canceled), 0);
}
END_TEST

TCase *case_relay(void)
{
    TCase *tc = test_case("relay");

    tcase_add_test(tc, what_was_said_before_is_known);
    tcase_add_test(tc, a_young_dispatcher_waits_for_children);
    tcase_add_test(tc, an_answer_comes_in_order);
    tcase_add_test(tc, who_says_so_or_dies_cancels);
    tcase_add_test(tc, a_listener_that_is_slow_is_given_up);
    tcase_add_test(tc, a_large_end_is_taken_whole);
    tcase_add_test(tc, one_leaves_and_the_next_accepts);
    return tc;
}
