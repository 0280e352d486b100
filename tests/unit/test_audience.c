#include "audience_support.h"
#include "support.h"

#include <stdio.h>

START_TEST(backlog_then_live)
{
    audience_client_t c;

    audience_log_end = 25;
    audience_join_at(&c, 0, &audience_key);
    ck_assert_int_eq(c.l.state, LLMQ_LISTENER_BEHIND);
    while (c.last < 25) {
        c.pending = 0;
        llmq_audience_retry(audience_all);
        audience_read_some();
    }
    c.pending = 0;
    llmq_audience_retry(audience_all);
    audience_read_all();
    ck_assert_int_eq(c.l.state, LLMQ_LISTENER_LIVE);
    audience_append(1);
    ck_assert_int_eq(c.last, 26);
    ck_assert_int_eq(c.l.events, 26);
    ck_assert_int_eq(c.wrong, 0);
    llmq_audience_leave(audience_all, &c.l);
    ck_assert_int_eq(llmq_audience_count(audience_all), 0);
    ck_assert_ptr_null(llmq_audience_find(audience_all, AUDIENCE_TOPIC, NULL));
}
END_TEST

START_TEST(what_happens_during_a_read_is_not_lost)
{
    audience_client_t c;
    llmq_audience_news_t news = {0};
    llmq_audience_read_t what;
    llmq_subject_t *s;

    audience_join_at(&c, 0, &audience_key);
    ck_assert_int_eq(llmq_audience_take(&s, audience_all, 1), 1);
    ck_assert_int_ne(llmq_audience_plan(&what, audience_all, s), 0);
    audience_append(1); /* the read has seen nothing of it */
    llmq_audience_settle(audience_all, s, &what, &news);
    llmq_audience_release(audience_all, s);
    ck_assert_int_eq(c.l.state, LLMQ_LISTENER_BEHIND);
    audience_read_all();
    ck_assert_int_eq(c.last, 1);
    ck_assert_int_eq(c.l.state, LLMQ_LISTENER_LIVE);
    llmq_audience_leave(audience_all, &c.l);
}
END_TEST

START_TEST(gaps_are_read_and_doubles_are_nothing)
{
    audience_client_t c;

    audience_join_at(&c, 0, &audience_key);
    audience_read_all();
    audience_append(0);
    audience_append(0);
    audience_append(1);
    ck_assert_int_eq(c.last, 0);
    ck_assert_int_eq(c.l.state, LLMQ_LISTENER_BEHIND);
    audience_read_all();
    ck_assert_int_eq(c.last, 3);
    audience_hear(3, 1);
    audience_hear(2, 1);
    ck_assert_int_eq(c.l.state, LLMQ_LISTENER_LIVE);
    audience_log_end++;
    c.pending = 0;
    audience_hear(4, 0); /* too long to travel */
    ck_assert_int_eq(c.l.state, LLMQ_LISTENER_BEHIND);
    audience_read_all();
    ck_assert_int_eq(c.last, 4);
    ck_assert_int_eq(c.wrong, 0);
    llmq_audience_leave(audience_all, &c.l);
}
END_TEST

START_TEST(a_number_that_is_not_there_is_forgotten)
{
    audience_client_t c;

    audience_join_at(&c, 0, &audience_key);
    audience_append(1);
    audience_read_all();
    audience_hear(1000, 1);
    audience_read_all();
    ck_assert_int_eq(c.l.state, LLMQ_LISTENER_LIVE);
    audience_append(1);
    ck_assert_int_eq(c.last, 2);
    llmq_audience_leave(audience_all, &c.l);
}
END_TEST

START_TEST(who_comes_where_others_are_needs_no_read)
{
    audience_client_t a;
    audience_client_t b;
    audience_client_t late;

    audience_log_end = 3;
    audience_join_at(&a, 3, &audience_key);
    audience_read_all();
    audience_join_at(&b, 3, &audience_key);
    ck_assert_int_eq(b.l.state, LLMQ_LISTENER_LIVE);
    audience_join_at(&late, 2, &audience_key);
    ck_assert_int_eq(late.l.state, LLMQ_LISTENER_BEHIND);
    audience_read_all();
    audience_append(1);
    ck_assert_int_eq(a.last, 4);
    ck_assert_int_eq(b.last, 4);
    ck_assert_int_eq(late.last, 4);
    ck_assert_int_eq(late.wrong, 0);
    llmq_audience_leave(audience_all, &a.l);
    llmq_audience_leave(audience_all, &b.l);
    llmq_audience_leave(audience_all, &late.l);
}
END_TEST

