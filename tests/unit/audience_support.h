/**
 * @file audience_support.h
 * What the tests of audiences share: one thing, the log of which stands in a number, and
 * clients that count what they miss.
 */
#ifndef LLMQ_TEST_AUDIENCE_SUPPORT_H
#define LLMQ_TEST_AUDIENCE_SUPPORT_H

#include "core/audience.h"

#define AUDIENCE_TOPIC 77
#define AUDIENCE_SIZE  100 /* bytes of each entry's frame */
#define AUDIENCE_ROOM  (4 * AUDIENCE_SIZE)

/** A client: what it was sent, and what it has not taken yet. */
typedef struct {
    llmq_listener_t l;
    apr_size_t pending;
    apr_int64_t first; /* where it began */
    apr_int64_t last;  /* entry that it has */
    int wrong;         /* gaps and doubles that it saw */
    int deltas;
    apr_int64_t delta; /* the last that had a number */
    int is_gone;
    int is_broken; /* sends fail */
    int left;      /* 1: dismissed, 2: dismissed whole */
} audience_client_t;

extern llmq_audience_t *audience_all;
extern apr_int64_t audience_log_end; /* entries that the store holds */
extern const llmq_audience_key_t audience_key;

/** What audiences are made with: the client takes it, what waits for it, and its end. */
apr_status_t audience_on_send(llmq_listener_t *l, llmq_frame_t *frame);
apr_size_t audience_on_pending(llmq_listener_t *l);
void audience_on_leave(llmq_listener_t *l, int whole);

/** A checked fixture: nobody listens, and there are no entries. */
void audience_setup(void);

/** @return a frame that holds an entry's number; 0 for a delta, or its number below 0 */
llmq_frame_t *audience_frame_of(apr_int64_t seq);

/** Let a client begin behind this entry. */
void audience_join_at(audience_client_t *c, apr_int64_t cursor,
                      const llmq_audience_key_t *k);

/** Offer pieces in turns until everybody has had them. */
void audience_offer_page(llmq_subject_t *s, llmq_audience_offer_e whom,
                         const llmq_audience_piece_t *pieces, int n, int ends);

/** audience_offer_page() that is not the last. */
void audience_offer_all(llmq_subject_t *s, llmq_audience_offer_e whom,
                        const llmq_audience_piece_t *pieces, int n);

/** The event of an entry arrives, with its data or without. */
void audience_hear(apr_int64_t seq, int with_data);

/** The store gets one more, of which the bus tells or not. */
void audience_append(int told);

/** The reading thread's work on one thing. @return non-zero if it read */
int audience_read_subject(llmq_subject_t *s);

/** The reading thread takes up one thing. @return non-zero if it read */
int audience_read_some(void);

/** It reads while there is anything to do. */
void audience_read_all(void);

#endif /* LLMQ_TEST_AUDIENCE_SUPPORT_H */
