#include "core/audience.h"

#include "core/audience_room.h"

#define LEAST_PAGE 8  /* of whoever cannot keep up */
#define FIRST_PAGE 32 /* nobody knows yet how long the entries are */

/* ---- subjects ---- */

llmq_subject_t *llmq_audience_find(llmq_audience_t *a, apr_uint64_t topic,
                                   const llmq_subject_t *after)
{
    llmq_subject_t *s = after ? after->next : llmq_audience_room_first(a, topic);

    while (s && s->topic != topic) {
        s = s->next;
    }
    if (s) {
        s->pins++;
    }
    return s;
}

void llmq_audience_release(llmq_audience_t *a, llmq_subject_t *s)
{
    s->pins--;
    llmq_audience_room_drop(a, s);
}

/* ---- listeners ---- */

static void set_state(llmq_listener_t *l, llmq_listener_state_e state)
{
    l->subject->behind -= l->state == LLMQ_LISTENER_BEHIND;
    l->state = (char)state;
    l->begun = (char)(l->begun || state == LLMQ_LISTENER_LIVE);
    l->subject->behind += state == LLMQ_LISTENER_BEHIND;
}

static void fall_behind(llmq_audience_t *a, llmq_listener_t *l)
{
    set_state(l, LLMQ_LISTENER_BEHIND);
    llmq_audience_room_list(a, l->subject, LLMQ_AUDIENCE_BEHIND);
}

apr_status_t llmq_audience_enter(llmq_audience_t *a, llmq_listener_t *l,
                                 const llmq_audience_key_t *key)
{
    llmq_subject_t *s = llmq_audience_room_find(a, key);
    int others_are_live = s && s->n > s->behind;

    s = s ? s : llmq_audience_room_make(a, key);
    if (!s) {
        return APR_ENOMEM;
    }
    l->subject = s;
    l->page = l->limit < FIRST_PAGE ? l->limit : FIRST_PAGE;
    APR_RING_INSERT_TAIL(&s->row, l, llmq_listener_t, link);
    s->n++;
    a->n++;
    /* What holds for those who are LIVE with this cursor holds for this one. */
    if (key->numbered && others_are_live && l->cursor == s->head) {
        set_state(l, LLMQ_LISTENER_LIVE);
    }
    else {
        fall_behind(a, l);
    }
    return APR_SUCCESS;
}

void llmq_audience_leave(llmq_audience_t *a, llmq_listener_t *l)
{
    llmq_subject_t *s = l->subject;

    if (l->state == LLMQ_LISTENER_AWAY) {
        return;
    }
    set_state(l, LLMQ_LISTENER_AWAY);
    APR_RING_REMOVE(l, link);
    s->n--;
    a->n--;
    llmq_audience_room_drop(a, s);
}

int llmq_audience_count(const llmq_audience_t *a)
{
    return a->n;
}

/* ---- what is heard ---- */

int llmq_audience_grow(llmq_subject_t *s, apr_int64_t seq)
{
    if (seq <= s->head) {
        return 0;
    }
    s->head = seq;
    return 1;
}

void llmq_audience_stir(llmq_audience_t *a, llmq_subject_t *s)
{
    llmq_listener_t *l;

    s->stirred++;
    APR_RING_FOREACH(l, &s->row, llmq_listener_t, link)
    {
        if (l->state == LLMQ_LISTENER_LIVE) {
            fall_behind(a, l);
        }
    }
}

/* ---- offers ---- */

static int fits(const llmq_audience_piece_t *piece, const llmq_listener_t *l)
{
    return l->cursor >= piece->from && l->cursor <= piece->until
           && (piece->version == 0 || l->version < piece->version);
}

/* What waits for nothing may be of any size, else it would never be sent. */
static int has_room(const llmq_audience_t *a, llmq_listener_t *l,
                    const llmq_audience_piece_t *piece)
{
    apr_size_t pending = a->conf.pending(l);

    return pending == 0 || pending + piece->frame->len <= a->conf.max_pending;
}

static apr_status_t give(const llmq_audience_t *a, llmq_listener_t *l,
                         const llmq_audience_piece_t *piece)
{
    apr_status_t rv = a->conf.send(l, piece->frame);

    if (rv == APR_SUCCESS) {
        if (piece->to >= 0) {
            l->cursor = piece->to;
            l->version = piece->version;
        }
        else if (piece->version) {
            l->version = piece->version;
        }
        l->events += (apr_uint32_t)piece->events;
    }
    return rv;
}

