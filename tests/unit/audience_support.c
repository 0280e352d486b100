#include "audience_support.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

llmq_audience_t *audience_all;
apr_int64_t audience_log_end;
const llmq_audience_key_t audience_key = {AUDIENCE_TOPIC, 1, 1, "default", "s1"};

/* An entry's frame holds its number; 0 for a delta, or its number below 0. */
llmq_frame_t *audience_frame_of(apr_int64_t seq)
{
    char body[AUDIENCE_SIZE] = "";
    struct iovec part = {body, AUDIENCE_SIZE};

    snprintf(body, sizeof(body), "%d", (int)seq);
    return llmq_frame_make(&part, 1);
}

apr_status_t audience_on_send(llmq_listener_t *l, llmq_frame_t *frame)
{
    audience_client_t *c = (audience_client_t *)l;
    apr_int64_t seq = atoi(frame->data + frame->head);

    if (c->is_broken) {
        return APR_ECONNABORTED;
    }
    c->pending += frame->len;
    if (seq > 0) {
        c->wrong += seq != c->last + 1;
        c->last = seq;
    }
    if (seq < 0) {
        c->wrong += -seq <= c->delta;
        c->delta = -seq;
    }
    c->deltas += seq <= 0;
    return APR_SUCCESS;
}

apr_size_t audience_on_pending(llmq_listener_t *l)
{
    return ((audience_client_t *)l)->pending;
}

void audience_on_leave(llmq_listener_t *l, int whole)
{
    ((audience_client_t *)l)->left = 1 + whole;
}

void audience_setup(void)
{
    static const llmq_audience_conf_t conf = {AUDIENCE_ROOM, audience_on_send,
                                              audience_on_pending, audience_on_leave};

    ck_assert_int_eq(llmq_audience_create(&audience_all, &conf, test_pool), APR_SUCCESS);
    audience_log_end = 0;
}

void audience_join_at(audience_client_t *c, apr_int64_t cursor,
                      const llmq_audience_key_t *k)
{
    memset(c, 0, sizeof(*c));
    c->l.cursor = c->first = c->last = cursor;
    c->l.limit = 10;
    ck_assert_int_eq(llmq_audience_enter(audience_all, &c->l, k), APR_SUCCESS);
}

void audience_offer_page(llmq_subject_t *s, llmq_audience_offer_e whom,
                         const llmq_audience_piece_t *pieces, int n, int ends)
{
    llmq_audience_round_t round = {
        .whom = whom, .pieces = pieces, .n = n, .left = s->n, .ends = ends};

    while (llmq_audience_offer(audience_all, s, &round, 3)) {
    }
}

void audience_offer_all(llmq_subject_t *s, llmq_audience_offer_e whom,
                        const llmq_audience_piece_t *pieces, int n)
{
    audience_offer_page(s, whom, pieces, n, 0);
}

/* The event of an entry arrives, with its data or without. */
void audience_hear(apr_int64_t seq, int with_data)
{
    llmq_audience_piece_t piece = {NULL, seq - 1, seq - 1, seq, 0, 1};
    llmq_subject_t *s = llmq_audience_find(audience_all, AUDIENCE_TOPIC, NULL);

    if (!s) {
        return;
    }
    if (llmq_audience_grow(s, seq)) {
        piece.frame = audience_frame_of(seq);
        audience_offer_all(s, LLMQ_OFFER_LIVE, &piece, with_data);
        llmq_frame_drop(piece.frame);
    }
    llmq_audience_release(audience_all, s);
}

void audience_append(int told)
{
    audience_log_end++;
    if (told) {
        audience_hear(audience_log_end, 1);
    }
}

/* The reading thread's work on one subject. @return non-zero if it read */
int audience_read_subject(llmq_subject_t *s)
{
    llmq_audience_piece_t pieces[32];
    llmq_audience_news_t news = {0};
    llmq_audience_read_t what;
    int n = 0;
    int i;

    if (!llmq_audience_plan(&what, audience_all, s)) {
        return 0;
    }
    for (i = 1; n < what.limit && what.after + i <= audience_log_end; i++) {
        apr_int64_t seq = what.after + i;

        pieces[n++] =
            (llmq_audience_piece_t){audience_frame_of(seq), seq - 1, seq - 1, seq, 0, 1};
    }
    news.head = what.after + n;
    news.more = n == what.limit;
    llmq_audience_grow(s, news.head);
    audience_offer_all(s, LLMQ_OFFER_ALL, pieces, n);
    llmq_audience_settle(audience_all, s, &what, &news);
    while (n) {
        llmq_frame_drop(pieces[--n].frame);
    }
    return 1;
}

int audience_read_some(void)
{
    llmq_subject_t *s;
    int n = llmq_audience_take(&s, audience_all, 1);

    if (n) {
        n = audience_read_subject(s);
        llmq_audience_release(audience_all, s);
    }
    return n;
}

void audience_read_all(void)
{
    while (llmq_audience_has_todo(audience_all)) {
        audience_read_some();
    }
}
