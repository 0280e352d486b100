/**
 * @file audience.h
 * Who listens to what. A *subject* is a log or a thing that changes (a session, a message,
 * a task, a conversation); a *listener* has a *cursor*, the number of the last entry that
 * it was sent. Entries come from two sides: as they happen, by the bus (bus/bus.h), and
 * from the store, read by whoever takes care of those that are behind.
 *
 *     enter ──► BEHIND ──(the store has no more, and nothing was heard meanwhile)──► LIVE
 *                  ▲                                                                  │
 *                  └──(a gap, an event without data, its client does not keep up)─────┘
 *
 * Why nothing is lost: a subject hears of events from the moment that somebody listens to
 * it, and keeps the highest number in *head* (what changes without a number is counted in
 * *stirred*). A listener becomes LIVE only if a read that began afterwards has reached the
 * head. Why nothing comes twice: each piece says which cursors it fits, and moves them.
 *
 * How a client that reads slowly is bounded: more than max_pending bytes never wait for
 * it. It stays BEHIND, and what it lacks is read again when it has taken half of what
 * waits, or all of it if nothing fitted beside that.
 *
 * Subjects with something to do are listed: *todo* somebody is behind, *stuck* all who are
 * behind have yet to take what waits.
 *
 * Everything here is done under the owner's lock; the functions do no I/O. What goes to many
 * is done in turns of a few listeners, between which the lock can be left: the listeners of
 * a subject go round. A subject stays while it has listeners or is pinned.
 */
#ifndef LLMQ_AUDIENCE_H
#define LLMQ_AUDIENCE_H

#include "base/frame.h"

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_ring.h>

typedef struct llmq_audience_t llmq_audience_t; /* all of a process */

typedef enum {
    LLMQ_LISTENER_AWAY = 0, /* listens to nothing */
    LLMQ_LISTENER_BEHIND,
    LLMQ_LISTENER_LIVE
} llmq_listener_state_e;

struct llmq_subject_t;

/** One listener; within a record of the owner's, zeroed but for limit and cursor. */
typedef struct llmq_listener_t {
    APR_RING_ENTRY(llmq_listener_t) link; /* in its subject */
    struct llmq_subject_t *subject;
    apr_int64_t cursor;
    apr_int64_t version; /* of what it has seen besides; see llmq_audience_piece_t */
    apr_uint32_t events; /* sent so far */
    unsigned heard;      /* the last offer to those who have begun */
    apr_uint16_t limit;  /* most entries of one read, > 0 */
    apr_uint16_t page;   /* what the next read may bring, as its client keeps up */
    char state;
    char begun; /* non-zero: was given once all that there was */
    char full;  /* non-zero: no entry of the last read has fitted beside what waits */
} llmq_listener_t;

/** What is listened to. */
typedef struct llmq_subject_t {
    APR_RING_ENTRY(llmq_subject_t) link; /* of all */
    APR_RING_ENTRY(llmq_subject_t) task; /* todo or stuck */
    struct llmq_subject_t *next;         /* in its bucket */
    APR_RING_HEAD(llmq_audience_row_t, llmq_listener_t) row;
    apr_uint64_t topic;
    apr_int64_t head; /* highest number that is known */
    unsigned stirred; /* changes without a number */
    unsigned round;   /* of the patrol that saw it last */
    int n;            /* listeners */
    int behind;       /* those of them that are BEHIND */
    int pins;
    int kind;           /* the owner's: what it is */
    char list;          /* which it stands in */
    const char *tenant; /* all three live as long as the subject */
    const char *id;
    char names[];
} llmq_subject_t;

/** The version of a last word: nothing follows on that. */
#define LLMQ_AUDIENCE_LAST APR_INT64_MAX

/** Something that is sent. */
typedef struct llmq_audience_piece_t {
    llmq_frame_t *frame;
    apr_int64_t from;  /* fits cursors from here... */
    apr_int64_t until; /* ...to here, both included... */
    apr_int64_t to;    /* ...which then are this; < 0: they stay */
    apr_int64_t
        version; /* 0; else it only fits who has seen a lower one, and raises that;
                            seen versions are forgotten as the cursor moves */
    int events;  /* how many are in it */
} llmq_audience_piece_t;