/* Reads of one who cannot take them all get smaller, and larger again if they are used. */
static void adapt(llmq_listener_t *l, int got, int is_full)
{
    int page = l->page;

    page = is_full           ? (2 * got < page ? 2 * got : page)
           : 2 * got >= page ? 2 * page
                             : page;
    page = page < LEAST_PAGE ? LEAST_PAGE : page;
    /* A read for somebody else, with nothing for this one, has not changed that. */
    l->full = (char)(!got && (is_full || l->full));
    l->page = (apr_uint16_t)(page < l->limit ? page : l->limit);
}

static int is_meant(const llmq_listener_t *l, llmq_audience_offer_e whom)
{
    return whom == LLMQ_OFFER_ALL || l->state == LLMQ_LISTENER_LIVE
           || (whom == LLMQ_OFFER_BEGUN && l->begun);
}

/* @return APR_SUCCESS; other: the client is gone */
static apr_status_t offer_to(llmq_audience_t *a, llmq_listener_t *l,
                             llmq_audience_round_t *round)
{
    apr_status_t rv = APR_SUCCESS;
    int is_full = 0;
    int got = 0;
    int i;

    for (i = 0; i < round->n && rv == APR_SUCCESS && !is_full; i++) {
        const llmq_audience_piece_t *piece = &round->pieces[i];

        if (!fits(piece, l)) {
            continue;
        }
        is_full = !has_room(a, l, piece);
        rv = is_full ? rv : give(a, l, piece);
        got += !is_full && rv == APR_SUCCESS ? piece->events : 0;
    }
    round->sent += got;
    if (round->whom == LLMQ_OFFER_ALL) {
        l->begun = (char)(l->begun || (round->ends && !is_full));
        adapt(l, got, is_full);
    }
    return rv;
}

/* A delta: to each but once, and to each if that can be had for as many steps again. */
static int was_asked(llmq_audience_t *a, llmq_listener_t *l, llmq_audience_round_t *round)
{
    int again;

    if (round->whom != LLMQ_OFFER_BEGUN) {
        return 0;
    }
    if (!round->serial) {
        a->serial += a->serial == (unsigned)-1 ? 2 : 1;
        round->serial = a->serial;
        round->spare = l->subject->n;
    }
    again = l->heard == round->serial;
    l->heard = round->serial;
    if (again && round->spare > 0) {
        round->spare--;
        round->left++;
    }
    return again;
}

static void dismiss(llmq_audience_t *a, llmq_listener_t *l, int whole)
{
    llmq_audience_leave(a, l);
    a->conf.leave(l, whole);
}

int llmq_audience_offer(llmq_audience_t *a, llmq_subject_t *s,
                        llmq_audience_round_t *round, int max)
{
    while (round->left > 0 && max-- > 0 && s->n) {
        llmq_listener_t *l = APR_RING_FIRST(&s->row);

        round->left--;
        APR_RING_REMOVE(l, link);
        APR_RING_INSERT_TAIL(&s->row, l, llmq_listener_t, link);
        if (was_asked(a, l, round)) {
            continue;
        }
        if (is_meant(l, round->whom) && offer_to(a, l, round) != APR_SUCCESS) {
            dismiss(a, l, 0);
        }
        else if (l->state == LLMQ_LISTENER_LIVE && l->cursor < s->head) {
            fall_behind(a, l);
        }
    }
    return round->left > 0 && s->n;
}

/* ---- those who are behind ---- */

int llmq_audience_take(llmq_subject_t **out, llmq_audience_t *a, int max)
{
    int n = 0;

    while (n < max && !APR_RING_EMPTY(&a->todo, llmq_subject_t, task)) {
        out[n] = APR_RING_FIRST(&a->todo);
        llmq_audience_room_unlist(out[n]);
        out[n++]->pins++;
    }
    return n;
}

static int can_take(const llmq_audience_t *a, llmq_listener_t *l)
{
    apr_size_t max = l->full ? 0 : a->conf.max_pending / 2;

    return l->state == LLMQ_LISTENER_BEHIND && a->conf.pending(l) <= max;
}