START_TEST(slow_client_waits_and_holds_nobody_up)
{
    audience_client_t slow;
    audience_client_t quick;
    int i;

    audience_join_at(&slow, 0, &audience_key);
    audience_join_at(&quick, 0, &audience_key);
    audience_read_all();
    for (i = 0; i < 50; i++) {
        audience_append(1);
        quick.pending = 0;
        audience_read_all();
        ck_assert_uint_le(slow.pending, AUDIENCE_ROOM);
    }
    ck_assert_int_eq(quick.last, 50);
    ck_assert_int_eq(slow.last, 4);
    ck_assert_int_ne(llmq_audience_is_stuck(audience_all), 0);
    for (i = 0; i < 100 && slow.last < 50; i++) {
        slow.pending = 0;
        llmq_audience_retry(audience_all);
        audience_read_all();
    }
    ck_assert_int_eq(slow.last, 50);
    ck_assert_int_eq(slow.wrong + quick.wrong, 0);
    llmq_audience_leave(audience_all, &slow.l);
    llmq_audience_leave(audience_all, &quick.l);
}
END_TEST

START_TEST(an_entry_of_any_size_goes_to_whom_nothing_waits_for)
{
    static const llmq_audience_conf_t conf = {AUDIENCE_SIZE / 2, audience_on_send,
                                              audience_on_pending, audience_on_leave};
    audience_client_t c;

    llmq_audience_create(&audience_all, &conf, test_pool);
    audience_join_at(&c, 0, &audience_key);
    audience_log_end = 2;
    audience_read_all();
    ck_assert_int_eq(c.last, 1);
    c.pending = 0;
    llmq_audience_retry(audience_all);
    audience_read_all();
    ck_assert_int_eq(c.last, 2);
    llmq_audience_leave(audience_all, &c.l);
}
END_TEST

/* Half of the room is free, but the next entry needs more: reading it again and again would
 * bring nothing. */
START_TEST(what_does_not_fit_is_not_read_for_nothing)
{
    static const llmq_audience_conf_t conf = {AUDIENCE_SIZE + AUDIENCE_SIZE / 2,
                                              audience_on_send, audience_on_pending,
                                              audience_on_leave};
    audience_client_t c;
    int i;

    llmq_audience_create(&audience_all, &conf, test_pool);
    audience_join_at(&c, 0, &audience_key);
    audience_log_end = 2;
    for (i = 0; i < 5 && c.last < 1; i++) {
        audience_read_some();
    }
    c.pending = conf.max_pending / 2;
    for (i = 0; i < 5; i++) {
        llmq_audience_retry(audience_all);
        audience_read_some();
    }
    ck_assert_int_eq(llmq_audience_has_todo(audience_all), 0);
    ck_assert_int_ne(llmq_audience_is_stuck(audience_all), 0);
    ck_assert_int_eq(c.last, 1);
    c.pending = 0;
    llmq_audience_retry(audience_all);
    audience_read_all();
    ck_assert_int_eq(c.last, 2);
    ck_assert_int_eq(c.l.state, LLMQ_LISTENER_LIVE);
    llmq_audience_leave(audience_all, &c.l);
}
END_TEST

START_TEST(pages_begin_small_and_grow_with_whoever_keeps_up)
{
    llmq_audience_read_t what = {0};
    llmq_subject_t *s;
    audience_client_t c;
    int first;

    audience_join_at(&c, 0, &audience_key);
    c.l.limit = 500;
    llmq_audience_leave(audience_all, &c.l);
    ck_assert_int_eq(llmq_audience_enter(audience_all, &c.l, &audience_key), APR_SUCCESS);
    audience_log_end = 40;
    ck_assert_int_eq(llmq_audience_take(&s, audience_all, 1), 1);
    ck_assert_int_ne(llmq_audience_plan(&what, audience_all, s), 0);
    llmq_audience_release(audience_all, s);
    first = what.limit;
    ck_assert_int_lt(first, 500);
    ck_assert_int_gt(first, 0);
    s = c.l.subject;
    s->pins++;
    while (c.last < 30) {
        c.pending = 0;
        audience_read_subject(s);
    }
    ck_assert_int_gt(c.l.page, 0);
    ck_assert_int_le(c.l.page, 500);
    llmq_audience_leave(audience_all, &c.l);
    llmq_audience_release(audience_all, s);
}
END_TEST

