/* Clients come, go and are slow by chance; none misses an entry or has one twice. */
#include "audience_support.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

#define CLIENTS 12
#define STEPS   4000

static audience_client_t crowd[CLIENTS];

static void step(int what)
{
    audience_client_t *c = &crowd[rand() % CLIENTS];

    switch (what) {
    case 0: audience_append(1); break;
    case 1: audience_append(0); break; /* its event comes late, or never */
    case 2:
        if (audience_log_end) {
            audience_hear(1 + rand() % audience_log_end, rand() % 2);
        }
        break;
    case 3: c->pending = 0; break;
    case 4: c->pending /= 2; break;
    case 5: llmq_audience_retry(audience_all); break;
    case 6:
        if (c->l.state == LLMQ_LISTENER_AWAY && !c->left) {
            audience_join_at(c, rand() % (audience_log_end + 1), &audience_key);
        }
        break;
    case 7:
        if (rand() % 8 == 0) {
            llmq_audience_leave(audience_all, &c->l);
        }
        break;
    default: audience_read_some(); break;
    }
}

/* What a patrol finds; then all take what they get. */
static void come_to_rest(void)
{
    int i;
    int k;

    audience_hear(audience_log_end, 0);
    for (k = 0; k < 10000; k++) {
        for (i = 0; i < CLIENTS; i++) {
            crowd[i].pending = 0;
        }
        llmq_audience_retry(audience_all);
        if (!llmq_audience_has_todo(audience_all)) {
            return;
        }
        audience_read_some();
    }
}

START_TEST(by_chance)
{
    int i;

    srand((unsigned)_i + 1);
    memset(crowd, 0, sizeof(crowd));

    for (i = 0; i < STEPS; i++) {
        step(rand() % 11);
    }
    come_to_rest();
    for (i = 0; i < CLIENTS; i++) {
        audience_client_t *c = &crowd[i];

        ck_assert_int_eq(c->wrong, 0);
        if (c->l.state != LLMQ_LISTENER_AWAY) {
            ck_assert_int_eq(c->l.state, LLMQ_LISTENER_LIVE);
            ck_assert_int_eq(c->last, audience_log_end);
        }
        llmq_audience_leave(audience_all, &c->l);
    }
}
END_TEST

/* ---- chance, with a thread that tells and one that reads between each other's turns ---- */

#define PAGE 16

/* What a thread is about; it leaves the lock after each turn. */
typedef struct {
    llmq_subject_t *s; /* pinned; NULL: nothing */
    llmq_audience_round_t round;
    llmq_audience_piece_t pieces[PAGE];
    llmq_audience_read_t what; /* the reader's */
    llmq_audience_news_t news;
} worker_t;

static worker_t teller;
static worker_t reader;
static apr_int64_t deltas;

static void begin_round(worker_t *w, llmq_audience_offer_e whom, int n)
{
    w->round = (llmq_audience_round_t){
        .whom = whom, .pieces = w->pieces, .n = n, .left = w->s->n};
}

/* @return non-zero: it was the last turn */
static int turn(worker_t *w)
{
    if (llmq_audience_offer(audience_all, w->s, &w->round, 1 + rand() % 3)) {
        return 0;
    }
    while (w->round.n) {
        llmq_frame_drop(w->pieces[--w->round.n].frame);
    }
    return 1;
}

static void tell(void)
{
    apr_int64_t seq = rand() % 3 ? ++audience_log_end : -++deltas;

    teller.s = llmq_audience_find(audience_all, AUDIENCE_TOPIC, NULL);
    if (!teller.s) {
        return;
    }
    teller.pieces[0] =
        seq < 0
            ? (llmq_audience_piece_t){audience_frame_of(seq), 0, APR_INT64_MAX, -1, 0, 1}
            : (llmq_audience_piece_t){
                audience_frame_of(seq), seq - 1, seq - 1, seq, 0, 1};
    if (seq > 0) {
        llmq_audience_grow(teller.s, seq);
    }
    begin_round(&teller, seq < 0 ? LLMQ_OFFER_BEGUN : LLMQ_OFFER_LIVE, 1);
}

static void step_teller(void)
{
    if (!teller.s) {
        tell();
    }
    else if (turn(&teller)) {
        llmq_audience_release(audience_all, teller.s);
        teller.s = NULL;
    }
}

static void begin_read(void)
{
    apr_int64_t seq;
    int n = 0;

    if (!llmq_audience_take(&reader.s, audience_all, 1)) {
        reader.s = NULL;
        return;
    }
    if (!llmq_audience_plan(&reader.what, audience_all, reader.s)) {
        llmq_audience_release(audience_all, reader.s);
        reader.s = NULL;
        return;
    }
    for (seq = reader.what.after + 1; n < reader.what.limit && seq <= audience_log_end;
         seq++) {
        reader.pieces[n++] =
            (llmq_audience_piece_t){audience_frame_of(seq), seq - 1, seq - 1, seq, 0, 1};
    }
    reader.news =
        (llmq_audience_news_t){reader.what.after + n, n == reader.what.limit, 0, 0};
    begin_round(&reader, LLMQ_OFFER_ALL, n);
    reader.round.left = -1; /* the database has answered, the rest comes later */
}

static void step_reader(void)
{
    if (!reader.s) {
        begin_read();
    }
    else if (reader.round.left < 0) {
        llmq_audience_grow(reader.s, reader.news.head);
        reader.round.left = reader.s->n;
    }
    else if (turn(&reader)) {
        llmq_audience_settle(audience_all, reader.s, &reader.what, &reader.news);
        llmq_audience_release(audience_all, reader.s);
        reader.s = NULL;
    }
}

static void finish_rounds(void)
{
    while (teller.s) {
        step_teller();
    }
    while (reader.s) {
        step_reader();
    }
}

START_TEST(by_chance_in_turns)
{
    int i;

    srand((unsigned)_i + 1);
    memset(crowd, 0, sizeof(crowd));
    deltas = 0;
    for (i = 0; i < STEPS; i++) {
        int what = rand() % 14;

        if (what < 5) {
            step_teller();
        }
        else if (what < 9) {
            step_reader();
        }
        else {
            step(what < 10 ? 1 : what - 7); /* an entry untold; 3 to 6 */
            step(rand() % 10 ? 3 : 7);
        }
    }
    finish_rounds();
    come_to_rest();
    for (i = 0; i < CLIENTS; i++) {
        audience_client_t *c = &crowd[i];

        ck_assert_int_eq(c->wrong, 0);
        if (c->l.state != LLMQ_LISTENER_AWAY) {
            ck_assert_int_eq(c->l.state, LLMQ_LISTENER_LIVE);
            ck_assert_int_eq(c->last, audience_log_end);
        }
        llmq_audience_leave(audience_all, &c->l);
    }
    ck_assert_int_eq(llmq_audience_count(audience_all), 0);
    ck_assert_ptr_null(llmq_audience_find(audience_all, AUDIENCE_TOPIC, NULL));
}
END_TEST

TCase *case_audience_chance(void)
{
    TCase *tc = test_case("audience_chance");

    tcase_add_checked_fixture(tc, audience_setup, NULL);
    tcase_add_loop_test(tc, by_chance, 0, 20);
    tcase_add_loop_test(tc, by_chance_in_turns, 0, 20);
    return tc;
}
