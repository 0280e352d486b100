/**
 * @file relay_table.h
 * The dispatcher's record of the relay: who listens to what, and what waits to be written to
 * whom. Private to bus/relay*.c. Memory is malloc()'s, as it comes and goes.
 *
 * All functions are to be called under the relay's lock. Frames that wait are removed by the
 * relay's thread alone, so it may write what it has gathered without the lock.
 */
#ifndef LLMQ_RELAY_TABLE_H
#define LLMQ_RELAY_TABLE_H

#include "bus/relay.h"

#include <apr_ring.h>
#include <sys/uio.h>

#define LLMQ_RELAY_BUCKETS 4096

/** What children say is short: bytes of a frame that is not whole, and of one read. */
#define LLMQ_RELAY_PEER_FRAME 4096
#define LLMQ_RELAY_PEER_READ  (16 * 1024)
#define LLMQ_RELAY_PEER_IN    (LLMQ_RELAY_PEER_FRAME + LLMQ_RELAY_PEER_READ)

/** Who waits for the answer to one job. Freed when it is not listed and nothing waits. */
typedef struct llmq_relay_ear_t {
    APR_RING_ENTRY(llmq_relay_ear_t) link; /* of its peer's */
    struct llmq_relay_ear_t *next;         /* of its bucket, or of those to be canceled */
    struct llmq_relay_peer_t *peer;        /* NULL: not listed */
    apr_size_t pending;                    /* bytes that wait */
    int outs;                              /* frames that wait */
    char canceled;                         /* in the list of those to be canceled */
    char held;                             /* its client is behind */
    char id[LLMQ_ID_MAX + 1];
} llmq_relay_ear_t;

APR_RING_HEAD(llmq_relay_ears_t, llmq_relay_ear_t);

/** A frame that waits. */
typedef struct llmq_relay_out_t {
    struct llmq_relay_out_t *next;
    llmq_relay_ear_t *ear; /* NULL: for all of the peer's */
    apr_size_t len;
    char bytes[];
} llmq_relay_out_t;

/** A child. */
typedef struct llmq_relay_peer_t {
    APR_RING_ENTRY(llmq_relay_peer_t) link;
    struct llmq_relay_ears_t ears;
    llmq_relay_out_t *first;
    llmq_relay_out_t **last;             /* where the next is put */
    apr_size_t done;                     /* bytes of the first that are written */
    struct llmq_relay_peer_t *next_told; /* of those that the thread looks at */
    char told;
    int fd;                      /* the thread's */
    char full;                   /* the thread's: waits until the socket takes more */
    apr_size_t n_in;             /* the thread's: bytes of... */
    char in[LLMQ_RELAY_PEER_IN]; /* ...what has arrived and is not heeded yet */
} llmq_relay_peer_t;

APR_RING_HEAD(llmq_relay_peers_t, llmq_relay_peer_t);

/** What is under the lock. */
typedef struct llmq_relay_table_t {
    llmq_relay_ear_t *bucket[LLMQ_RELAY_BUCKETS];
    struct llmq_relay_peers_t peers;
    llmq_relay_ear_t *canceled; /* on_cancel is to be called for them */
    llmq_relay_peer_t *told;    /* those that have something to be written */
    int n;                      /* ears that are listed */
} llmq_relay_table_t;

/**
 * @param t out
 * @threads locked
 */
void llmq_relay_table_init(llmq_relay_table_t *t);

/**
 * @return who listens to a job; NULL: nobody
 * @threads locked
 */
llmq_relay_ear_t *llmq_relay_table_find(llmq_relay_table_t *t, const char *id);

/**
 * A peer listens; if another one did, it does not any more.
 * @return APR_SUCCESS, also if it does already; APR_ENOMEM
 * @threads locked
 */
apr_status_t llmq_relay_table_listen(llmq_relay_table_t *t, llmq_relay_peer_t *peer,
                                     const char *id);

/**
 * An ear listens no more.
 * @param t        the table
 * @param ear      one that is listed; not to be used any more
 * @param canceled non-zero: on_cancel is to be called
 * @threads locked
 */
void llmq_relay_table_unlist(llmq_relay_table_t *t, llmq_relay_ear_t *ear, int canceled);

/**
 * Take one off the list of those to be canceled.
 * @param id out: LLMQ_ID_MAX + 1 bytes
 * @return non-zero: there was one
 * @threads locked
 */
int llmq_relay_table_next_canceled(char *id, llmq_relay_table_t *t);

/**
 * Append a frame, made of its head, the parts and the id.
 * @param t     the table
 * @param peer  to whom
 * @param ear   of whom; NULL: for all of the peer's
 * @param frame type, id and the number of bytes; its data is not looked at
 * @param parts the data
 * @param n     their number
 * @return APR_SUCCESS; APR_EINVAL too long; APR_ENOMEM
 * @threads locked
 */
apr_status_t llmq_relay_table_put(llmq_relay_table_t *t, llmq_relay_peer_t *peer,
                                  llmq_relay_ear_t *ear, const llmq_relay_frame_t *frame,
                                  const struct iovec *parts, int n);

/**
 * What is to be written next.
 * @param parts out: @a max parts
 * @return how many there are
 * @threads locked
 */
int llmq_relay_table_gather(struct iovec *parts, int max, const llmq_relay_peer_t *peer);

/**
 * @param n bytes that were written of what was gathered
 * @threads locked
 */
void llmq_relay_table_advance(llmq_relay_peer_t *peer, apr_size_t n);

/**
 * @return a new peer, listed; NULL: no memory
 * @threads locked
 */
llmq_relay_peer_t *llmq_relay_table_add_peer(llmq_relay_table_t *t, int fd);

/**
 * A child is gone: what it listened to is to be canceled. Frees it.
 * @param t    the table
 * @param peer its socket is the caller's
 * @threads locked
 */
void llmq_relay_table_remove_peer(llmq_relay_table_t *t, llmq_relay_peer_t *peer);

/**
 * Free all that is left.
 * @threads locked
 */
void llmq_relay_table_cleanup(llmq_relay_table_t *t);

#endif /* LLMQ_RELAY_TABLE_H */
