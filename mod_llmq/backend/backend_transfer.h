/**
 * @file backend_transfer.h
 * One call as a curl handle: how the request looks, what curl may do for it, and what
 * becomes of the call when it ends. backend_curl.c, the engine, drives transfers;
 * backend_check.c only borrows the words.
 *
 *   create (caller's thread) ──► open ──► bytes arrive ──► end: outcome, done()
 *
 * A *trouble* is a reason for a transfer to end without an answer. What the backend said
 * counts for more than how the connection ended, except for the troubles that are our own
 * will (abort, stop).
 *
 * Memory: a transfer lives in call->pool; end gives the handle back before done(), after
 * which the transfer may be gone.
 */
#ifndef LLMQ_BACKEND_TRANSFER_H
#define LLMQ_BACKEND_TRANSFER_H

#include "backend/backend.h"
#include "backend/backend_openai.h"

#include <curl/curl.h>

typedef enum {
    LLMQ_BACKEND_TROUBLE_NONE = 0, /* the connection ended well */
    LLMQ_BACKEND_TROUBLE_NAME,     /* not resolved */
    LLMQ_BACKEND_TROUBLE_REFUSED,
    LLMQ_BACKEND_TROUBLE_CONNECT_TIME,
    LLMQ_BACKEND_TROUBLE_TLS,
    LLMQ_BACKEND_TROUBLE_CERTIFICATE,
    LLMQ_BACKEND_TROUBLE_NOTHING, /* closed before a byte came */
    LLMQ_BACKEND_TROUBLE_LOST,    /* closed or reset on the way */
    LLMQ_BACKEND_TROUBLE_BROKEN,  /* closed inside the body */
    LLMQ_BACKEND_TROUBLE_HTTP,    /* what came is not HTTP */
    LLMQ_BACKEND_TROUBLE_URL,
    LLMQ_BACKEND_TROUBLE_FIRST_TIME, /* no byte of the body in time */
    LLMQ_BACKEND_TROUBLE_TOTAL_TIME,
    LLMQ_BACKEND_TROUBLE_OTHER,
    LLMQ_BACKEND_TROUBLE_REQUEST, /* no url, or no messages */
    LLMQ_BACKEND_TROUBLE_CONTROL, /* control characters in the id or the key */
    LLMQ_BACKEND_TROUBLE_HANDLE,  /* curl gave no handle */
    LLMQ_BACKEND_TROUBLE_ABORT,
    LLMQ_BACKEND_TROUBLE_STOP,
    LLMQ_BACKEND_TROUBLE_COUNT
} llmq_backend_trouble_e;

typedef struct llmq_backend_transfer_t {
    struct llmq_backend_transfer_t *next;  /* the engine's list */
    struct llmq_backend_transfer_t **link; /* what points here; NULL while in no list */
    llmq_call_t *call;
    llmq_backend_openai_t *reader;
    CURL *easy;
    struct curl_slist *headers;
    const char *url;
    const char *body;
    apr_size_t body_len;
    apr_interval_time_t first_deadline; /* usec on the monotonic clock; 0 none */
    apr_interval_time_t total_deadline;
    apr_interval_time_t
        *earliest; /* the engine's earliest deadline, moved ahead by ours */
} llmq_backend_transfer_t;

/**
 * @return microseconds on a clock that nobody sets, for deadlines
 * @threads any
 */
apr_interval_time_t llmq_backend_transfer_clock(void);

/**
 * @param a a deadline; 0 is none
 * @param b another
 * @return the earlier of the two
 * @threads any
 */
apr_interval_time_t llmq_backend_transfer_earlier(apr_interval_time_t a,
                                                  apr_interval_time_t b);

/**
 * Build the request. The time-outs begin to run.
 * @param pt   out: the transfer, in call->pool; untouched unless NONE
 * @param call the call
 * @return LLMQ_BACKEND_TROUBLE_NONE, _REQUEST or _CONTROL
 * @threads any
 */
llmq_backend_trouble_e llmq_backend_transfer_create(llmq_backend_transfer_t **pt,
                                                    llmq_call_t *call);

/**
 * Make the curl handle, ready to be added to a multi handle; its CURLOPT_PRIVATE is the
 * transfer.
 * @param t        the transfer
 * @param earliest the engine's earliest deadline
 * @return LLMQ_BACKEND_TROUBLE_NONE or _HANDLE
 * @threads the engine's
 */
llmq_backend_trouble_e llmq_backend_transfer_open(llmq_backend_transfer_t *t,
                                                  apr_interval_time_t *earliest);

/**
 * @param t the transfer
 * @return when it has to be looked at; 0 never
 * @threads the engine's
 */
apr_interval_time_t llmq_backend_transfer_deadline(const llmq_backend_transfer_t *t);

/**
 * @param t   the transfer
 * @param now llmq_backend_transfer_clock()
 * @return which deadline has passed: FIRST_TIME or TOTAL_TIME; NONE if none has
 * @threads the engine's
 */
llmq_backend_trouble_e llmq_backend_transfer_expired(const llmq_backend_transfer_t *t,
                                                     apr_interval_time_t now);

/**
 * @param code curl's result
 * @return its trouble; NONE for CURLE_OK
 * @threads any
 */
llmq_backend_trouble_e llmq_backend_transfer_trouble(CURLcode code);

/**
 * @param trouble a trouble
 * @return what people are told of it; static
 * @threads any
 */
const char *llmq_backend_transfer_sentence(llmq_backend_trouble_e trouble);

/**
 * Decide the outcome, give the handle back and call done().
 * @param t       the transfer, not in a multi handle any more; gone afterwards
 * @param trouble how the connection ended
 * @threads the engine's
 */
void llmq_backend_transfer_end(llmq_backend_transfer_t *t,
                               llmq_backend_trouble_e trouble);

/**
 * End a call that has no transfer: fill the failure and call done().
 * @param call    the call
 * @param trouble why, not NONE
 * @threads any
 */
void llmq_backend_transfer_refuse(llmq_call_t *call, llmq_backend_trouble_e trouble);

#endif /* LLMQ_BACKEND_TRANSFER_H */
