/**
 * @file backend_openai.h
 * OpenAI's chat completions as bytes: the request body of a call, and a *reader* that is
 * fed with the body of an answer piece by piece and fills the call at the end. No I/O.
 *
 * The reader looks at the first byte that is not white space: `{` begins a JSON answer,
 * anything else is read as server-sent events (WHATWG HTML, section 9.2), whatever was
 * asked for, because servers exist that ignore "stream". Of a stream the deltas of choice
 * 0 are collected.
 *
 *   READING ──finish_reason──► COMPLETE ──[DONE]──► DONE
 *      │ └─────────────────────────┴─ error, nonsense, too large ─► FAILED
 *      └─[DONE]───────────────────────────────────► DONE
 *
 * Memory: the reader and the outcome live in call->pool, what it parses in a sub-pool
 * that is cleared after each event. A reader belongs to one thread at a time.
 */
#ifndef LLMQ_BACKEND_OPENAI_H
#define LLMQ_BACKEND_OPENAI_H

#include "backend/backend.h"

/** What is added to a backend's url. */
#define LLMQ_BACKEND_OPENAI_PATH "/chat/completions"

/** Bytes of an answer when max_answer_bytes is 0. */
#define LLMQ_BACKEND_OPENAI_ANSWER_MAX (16 * 1024 * 1024)

typedef enum {
    LLMQ_BACKEND_OPENAI_READING = 0,
    LLMQ_BACKEND_OPENAI_COMPLETE, /* the answer ended; usage may follow */
    LLMQ_BACKEND_OPENAI_DONE,     /* nothing more will come; further bytes are ignored */
    LLMQ_BACKEND_OPENAI_FAILED,   /* read no further */
    LLMQ_BACKEND_OPENAI_STATE_COUNT
} llmq_backend_openai_state_e;

typedef struct llmq_backend_openai_t llmq_backend_openai_t;

/**
 * Write the request body: model, messages and, when the backend is to stream, stream and
 * stream_options.
 * @param plen out: bytes of the text
 * @param call backend and messages are read
 * @return JSON text in call->pool; NULL when call->messages is not the text of an array
 * @threads any
 */
const char *llmq_backend_openai_request(apr_size_t *plen, const llmq_call_t *call);

/**
 * @param call the call whose outcome will be filled; must outlive the reader
 * @return a reader in call->pool
 * @threads any
 */
llmq_backend_openai_t *llmq_backend_openai_create(llmq_call_t *call);

/**
 * Read the next bytes of the answer's body. At most max_answer_bytes are kept at a time,
 * of a JSON body, of one event, and of the collected content; bytes of a stream that
 * carry no content do not count.
 * @param r    the reader
 * @param data bytes, in pieces of any size
 * @param len  their number
 * @return APR_SUCCESS; LLMQ_EBACKEND the answer is bad, stop reading and end
 * @threads any, one at a time
 */
apr_status_t llmq_backend_openai_feed(llmq_backend_openai_t *r, const char *data,
                                      apr_size_t len);

/**
 * @param r the reader
 * @return how far it is
 * @threads any, one at a time
 */
llmq_backend_openai_state_e llmq_backend_openai_state(const llmq_backend_openai_t *r);

/**
 * Fill ok, failure, error, content, model, finish_reason and the token counts of the
 * call. The reader cannot be used afterwards.
 *
 * A status above 399 is LLMQ_FAILURE_STATUS whatever the body; its error.message goes
 * into call->error, scrubbed (backend_scrub.h). An error object in a 2xx body is a
 * failure, too: STATUS when its `code` is a number from 400 to 599, else PROTOCOL. Other
 * statuses outside 2xx are PROTOCOL.
 *
 * @param r           the reader
 * @param http_status of the answer
 * @threads any, one at a time
 */
void llmq_backend_openai_end(llmq_backend_openai_t *r, int http_status);

#endif /* LLMQ_BACKEND_OPENAI_H */
