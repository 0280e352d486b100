/**
 * @file gateway_call.h
 * One call of the gateway, and the room of all of them. Private to http/gateway*.c.
 *
 * A record has several holders: the request, until its handler returns; the relay's link,
 * until it lets go; the stream, until it is over. The last one frees it. While the request's
 * thread waits the news lie in a list, which that thread reads; once it is parked they are
 * dealt with at once, by the thread of the streams.
 */
#ifndef LLMQ_GATEWAY_CALL_H
#define LLMQ_GATEWAY_CALL_H

#include "base/text.h"
#include "bus/relay_link.h"
#include "http/gateway_conf.h"
#include "http/service.h"

#include <apr_ring.h>
#include <apr_thread_mutex.h>

#include <semaphore.h>

/** Something that the relay has said, of a call whose thread waits. */
typedef struct llmq_gateway_news_t {
    struct llmq_gateway_news_t *next;
    llmq_relay_type_e type;
    apr_size_t len;
    char data[];
} llmq_gateway_news_t;

/** How much of an answer was sent. */
typedef enum {
    LLMQ_GATEWAY_SILENT = 0, /* nothing */
    LLMQ_GATEWAY_SPEAKS,     /* the headers of a stream, maybe more */
    LLMQ_GATEWAY_DONE        /* all */
} llmq_gateway_said_e;

struct llmq_gateway_way_t;

/** A call. Memory is malloc()'s. */
typedef struct llmq_gateway_call_t {
    APR_RING_ENTRY(llmq_gateway_call_t) link; /* under lock, while it is parked */
    llmq_gateway_t *all;
    const struct llmq_gateway_way_t *way; /* how it is written */
    int holders;                          /* under lock */
    char id[LLMQ_ID_MAX + 1];
    llmq_gateway_how_t how; /* its request is the next member */
    llmq_completion_t request;
    apr_time_t arrived_at;
    apr_time_t waits_since;   /* of those that deal with the news: in the queue; later by
                                   the time that went into attempts */
    apr_time_t begun_at;      /* likewise: of the attempt at hand */
    apr_time_t first_at;      /* likewise: the answer began to come; 0: it did not */
    apr_time_t sign_at;       /* likewise: the last sign of life */
    llmq_gateway_said_e said; /* likewise */
    int begun;                /* likewise: a backend works on it */
    int status;               /* likewise: that the client was sent; 0: none */
    int left;                 /* likewise: it has left, or was cut */
    int prompt_tokens;        /* likewise; < 0: unknown */
    int completion_tokens;    /* likewise */
    int accepted;             /* of its request's thread: its job is stored */
    int parked;               /* under lock: from now on news are not listed */
    int gone;                 /* under lock: nobody reads the answer */
    int held_back; /* under lock: its client is behind, and the dispatcher knows */
    int heard;     /* under lock: the relay has told all */
    int adrift;    /* under lock: it goes on without a client, and counts as open */
    llmq_gateway_news_t *first; /* under lock */
    llmq_gateway_news_t **last; /* under lock */
    apr_size_t pending;         /* under lock: bytes of the list */
    sem_t news;                 /* posted for each of the list */
    void *ctx;                  /* the way's */
    apr_uint32_t *place;        /* of its request's thread: llmq_held_take() */
} llmq_gateway_call_t;

/** How answers are written: by a request's thread, or to a stream. A call comes to be said
 * LLMQ_GATEWAY_DONE by answer() or finish(). */
typedef struct llmq_gateway_way_t {
    /** The headers of a stream. */
    void (*begin)(llmq_gateway_call_t *call);
    /** Bytes of it. */
    void (*write)(llmq_gateway_call_t *call, const char *data, apr_size_t len);
    /** Its end. */
    void (*finish)(llmq_gateway_call_t *call);
    /** @return bytes that wait for the client */
    apr_size_t (*pending)(llmq_gateway_call_t *call);
    /** A whole answer, or an error, with headers besides as llmq_relay_end_t has them. */
    void (*answer)(llmq_gateway_call_t *call, const llmq_relay_end_t *end);
} llmq_gateway_way_t;

APR_RING_HEAD(llmq_gateway_ring_t, llmq_gateway_call_t);

/** All of a child. */
struct llmq_gateway_t {
    const llmq_service_t *service;
    llmq_gateway_conf_t conf;
    llmq_relay_link_t *relay;
    apr_thread_mutex_t *lock;
    struct llmq_gateway_ring_t parked; /* under lock */
    int n_open;   /* under lock: streams of theirs that are not over */
    int stopping; /* under lock: the streams' thread ends the rest */
};

/** @param all the calls @threads any */
void llmq_gateway_call_lock(llmq_gateway_t *all);

/** @param all the calls @threads locked */
void llmq_gateway_call_unlock(llmq_gateway_t *all);

/**
 * @param all the calls
 * @param id  of the job
 * @param how copied
 * @return a call whose holder is the caller; NULL: no memory
 * @threads request
 */
llmq_gateway_call_t *llmq_gateway_call_make(llmq_gateway_t *all, const char *id,
                                            const llmq_gateway_how_t *how);

/**
 * @param call held once more
 * @threads any
 */
void llmq_gateway_call_keep(llmq_gateway_call_t *call);

/**
 * @param call held no more by the caller
 * @threads any, not under the lock
 */
void llmq_gateway_call_drop(llmq_gateway_call_t *call);

/**
 * Its client has left: the job ends, unless the client may come back for the answer with its key.
 * @param call a call
 * @threads any, not under the lock
 */
void llmq_gateway_call_leave(llmq_gateway_call_t *call);

/**
 * Nobody waits for it any more: the job ends.
 * @param call a call; one that has its end is left alone
 * @threads any, not under the lock
 */
void llmq_gateway_call_cancel(llmq_gateway_call_t *call);

/**
 * @param call a call
 * @return the first of the list, to be freed; NULL: there is none
 * @threads locked
 */
llmq_gateway_news_t *llmq_gateway_call_next_locked(llmq_gateway_call_t *call);

/**
 * So much waits for the client now: pieces are asked for, or not any more.
 * @param call    the call
 * @param pending bytes
 * @threads whoever writes the call, or lists its news
 */
void llmq_gateway_call_weigh(llmq_gateway_call_t *call, apr_size_t pending);

#endif /* LLMQ_GATEWAY_CALL_H */