/** What the owner does. */
typedef struct llmq_audience_conf_t {
    apr_size_t max_pending; /* bytes that may wait for a client */
    /** @return APR_SUCCESS; other: the client is gone */
    apr_status_t (*send)(llmq_listener_t *l, llmq_frame_t *frame);
    /** @return bytes that wait for the client */
    apr_size_t (*pending)(llmq_listener_t *l);
    /** It has left its subject, as send() has failed (whole 0) or all was said (1). */
    void (*leave)(llmq_listener_t *l, int whole);
} llmq_audience_conf_t;

/** By what name a subject goes. */
typedef struct llmq_audience_key_t {
    apr_uint64_t topic; /* of bus/bus.h */
    int kind;
    int numbered; /* non-zero: whatever happens to it has a number */
    const char *tenant;
    const char *id;
} llmq_audience_key_t;

/**
 * @param pa   out
 * @param conf copied
 * @param p    pool
 * @return APR_SUCCESS
 * @threads single
 */
apr_status_t llmq_audience_create(llmq_audience_t **pa, const llmq_audience_conf_t *conf,
                                  apr_pool_t *p);

/**
 * Listen from now on.
 * @param a   the audience
 * @param l   a listener that is AWAY, its cursor set
 * @param key to what
 * @return APR_SUCCESS; APR_ENOMEM
 * @threads locked
 */
apr_status_t llmq_audience_enter(llmq_audience_t *a, llmq_listener_t *l,
                                 const llmq_audience_key_t *key);

/**
 * Listen no more.
 * @param a the audience
 * @param l a listener; one that is AWAY is left alone
 * @threads locked
 */
void llmq_audience_leave(llmq_audience_t *a, llmq_listener_t *l);

/**
 * @param a the audience
 * @return how many listen
 * @threads locked
 */
int llmq_audience_count(const llmq_audience_t *a);

/**
 * A subject of this topic, pinned.
 * @param a     the audience
 * @param topic the topic
 * @param after NULL: the first; else one that is pinned: the next after that (two things
 *              may share a topic)
 * @return the subject, to be given back with llmq_audience_release(); NULL: no more
 * @threads locked
 */
llmq_subject_t *llmq_audience_find(llmq_audience_t *a, apr_uint64_t topic,
                                   const llmq_subject_t *after);

/**
 * A pin less.
 * @param a the audience
 * @param s a subject, not to be used afterwards
 * @threads locked
 */
void llmq_audience_release(llmq_audience_t *a, llmq_subject_t *s);

/* ---- what is heard ---- */

/**
 * The log has reached a number: by an event, or as a read has found.
 * @param s   the subject
 * @param seq the number
 * @return non-zero: that is news: offer the entry, or nothing if it is not known
 * @threads locked
 */
int llmq_audience_grow(llmq_subject_t *s, apr_int64_t seq);

/**
 * Something has changed that has no number: all are behind.
 * @param a the audience
 * @param s the subject
 * @threads locked
 */
void llmq_audience_stir(llmq_audience_t *a, llmq_subject_t *s);

/** Whom pieces are offered to. */
typedef enum {
    LLMQ_OFFER_LIVE,  /* whoever is LIVE */
    LLMQ_OFFER_BEGUN, /* whoever has begun; for what is in no log */
    LLMQ_OFFER_ALL    /* whoever they fit */
} llmq_audience_offer_e;

/** An offer under way. Two threads may have one each for the same subject, and then each
 * turns the listeners round for the other, too, so that one may be asked twice and another
 * not at all. For entries of logs that is nothing: who has them already does not fit, and who
 * was left out was seen by the other offer, and is BEHIND. What stands in no log must come
 * from one thread; it goes to each but once. */