int llmq_audience_plan(llmq_audience_read_t *what, llmq_audience_t *a, llmq_subject_t *s)
{
    llmq_listener_t *l;
    int found = 0;

    if (!s->behind) {
        return 0;
    }
    what->stirred = s->stirred;
    what->head = s->head;
    APR_RING_FOREACH(l, &s->row, llmq_listener_t, link)
    {
        if (!can_take(a, l)) {
            continue;
        }
        if (!found || l->cursor < what->after) {
            what->after = l->cursor;
            what->limit = l->page;
        }
        what->version = !found || l->version < what->version ? l->version : what->version;
        found = 1;
    }
    if (!found) {
        llmq_audience_room_list(a, s, LLMQ_AUDIENCE_STUCK);
    }
    return found;
}

static void settle_one(llmq_audience_t *a, llmq_listener_t *l,
                       const llmq_audience_news_t *news, int is_current)
{
    llmq_subject_t *s = l->subject;

    if (news->gone || (news->final && l->version == LLMQ_AUDIENCE_LAST)) {
        dismiss(a, l, 1);
    }
    else if (l->state == LLMQ_LISTENER_BEHIND && is_current && l->cursor >= s->head) {
        set_state(l, LLMQ_LISTENER_LIVE);
    }
}

void llmq_audience_settle(llmq_audience_t *a, llmq_subject_t *s,
                          const llmq_audience_read_t *what,
                          const llmq_audience_news_t *news)
{
    int is_quiet = s->head == what->head || s->head == news->head;
    int is_current = !news->more && s->stirred == what->stirred;
    llmq_listener_t *l;
    llmq_listener_t *next;

    if (is_quiet && is_current) {
        s->head = news->head;
    }
    s->pins++;
    for (l = APR_RING_FIRST(&s->row);
         l != APR_RING_SENTINEL(&s->row, llmq_listener_t, link); l = next) {
        next = APR_RING_NEXT(l, link);
        settle_one(a, l, news, is_current);
    }
    if (s->behind) {
        llmq_audience_room_list(a, s, LLMQ_AUDIENCE_BEHIND);
    }
    llmq_audience_release(a, s);
}

void llmq_audience_again(llmq_audience_t *a, llmq_subject_t *s)
{
    if (s->behind) {
        llmq_audience_room_list(a, s, LLMQ_AUDIENCE_BEHIND);
    }
}

int llmq_audience_is_stuck(const llmq_audience_t *a)
{
    return !APR_RING_EMPTY(&a->stuck, llmq_subject_t, task);
}

void llmq_audience_retry(llmq_audience_t *a)
{
    llmq_subject_t *s;

    while (!APR_RING_EMPTY(&a->stuck, llmq_subject_t, task)) {
        s = APR_RING_FIRST(&a->stuck);
        llmq_audience_room_unlist(s);
        llmq_audience_room_list(a, s, LLMQ_AUDIENCE_BEHIND);
    }
}

int llmq_audience_has_todo(const llmq_audience_t *a)
{
    return !APR_RING_EMPTY(&a->todo, llmq_subject_t, task);
}

/* ---- patrols ---- */

void llmq_audience_begin_patrol(llmq_audience_t *a)
{
    a->round++;
}

int llmq_audience_patrol(llmq_subject_t **out, llmq_audience_t *a, int max)
{
    int n = 0;

    while (n < max && !APR_RING_EMPTY(&a->all, llmq_subject_t, link)) {
        llmq_subject_t *s = APR_RING_FIRST(&a->all);

        if (s->round == a->round) {
            break;
        }
        s->round = a->round;
        APR_RING_REMOVE(s, link);
        APR_RING_INSERT_TAIL(&a->all, s, llmq_subject_t, link);
        s->pins++;
        out[n++] = s;
    }
    return n;
}

/* ---- life ---- */

apr_status_t llmq_audience_create(llmq_audience_t **pa, const llmq_audience_conf_t *conf,
                                  apr_pool_t *p)
{
    llmq_audience_t *a = apr_pcalloc(p, sizeof(*a));

    a->conf = *conf;
    *pa = a;
    return llmq_audience_room_init(a, p);
}