/* Two who have room for something, but not for an entry, and one for whom there is more. */
START_TEST(two_without_room_hold_nobody_up)
{
    static const llmq_audience_conf_t conf = {AUDIENCE_SIZE + AUDIENCE_SIZE / 2,
                                              audience_on_send, audience_on_pending,
                                              audience_on_leave};
    audience_client_t slow[2];
    audience_client_t quick;
    int i;

    llmq_audience_create(&audience_all, &conf, test_pool);
    audience_log_end = 60;
    audience_join_at(&slow[0], 0, &audience_key);
    audience_join_at(&slow[1], 20, &audience_key);
    audience_join_at(&quick, 40, &audience_key);
    slow[0].pending = slow[1].pending = AUDIENCE_SIZE - AUDIENCE_SIZE / 4;
    for (i = 0; i < 200 && quick.last < 60; i++) {
        quick.pending = 0;
        llmq_audience_retry(audience_all);
        audience_read_some();
    }
    ck_assert_int_eq(quick.last, 60);
    ck_assert_int_eq(slow[0].last, 0);
    ck_assert_int_eq(slow[1].last, 20);
    /* Nor does anybody read for them. */
    for (i = 0; i < 10 && llmq_audience_has_todo(audience_all); i++) {
        audience_read_some();
    }
    ck_assert_int_eq(llmq_audience_has_todo(audience_all), 0);
    for (i = 0; i < 200 && slow[0].last + slow[1].last < 120; i++) {
        slow[0].pending = slow[1].pending = 0;
        llmq_audience_retry(audience_all);
        audience_read_some();
    }
    ck_assert_int_eq(slow[0].last, 60);
    ck_assert_int_eq(slow[1].last, 60);
    ck_assert_int_eq(slow[0].wrong + slow[1].wrong + quick.wrong, 0);
    llmq_audience_leave(audience_all, &slow[0].l);
    llmq_audience_leave(audience_all, &slow[1].l);
    llmq_audience_leave(audience_all, &quick.l);
}
END_TEST

START_TEST(whose_client_is_gone_leaves)
{
    audience_client_t a;
    audience_client_t b;

    audience_join_at(&a, 0, &audience_key);
    audience_join_at(&b, 0, &audience_key);
    audience_read_all();
    a.is_broken = 1;
    audience_append(1);
    ck_assert_int_eq(a.left, 1);
    ck_assert_int_eq(a.l.state, LLMQ_LISTENER_AWAY);
    ck_assert_int_eq(b.last, 1);
    b.is_broken = 1;
    audience_append(1);
    ck_assert_int_eq(b.left, 1);
    ck_assert_int_eq(llmq_audience_count(audience_all), 0);
    ck_assert_ptr_null(llmq_audience_find(audience_all, AUDIENCE_TOPIC, NULL));
}
END_TEST

/* One read of a thing without numbers: its version, maybe the last one. */
static void read_version(apr_int64_t version, int final)
{
    llmq_audience_piece_t piece = {audience_frame_of(version),          0,
                                   final ? APR_INT64_MAX : version - 1, version,
                                   final ? LLMQ_AUDIENCE_LAST : 0,      1};
    llmq_audience_news_t news = {version, 0, final, 0};
    llmq_audience_read_t what;
    llmq_subject_t *s;

    ck_assert_int_eq(llmq_audience_take(&s, audience_all, 1), 1);
    ck_assert_int_ne(llmq_audience_plan(&what, audience_all, s), 0);
    llmq_audience_grow(s, version);
    audience_offer_all(s, LLMQ_OFFER_ALL, &piece, 1);
    llmq_audience_settle(audience_all, s, &what, &news);
    llmq_audience_release(audience_all, s);
    llmq_frame_drop(piece.frame);
}

static void stir(void)
{
    llmq_subject_t *s = llmq_audience_find(audience_all, AUDIENCE_TOPIC, NULL);

    ck_assert_ptr_nonnull(s);
    llmq_audience_stir(audience_all, s);
    llmq_audience_release(audience_all, s);
}

