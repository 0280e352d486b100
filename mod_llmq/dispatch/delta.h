/**
 * @file delta.h
 * The pieces of an answer that is being given, passed on to whoever listens. Pieces come as
 * a backend sends them, often a word at a time; they are collected for a moment
 * (LLMQDeltaInterval) and told as one event on each topic of the answer:
 *
 *     {"message_id":"msg_…","attempt":0,"seq":1,"content":"Hel"}
 *
 * Deltas are hints for eyes that watch; what counts is the answer that is stored in the
 * end. `seq` counts the deltas of one attempt from 1; where a number is missing, text
 * went by while nobody listened. Another attempt begins anew, with a greater `attempt`:
 * whoever shows the text forgets what the former one said.
 *
 * While nobody listens nothing is collected and nothing built.
 *
 * A record belongs to the engine's thread while the call is in flight.
 */
#ifndef LLMQ_DELTA_H
#define LLMQ_DELTA_H

#include "backend/backend.h"
#include "bus/bus.h"

#define LLMQ_DELTA_TOPICS 2 /* of one answer, at most */

/** Pieces that are told together. */
#define LLMQ_DELTA_BYTES 1024

typedef struct llmq_delta_t {
    llmq_bus_t *bus;              /* NULL: nobody is told */
    apr_interval_time_t interval; /* between two events; 0: each piece is told at once */
    const char *name;             /* of the member with the id: "message_id" */
    const char *id;
    int attempt;
    const char *log_name; /* what it is part of: "conversation_id", "session_id"... */
    const char *log_id;   /* ...and its id; NULL: nothing */
    apr_uint64_t topics[LLMQ_DELTA_TOPICS];
    int n_topics;
    apr_int64_t seq;             /* of the last one told */
    int skipped;                 /* text went by untold since then */
    apr_interval_time_t told_at; /* on the monotonic clock; 0: never */
    llmq_text_t held;            /* not told yet */
    llmq_text_t json;            /* of the event at hand */
} llmq_delta_t;

/**
 * @param delta    out: without topics, and nobody is told until it has one
 * @param bus      where to; NULL: nowhere
 * @param interval microseconds between two events; 0: none
 * @param p        as long as the call
 * @threads any
 */
void llmq_delta_init(llmq_delta_t *delta, llmq_bus_t *bus, apr_interval_time_t interval,
                     apr_pool_t *p);

/**
 * Whose answer it is.
 * @param delta   the record
 * @param name    of the member that holds @a id in each event; borrowed
 * @param id      of the message, task or run; borrowed
 * @param attempt its number
 * @threads any
 */
void llmq_delta_name(llmq_delta_t *delta, const char *name, const char *id, int attempt);

/**
 * One more topic on which it is told.
 * @param delta  the record, with fewer than LLMQ_DELTA_TOPICS
 * @param what   kind of topic
 * @param tenant of the job
 * @param id     what the topic is about; borrowed. It stands in each event, as topics are
 *               hashes and listeners look for it
 * @threads any
 */
void llmq_delta_topic(llmq_delta_t *delta, llmq_topic_e what, const char *tenant,
                      const char *id);

/**
 * What llmq_call_t's piece() does.
 * @param delta the record
 * @param text  a piece; NULL: what is held is due
 * @param len   its bytes
 * @return after how many microseconds it wants to be called without text; 0: not at all
 * @threads the engine's
 */
apr_interval_time_t llmq_delta_take(llmq_delta_t *delta, const char *text,
                                    apr_size_t len);

/**
 * Tell what is held.
 * @param delta the record
 * @threads the engine's
 */
void llmq_delta_flush(llmq_delta_t *delta);

#endif /* LLMQ_DELTA_H */
