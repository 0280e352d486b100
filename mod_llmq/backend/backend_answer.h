/**
 * @file backend_answer.h
 * A *reader* of a model's answer: it is fed with the body piece by piece and fills the call at
 * the end. What kinds of calls have in common is here: which shape the body has, how far the
 * reader is, and which failure becomes of what. What a kind does with an event or a body is
 * its own business (backend_openai.h, backend_raw.h). No I/O.
 *
 * The first byte that is not white space tells the shape: `{` begins a body in one piece,
 * anything else is read as server-sent events (WHATWG HTML, section 9.2), whatever was asked
 * for, because servers exist that ignore "stream". What does not come with a status of 2xx is
 * a body in any case.
 *
 *   READING ──finish_reason──► COMPLETE ──[DONE]──► DONE
 *      │ └─────────────────────────┴─ error, nonsense, too large, refused ─► FAILED
 *      └─[DONE]───────────────────────────────────► DONE
 *
 * Memory: the reader and the outcome live in call->pool, what it parses in a sub-pool that
 * is cleared after each event. A reader belongs to one thread at a time.
 */
#ifndef LLMQ_BACKEND_ANSWER_H
#define LLMQ_BACKEND_ANSWER_H

#include "backend/backend.h"
#include "backend/backend_sse.h"

#include <json-c/json_types.h>

/** Bytes of an answer where nothing else is said. */
#define LLMQ_BACKEND_ANSWER_MAX (4 * 1024 * 1024)

typedef enum {
    LLMQ_BACKEND_ANSWER_READING = 0,
    LLMQ_BACKEND_ANSWER_COMPLETE, /* the answer ended; usage may follow */
    LLMQ_BACKEND_ANSWER_DONE,     /* nothing more will come; further bytes are ignored */
    LLMQ_BACKEND_ANSWER_FAILED,   /* read no further */
    LLMQ_BACKEND_ANSWER_STATE_COUNT
} llmq_backend_answer_state_e;

typedef enum {
    LLMQ_BACKEND_ANSWER_UNKNOWN = 0, /* nothing but white space so far */
    LLMQ_BACKEND_ANSWER_BODY,        /* JSON, or what an error comes with */
    LLMQ_BACKEND_ANSWER_EVENTS
} llmq_backend_answer_shape_e;

typedef struct llmq_backend_answer_t llmq_backend_answer_t;

/** What a kind does. */
typedef struct llmq_backend_answer_kind_t {
    /* An event that is not [DONE]; anything but APR_SUCCESS ends the feed. */
    apr_status_t (*event)(llmq_backend_answer_t *a, const char *data, apr_size_t len);
    /* All of a body with a status of 2xx is there; the state is DONE or FAILED then. */
    void (*body)(llmq_backend_answer_t *a);
    /* The backend reports an error, which counts as this status; NULL: nothing to do. */
    void (*blame)(llmq_call_t *call, struct json_object *answer, int http_status);
    /* Last of all. is_success: a 2xx, and it had not failed before its end. */
    void (*end)(llmq_backend_answer_t *a, int http_status, int is_success);
} llmq_backend_answer_kind_t;

/** What all readers begin with; for the kinds' files only. */
struct llmq_backend_answer_t {
    const llmq_backend_answer_kind_t *kind;
    llmq_call_t *call;
    apr_pool_t *scratch; /* of the JSON tree at hand */
    apr_size_t max;      /* bytes */
    llmq_backend_answer_shape_e shape;
    llmq_backend_answer_state_e state;
    int whole;        /* the kind's: no events are taken */
    int answered;     /* the kind's: a stream has answered something */
    int refused;      /* the kind's: nobody wants the answer */
    int ending;       /* what comes now lacks the empty line behind it */
    llmq_text_t body; /* of a body: all of it */
    llmq_backend_sse_t events;
};

/**
 * Begin the part that all readers have.
 * @param a     zeroed, in call->pool
 * @param kind  static
 * @param call  the call whose outcome will be filled; must outlive the reader
 * @param usual the most bytes where the backend sets none; 0: LLMQ_BACKEND_ANSWER_MAX
 * @threads any
 */
void llmq_backend_answer_init(llmq_backend_answer_t *a,
                              const llmq_backend_answer_kind_t *kind, llmq_call_t *call,
                              apr_size_t usual);

/* ---- for who has the bytes ---- */

/**
 * Read the next bytes of the answer's body. At most max_answer_bytes are kept at a time,
 * of a body, of one event, and of what a kind collects.
 * @param a           the reader
 * @param http_status of the answer
 * @param data        bytes, in pieces of any size
 * @param len         their number
 * @return APR_SUCCESS; LLMQ_EBACKEND stop reading and end
 * @threads any, one at a time
 */
apr_status_t llmq_backend_answer_feed(llmq_backend_answer_t *a, int http_status,
                                      const char *data, apr_size_t len);

/**
 * @param a the reader
 * @return how far it is
 * @threads any, one at a time
 */
llmq_backend_answer_state_e llmq_backend_answer_state(const llmq_backend_answer_t *a);

/**
 * @param a the reader
 * @return non-zero if nobody wants the answer any more
 * @threads any, one at a time
 */
int llmq_backend_answer_is_refused(const llmq_backend_answer_t *a);

/**
 * Fill the call's outcome. The reader cannot be used afterwards.
 *
 * A status above 399 is LLMQ_FAILURE_STATUS whatever the body; the body's words
 * (backend_words.h) go into call->error, scrubbed (backend_scrub.h). An error object in a
 * 2xx is a failure, too: STATUS when its `code` is a number from 400 to 599, else PROTOCOL.
 * Other statuses outside 2xx are PROTOCOL.
 *
 * @param a           the reader
 * @param http_status of the answer
 * @threads any, one at a time
 */
void llmq_backend_answer_end(llmq_backend_answer_t *a, int http_status);

/* ---- for the kinds ---- */

/**
 * The answer makes no sense: LLMQ_FAILURE_PROTOCOL.
 * @param a        the reader; its state is FAILED
 * @param sentence what people are told; lives as long as the call
 * @return LLMQ_EBACKEND
 * @threads any, one at a time
 */
apr_status_t llmq_backend_answer_fail(llmq_backend_answer_t *a, const char *sentence);

/**
 * The answer is larger than it may be.
 * @param a the reader; its state is FAILED
 * @return LLMQ_EBACKEND
 * @threads any, one at a time
 */
apr_status_t llmq_backend_answer_fail_size(llmq_backend_answer_t *a);

/**
 * An error object stands where an answer should be. Its code says whose fault it is, if
 * that is a status.
 * @param a      the reader; its state is FAILED
 * @param answer what the backend said
 * @return LLMQ_EBACKEND
 * @threads any, one at a time
 */
apr_status_t llmq_backend_answer_fail_error(llmq_backend_answer_t *a,
                                            struct json_object *answer);

/**
 * @param pchunk out: an event as an object, until the next event; untouched unless
 *               APR_SUCCESS
 * @param a      the reader
 * @param data   the event
 * @param len    its bytes
 * @return APR_SUCCESS; LLMQ_EBACKEND it is none: the state is FAILED
 * @threads any, one at a time
 */
apr_status_t llmq_backend_answer_chunk(struct json_object **pchunk,
                                       llmq_backend_answer_t *a, const char *data,
                                       apr_size_t len);

/**
 * @param a the reader
 * @return the whole body, until the end; NULL: there is none, or it is no JSON
 * @threads any, one at a time
 */
struct json_object *llmq_backend_answer_parse(llmq_backend_answer_t *a);

#endif /* LLMQ_BACKEND_ANSWER_H */