typedef struct llmq_audience_round_t {
    llmq_audience_offer_e whom;
    const llmq_audience_piece_t *pieces; /* in order */
    int n;
    int left; /* listeners that it has to ask yet; begins with the subject's n */
    int sent; /* out: events that were sent */
    int ends; /* non-zero: nothing is known beyond the pieces; who gets them has begun */
    unsigned serial; /* its own: which offer it is, begins with 0 */
    int spare;       /* its own: listeners that it may meet once more */
} llmq_audience_round_t;

/**
 * Offer pieces to the next few listeners. Each gets those that fit, one after the other, as
 * long as its client keeps up. Who is LIVE and still below the head has missed something
 * and is BEHIND then, even if nothing was offered.
 * @param a     the audience
 * @param s     the subject, pinned
 * @param round in/out: the offer
 * @param max   most listeners in this turn
 * @return non-zero: go on
 * @threads locked
 */
int llmq_audience_offer(llmq_audience_t *a, llmq_subject_t *s,
                        llmq_audience_round_t *round, int max);

/* ---- those who are behind ---- */

/**
 * Take subjects of which somebody is behind; they are pinned.
 * @param out out: room for @a max
 * @param a   the audience
 * @param max most
 * @return their number
 * @threads locked
 */
int llmq_audience_take(llmq_subject_t **out, llmq_audience_t *a, int max);

/** What is to be read. */
typedef struct llmq_audience_read_t {
    apr_int64_t after;
    apr_int64_t version; /* the lowest that one of them has seen */
    int limit;
    unsigned stirred; /* the subject's at this moment... */
    apr_int64_t head; /* ...likewise */
} llmq_audience_read_t;

/**
 * Who of a subject is furthest behind, and can take something?
 * @param what out
 * @param a    the audience
 * @param s    the subject
 * @return non-zero if there is somebody
 * @threads locked
 */
int llmq_audience_plan(llmq_audience_read_t *what, llmq_audience_t *a, llmq_subject_t *s);

/** What a read has brought. */
typedef struct llmq_audience_news_t {
    apr_int64_t head; /* the last number that was read, or `after` */
    int more;         /* non-zero: there may be more behind that */
    int final;        /* non-zero: who has seen LLMQ_AUDIENCE_LAST was told all */
    int gone;         /* non-zero: the thing is not there any more */
} llmq_audience_news_t;

/**
 * The end of a read, after everything was offered: who has reached the head is LIVE. If
 * nothing was heard since it began, the head is where the read has ended, whatever was
 * heard before.
 * @param a    the audience
 * @param s    the subject
 * @param what what was read
 * @param news what it has brought
 * @threads locked
 */
void llmq_audience_settle(llmq_audience_t *a, llmq_subject_t *s,
                          const llmq_audience_read_t *what,
                          const llmq_audience_news_t *news);

/**
 * What was to be read could not be: the subject is taken again.
 * @param a the audience
 * @param s the subject
 * @threads locked
 */
void llmq_audience_again(llmq_audience_t *a, llmq_subject_t *s);

/**
 * Is there a subject all of whose laggards are yet to take what waits?
 * @param a the audience
 * @return non-zero if so
 * @threads locked
 */
int llmq_audience_is_stuck(const llmq_audience_t *a);

/**
 * Look again at those that were stuck.
 * @param a the audience
 * @threads locked
 */
void llmq_audience_retry(llmq_audience_t *a);

/**
 * @param a the audience
 * @return non-zero if a subject waits to be taken
 * @threads locked
 */
int llmq_audience_has_todo(const llmq_audience_t *a);

/**
 * A patrol visits all subjects once.
 * @param a the audience
 * @threads locked
 */
void llmq_audience_begin_patrol(llmq_audience_t *a);

/**
 * @param out out: subjects that this patrol has not seen yet, pinned; room for @a max
 * @param a   the audience
 * @param max most
 * @return their number; 0: it has seen all
 * @threads locked
 */
int llmq_audience_patrol(llmq_subject_t **out, llmq_audience_t *a, int max);

#endif /* LLMQ_AUDIENCE_H */
