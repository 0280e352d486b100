/**
 * @file relay_ears.h
 * Those who listen to jobs in a child: a list, in the order in which they came, and a table by
 * the ids of their jobs. Private to bus/relay_link.c, whose lock is held for each call but
 * llmq_relay_ears_make().
 *
 * An ear is freed by the last that holds it: the list, and the thread while its sink runs.
 */
#ifndef LLMQ_RELAY_EARS_H
#define LLMQ_RELAY_EARS_H

#include "bus/relay_conn.h"
#include "bus/relay_link.h"

#define LLMQ_RELAY_EARS_BUCKETS 1024

/** Who listens. Memory is malloc()'s. */
typedef struct llmq_relay_ear_t {
    APR_RING_ENTRY(llmq_relay_ear_t) link;
    struct llmq_relay_ear_t *next; /* of its bucket */
    llmq_relay_listener_t listener;
    const llmq_relay_conn_t *begun; /* where it runs; NULL: nowhere */
    int holders;
    char pieces; /* some were passed on */
    char id[LLMQ_ID_MAX + 1];
} llmq_relay_ear_t;

APR_RING_HEAD(llmq_relay_ear_ring_t, llmq_relay_ear_t);

/** All of a child. */
typedef struct llmq_relay_ears_t {
    struct llmq_relay_ear_ring_t ring;
    llmq_relay_ear_t *bucket[LLMQ_RELAY_EARS_BUCKETS];
    int n;
} llmq_relay_ears_t;

/** Walk them, the oldest first; none may be removed meanwhile. */
#define LLMQ_EACH_RELAY_EAR(ear, ears)                                                   \
    APR_RING_FOREACH(ear, &(ears)->ring, llmq_relay_ear_t, link)

/**
 * @param ears zeroed
 * @threads single
 */
void llmq_relay_ears_init(llmq_relay_ears_t *ears);

/**
 * @param id       of the job, at most LLMQ_ID_MAX bytes
 * @param listener copied
 * @return one that nobody holds; NULL if out of memory
 * @threads any
 */
llmq_relay_ear_t *llmq_relay_ears_make(const char *id,
                                       const llmq_relay_listener_t *listener);

/**
 * @return the ear of a job; NULL: nobody listens
 * @threads locked
 */
llmq_relay_ear_t *llmq_relay_ears_find(llmq_relay_ears_t *ears, const char *id);

/**
 * @return one whose job was begun at @a conn; NULL: there are no more
 * @threads locked
 */
llmq_relay_ear_t *llmq_relay_ears_begun(llmq_relay_ears_t *ears,
                                        const llmq_relay_conn_t *conn);

/**
 * @return the oldest; NULL: there are none
 * @threads locked
 */
llmq_relay_ear_t *llmq_relay_ears_first(llmq_relay_ears_t *ears);

/**
 * The list holds it from now on.
 * @threads locked
 */
void llmq_relay_ears_add(llmq_relay_ears_t *ears, llmq_relay_ear_t *ear);

/**
 * What the list held is the caller's to let go.
 * @threads locked
 */
void llmq_relay_ears_remove(llmq_relay_ears_t *ears, llmq_relay_ear_t *ear);

#endif /* LLMQ_RELAY_EARS_H */
