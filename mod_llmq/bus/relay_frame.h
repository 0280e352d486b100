/**
 * @file relay_frame.h
 * What travels through the relay (bus/relay.h), in both directions: frames, one after another
 * in a stream of bytes.
 *
 *     [ length of the rest: 4 | version: 1 | type: 1 | length of the id: 1 | 0 | id | data ]
 *
 * Numbers are in the order of bytes of the host: both ends are processes of one server.
 * A graceful restart may bring a newer module whose frames differ: a reader that meets another
 * version than its own closes.
 */
#ifndef LLMQ_RELAY_FRAME_H
#define LLMQ_RELAY_FRAME_H

#include "llmq.h"

#include <apr_errno.h>

/** What a frame says. */
typedef enum {
    /* of a child */
    LLMQ_RELAY_LISTEN =
        1,             /* it waits for the answer to this job. Of a dispatcher, or of a
                              link whose dispatcher has died: it waits in the queue again */
    LLMQ_RELAY_CANCEL, /* nobody waits for it any more: end it */
    LLMQ_RELAY_FORGET, /* another dispatcher has ended it */
    /* of a dispatcher */
    LLMQ_RELAY_BEGUN,   /* an attempt has begun; data: its number in decimals */
    LLMQ_RELAY_PIECE,   /* the next part of a streamed answer; data: as it is sent */
    LLMQ_RELAY_END,     /* nothing follows; data: llmq_relay_end_t */
    LLMQ_RELAY_LEAVING, /* it takes no more jobs; no id */
    LLMQ_RELAY_LOST,    /* pieces could not be passed on: nothing follows. A link
                           (bus/relay_link.h) says it, too, when the dispatcher has died */
    /* of a child, again */
    LLMQ_RELAY_HOLD, /* its client reads slowly: no more pieces for now */
    LLMQ_RELAY_GO,   /* it has caught up */
    LLMQ_RELAY_COUNT
} llmq_relay_type_e;

/** Bytes before the id. */
#define LLMQ_RELAY_HEAD 8

/** Most bytes of a frame's data. */
#define LLMQ_RELAY_DATA_MAX (64 * 1024 * 1024)

/** A frame; what it points to is borrowed. */
typedef struct llmq_relay_frame_t {
    llmq_relay_type_e type;
    char id[LLMQ_ID_MAX + 1];
    const char *data; /* NULL with len 0 */
    apr_size_t len;
} llmq_relay_frame_t;

/** How an answer ends. Texts are borrowed; none is NULL. */
typedef struct llmq_relay_end_t {
    int status;            /* of HTTP, as the client is to see it */
    int prompt_tokens;     /* that the backend has counted; < 0: unknown */
    int completion_tokens; /* likewise */
    const char *headers;   /* that are worth passing on: lines "Name: value\r\n" */
    apr_size_t headers_len;
    const char *body; /* the whole answer, or an error; "" after pieces */
    apr_size_t body_len;
} llmq_relay_end_t;

/**
 * @param head  out: LLMQ_RELAY_HEAD bytes, which the id and the data follow
 * @param frame what is going to be written
 * @return APR_SUCCESS; APR_EINVAL the id or the data are too long
 * @threads any
 */
apr_status_t llmq_relay_frame_head(char *head, const llmq_relay_frame_t *frame);

/**
 * Read one frame from the beginning of what has arrived.
 * @param frame out: data lies in @a bytes
 * @param pused out: bytes of the frame; with APR_EAGAIN how many it will have, 0 while that is
 *              not known
 * @param bytes what has arrived
 * @param len   their number
 * @return APR_SUCCESS; APR_EAGAIN it is not whole yet; APR_EGENERAL no frame of ours
 * @threads any
 */
apr_status_t llmq_relay_frame_parse(llmq_relay_frame_t *frame, apr_size_t *pused,
                                    const char *bytes, apr_size_t len);

/** Bytes of an END's data before headers and body. */
#define LLMQ_RELAY_END_HEAD 16

/**
 * @param head out: LLMQ_RELAY_END_HEAD bytes, which headers and body follow
 * @param end  the end
 * @threads any
 */
void llmq_relay_frame_end_head(char *head, const llmq_relay_end_t *end);

/**
 * @param end  out: lies in @a data
 * @param data of a LLMQ_RELAY_END
 * @param len  its bytes
 * @return APR_SUCCESS; APR_EGENERAL no such data
 * @threads any
 */
apr_status_t llmq_relay_frame_end_parse(llmq_relay_end_t *end, const char *data,
                                        apr_size_t len);

#endif /* LLMQ_RELAY_FRAME_H */