START_TEST(states_may_be_skipped_but_not_the_last)
{
    static const llmq_audience_key_t thing = {AUDIENCE_TOPIC, 2, 0, "default", "m1"};
    audience_client_t old;
    audience_client_t fresh;

    audience_join_at(&old, 5, &thing);
    read_version(5, 0);
    ck_assert_int_eq(old.l.events, 0);
    ck_assert_int_eq(old.l.state, LLMQ_LISTENER_LIVE);
    stir();
    stir();
    audience_join_at(&fresh, 0, &thing);
    read_version(9, 0);
    ck_assert_int_eq(old.last, 9);
    ck_assert_int_eq(fresh.last, 9);
    ck_assert_int_eq(old.l.events + fresh.l.events, 2);
    ck_assert_int_eq(llmq_audience_has_todo(audience_all), 0);
    stir();
    fresh.pending = AUDIENCE_ROOM;
    read_version(12, 1);
    ck_assert_int_eq(old.left, 2);
    ck_assert_int_eq(fresh.left, 0);
    fresh.pending = 0;
    read_version(12, 1);
    ck_assert_int_eq(fresh.last, 12);
    ck_assert_int_eq(fresh.left, 2);
    ck_assert_int_eq(llmq_audience_count(audience_all), 0);
}
END_TEST

/* The clock of the node that has ended it is behind that of the one which began
 * it. */
START_TEST(last_word_is_heard_whatever_its_number)
{
    static const llmq_audience_key_t thing = {AUDIENCE_TOPIC, 2, 0, "default", "m1"};
    audience_client_t c;

    audience_join_at(&c, 0, &thing);
    read_version(9, 0);
    ck_assert_int_eq(c.last, 9);
    stir();
    c.pending = AUDIENCE_ROOM / 2 + 1; /* not now: it must not be taken for told */
    audience_read_some();
    ck_assert_int_eq(c.left, 0);
    c.pending = 0;
    llmq_audience_retry(audience_all);
    read_version(7, 1);
    ck_assert_int_eq(c.last, 7);
    ck_assert_int_eq(c.l.events, 2);
    ck_assert_int_eq(c.left, 2);
}
END_TEST

START_TEST(versions_count_from_the_cursor_on)
{
    llmq_audience_piece_t pieces[] = {
        {audience_frame_of(0), 3, APR_INT64_MAX, -1, 20, 1},
        {audience_frame_of(4), 3, 3, 4, 0, 1},
        {audience_frame_of(0), 4, APR_INT64_MAX, -1, 10, 1}};
    llmq_subject_t *s;
    audience_client_t c;
    int i;

    audience_join_at(&c, 3, &audience_key);
    s = llmq_audience_find(audience_all, AUDIENCE_TOPIC, NULL);
    audience_offer_all(s, LLMQ_OFFER_ALL, pieces, 1);
    ck_assert_int_eq(c.deltas, 1);
    audience_offer_all(s, LLMQ_OFFER_ALL, pieces + 1, 2);
    audience_offer_all(s, LLMQ_OFFER_ALL, pieces + 1, 2);
    ck_assert_int_eq(c.last, 4);
    ck_assert_int_eq(c.deltas, 2);
    ck_assert_int_eq(c.l.version, 10);
    llmq_audience_release(audience_all, s);
    for (i = 0; i < 3; i++) {
        llmq_frame_drop(pieces[i].frame);
    }
    llmq_audience_leave(audience_all, &c.l);
}
END_TEST

START_TEST(a_change_during_a_read_is_read_again)
{
    static const llmq_audience_key_t thing = {AUDIENCE_TOPIC, 2, 0, "default", "m1"};
    llmq_audience_news_t news = {5, 0, 0, 0};
    llmq_audience_read_t what;
    llmq_subject_t *s;
    audience_client_t c;

    audience_join_at(&c, 5, &thing);
    ck_assert_int_eq(llmq_audience_take(&s, audience_all, 1), 1);
    ck_assert_int_ne(llmq_audience_plan(&what, audience_all, s), 0);
    stir();
    llmq_audience_settle(audience_all, s, &what, &news);
    llmq_audience_release(audience_all, s);
    ck_assert_int_eq(c.l.state, LLMQ_LISTENER_BEHIND);
    read_version(6, 0);
    ck_assert_int_eq(c.last, 6);
    news.gone = 1;
    stir();
    ck_assert_int_eq(llmq_audience_take(&s, audience_all, 1), 1);
    ck_assert_int_ne(llmq_audience_plan(&what, audience_all, s), 0);
    llmq_audience_settle(audience_all, s, &what, &news);
    llmq_audience_release(audience_all, s);
    ck_assert_int_eq(c.left, 2);
}
END_TEST

