/**
 * @file backend_transfer.h
 * One call as a curl handle: how the request looks, what curl may do for it, and what
 * becomes of the call when it ends. backend_curl.c, the engine, drives transfers;
 * a kind's own file puts a call into bytes and reads the answer; backend_timer.c knows when
 * to look again, backend_trouble.c has the words for what went wrong.
 *
 *   create (caller's thread) ──► open ──► bytes arrive ──► end: outcome, done()
 *
 * What the backend said counts for more than how the connection ended, except for the
 * troubles that are our own will (abort, stop).
 *
 * Memory: a transfer lives in call->pool; end gives the handle back before done(), after
 * which the transfer may be gone.
 */
#ifndef LLMQ_BACKEND_TRANSFER_H
#define LLMQ_BACKEND_TRANSFER_H

#include "backend/backend_answer.h"
#include "backend/backend_http.h"
#include "backend/backend_timer.h"
#include "backend/backend_trouble.h"

typedef struct llmq_backend_transfer_t {
    struct llmq_backend_transfer_t *next;  /* the engine's list */
    struct llmq_backend_transfer_t **link; /* what points here; NULL while in no list */
    llmq_call_t *call;
    llmq_backend_answer_t *answer; /* of kind openai and of raw calls; NULL for checks */
    llmq_backend_http_t *taker;    /* of kind http; NULL for checks */
    CURL *easy;
    struct curl_slist *headers;
    const char *url;
    const char *body;
    apr_size_t body_len;
    apr_size_t header_len; /* bytes of headers and trailers so far */
    int anywhere;          /* its name is on the list of call->egress */
    int sockets;           /* how many were allowed */
    int refused;           /* an address was not */
    llmq_backend_timer_t timer;
} llmq_backend_transfer_t;

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
 * Call call->piece() if it wanted to be called by now, and read on if that waited for now.
 * @param t   the transfer
 * @param now llmq_clock_steady()
 * @threads the engine's
 */
void llmq_backend_transfer_remind(llmq_backend_transfer_t *t, apr_interval_time_t now);

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
