/**
 * @file backend_trouble.h
 * A *trouble* is a reason for a transfer to end without an answer: what curl reports, or
 * our own will. Here are the words for each and the kind of failure that it makes.
 */
#ifndef LLMQ_BACKEND_TROUBLE_H
#define LLMQ_BACKEND_TROUBLE_H

#include "backend/backend.h"

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
    LLMQ_BACKEND_TROUBLE_REQUEST, /* no url, or nothing to send */
    LLMQ_BACKEND_TROUBLE_CONTROL, /* control characters in the id or the key */
    LLMQ_BACKEND_TROUBLE_ADDRESS, /* one where requests may not go */
    LLMQ_BACKEND_TROUBLE_HANDLE,  /* curl gave no handle */
    LLMQ_BACKEND_TROUBLE_ABORT,
    LLMQ_BACKEND_TROUBLE_STOP,
    LLMQ_BACKEND_TROUBLE_COUNT
} llmq_backend_trouble_e;

/**
 * @param code curl's result
 * @return its trouble; NONE for CURLE_OK
 * @threads any
 */
llmq_backend_trouble_e llmq_backend_trouble_of(CURLcode code);

/**
 * @param trouble a trouble
 * @return what people are told of it; static
 * @threads any
 */
const char *llmq_backend_trouble_sentence(llmq_backend_trouble_e trouble);

/**
 * @param trouble a trouble
 * @return non-zero if it stands whatever the backend has said: it is our own will
 * @threads any
 */
int llmq_backend_trouble_stands(llmq_backend_trouble_e trouble);

/**
 * @param trouble a trouble
 * @param kind    a kind of failure
 * @return non-zero if the one makes the other
 * @threads any
 */
int llmq_backend_trouble_is(llmq_backend_trouble_e trouble, llmq_failure_e kind);

/**
 * Let a call fail by it.
 * @param call    ok, failure and error are filled
 * @param trouble why, not NONE
 * @threads any
 */
void llmq_backend_trouble_tell(llmq_call_t *call, llmq_backend_trouble_e trouble);

#endif /* LLMQ_BACKEND_TROUBLE_H */