START_TEST(deltas_go_to_those_who_have_begun)
{
    llmq_audience_piece_t delta = {audience_frame_of(0), 0, APR_INT64_MAX, -1, 0, 1};
    llmq_subject_t *s;
    audience_client_t old;
    audience_client_t fresh;

    audience_join_at(&old, 0, &audience_key);
    audience_read_all();
    stir();
    ck_assert_int_eq(old.l.state, LLMQ_LISTENER_BEHIND);
    audience_join_at(&fresh, 0, &audience_key);
    s = llmq_audience_find(audience_all, AUDIENCE_TOPIC, NULL);
    audience_offer_all(s, LLMQ_OFFER_BEGUN, &delta, 1);
    llmq_audience_release(audience_all, s);
    ck_assert_int_eq(old.deltas, 1);
    ck_assert_int_eq(old.l.cursor, 0);
    ck_assert_int_eq(fresh.deltas, 0);
    llmq_frame_drop(delta.frame);
    llmq_audience_leave(audience_all, &old.l);
    llmq_audience_leave(audience_all, &fresh.l);
}
END_TEST

/* A client that has seen the last event that there is misses none of what follows, even
 * before it counts as LIVE. */
START_TEST(the_last_page_is_a_beginning)
{
    llmq_audience_piece_t delta = {audience_frame_of(0), 0, APR_INT64_MAX, -1, 0, 1};
    llmq_audience_piece_t entry = {audience_frame_of(1), 0, 0, 1, 0, 1};
    llmq_subject_t *s;
    audience_client_t c;
    int ends;

    for (ends = 0; ends <= 1; ends++) {
        audience_join_at(&c, 0, &audience_key);
        s = llmq_audience_find(audience_all, AUDIENCE_TOPIC, NULL);
        audience_offer_page(s, LLMQ_OFFER_ALL, &entry, 1, ends);
        audience_offer_all(s, LLMQ_OFFER_BEGUN, &delta, 1);
        llmq_audience_release(audience_all, s);
        ck_assert_int_eq(c.last, 1);
        ck_assert_int_eq(c.l.state, LLMQ_LISTENER_BEHIND);
        ck_assert_int_eq(c.deltas, ends);
        llmq_audience_leave(audience_all, &c.l);
    }
    llmq_frame_drop(entry.frame);
    llmq_frame_drop(delta.frame);
}
END_TEST

/* Two threads turn the same row: one tells deltas, one hands out what it has read. */
START_TEST(deltas_come_once_whoever_else_turns_the_row)
{
    llmq_audience_piece_t delta = {audience_frame_of(-1), 0, APR_INT64_MAX, -1, 0, 1};
    llmq_audience_round_t told = {.whom = LLMQ_OFFER_BEGUN, .pieces = &delta, .n = 1};
    llmq_audience_round_t read = {.whom = LLMQ_OFFER_ALL};
    llmq_subject_t *s;
    audience_client_t c[4];
    int i;

    for (i = 0; i < 4; i++) {
        audience_join_at(&c[i], 0, &audience_key);
    }
    audience_read_all();
    s = llmq_audience_find(audience_all, AUDIENCE_TOPIC, NULL);
    told.left = read.left = s->n;
    ck_assert_int_ne(llmq_audience_offer(audience_all, s, &told, 2), 0);
    llmq_audience_offer(audience_all, s, &read, 2);
    while (llmq_audience_offer(audience_all, s, &told, 1)) {
    }
    for (i = 0; i < 4; i++) {
        ck_assert_int_eq(c[i].deltas, 1);
        ck_assert_int_eq(c[i].wrong, 0);
        llmq_audience_leave(audience_all, &c[i].l);
    }
    llmq_audience_release(audience_all, s);
    llmq_frame_drop(delta.frame);
}
END_TEST

START_TEST(a_version_is_shown_once)
{
    llmq_audience_piece_t piece = {audience_frame_of(0), 0, APR_INT64_MAX, -1, 4, 1};
    llmq_subject_t *s;
    audience_client_t c;

    audience_join_at(&c, 3, &audience_key);
    s = llmq_audience_find(audience_all, AUDIENCE_TOPIC, NULL);
    audience_offer_all(s, LLMQ_OFFER_ALL, &piece, 1);
    audience_offer_all(s, LLMQ_OFFER_ALL, &piece, 1);
    ck_assert_int_eq(c.deltas, 1);
    ck_assert_int_eq(c.l.version, 4);
    llmq_audience_release(audience_all, s);
    llmq_frame_drop(piece.frame);
    llmq_audience_leave(audience_all, &c.l);
}
END_TEST

START_TEST(two_things_may_share_a_topic)
{
    static const llmq_audience_key_t other = {AUDIENCE_TOPIC, 1, 1, "other", "s1"};
    llmq_subject_t *first;
    llmq_subject_t *second;
    audience_client_t a;
    audience_client_t b;

    audience_join_at(&a, 0, &audience_key);
    audience_join_at(&b, 0, &other);
    first = llmq_audience_find(audience_all, AUDIENCE_TOPIC, NULL);
    second = llmq_audience_find(audience_all, AUDIENCE_TOPIC, first);
    ck_assert_ptr_nonnull(second);
    ck_assert_str_ne(first->tenant, second->tenant);
    ck_assert_ptr_null(llmq_audience_find(audience_all, AUDIENCE_TOPIC, second));
    llmq_audience_leave(audience_all, &a.l);
    llmq_audience_leave(audience_all, &b.l);
    llmq_audience_release(audience_all, first);
    llmq_audience_release(audience_all, second);
    ck_assert_ptr_null(llmq_audience_find(audience_all, AUDIENCE_TOPIC, NULL));
}
END_TEST

START_TEST(patrol_sees_each_once)
{
    enum { MANY = 1000 };
    static audience_client_t clients[MANY];
    llmq_subject_t *seen[64];
    char id[16];
    llmq_audience_key_t k = {0, 1, 1, "default", id};
    int total = 0;
    int n;
    int i;

    for (i = 0; i < MANY; i++) {
        snprintf(id, sizeof(id), "s%d", i);
        k.topic = (apr_uint64_t)i * 0x9e3779b97f4a7c15u;
        audience_join_at(&clients[i], 0, &k);
    }
    llmq_audience_begin_patrol(audience_all);
    while ((n = llmq_audience_patrol(seen, audience_all, 64)) > 0) {
        total += n;
        for (i = 0; i < n; i++) {
            llmq_audience_release(audience_all, seen[i]);
        }
    }
    ck_assert_int_eq(total, MANY);
    for (i = 0; i < MANY; i++) {
        llmq_audience_leave(audience_all, &clients[i].l);
    }
    llmq_audience_begin_patrol(audience_all);
    ck_assert_int_eq(llmq_audience_patrol(seen, audience_all, 64), 0);
}
END_TEST

TCase *case_audience(void)
{
    TCase *tc = test_case("audience");

    tcase_add_checked_fixture(tc, audience_setup, NULL);
    tcase_add_test(tc, backlog_then_live);
    tcase_add_test(tc, what_happens_during_a_read_is_not_lost);
    tcase_add_test(tc, gaps_are_read_and_doubles_are_nothing);
    tcase_add_test(tc, a_number_that_is_not_there_is_forgotten);
    tcase_add_test(tc, who_comes_where_others_are_needs_no_read);
    tcase_add_test(tc, slow_client_waits_and_holds_nobody_up);
    tcase_add_test(tc, an_entry_of_any_size_goes_to_whom_nothing_waits_for);
    tcase_add_test(tc, what_does_not_fit_is_not_read_for_nothing);
    tcase_add_test(tc, pages_begin_small_and_grow_with_whoever_keeps_up);
    tcase_add_test(tc, two_without_room_hold_nobody_up);
    tcase_add_test(tc, whose_client_is_gone_leaves);
    tcase_add_test(tc, last_word_is_heard_whatever_its_number);
    tcase_add_test(tc, versions_count_from_the_cursor_on);
    tcase_add_test(tc, states_may_be_skipped_but_not_the_last);
    tcase_add_test(tc, a_change_during_a_read_is_read_again);
    tcase_add_test(tc, deltas_go_to_those_who_have_begun);
    tcase_add_test(tc, the_last_page_is_a_beginning);
    tcase_add_test(tc, deltas_come_once_whoever_else_turns_the_row);
    tcase_add_test(tc, a_version_is_shown_once);
    tcase_add_test(tc, two_things_may_share_a_topic);
    tcase_add_test(tc, patrol_sees_each_once);
    return tc;
}
