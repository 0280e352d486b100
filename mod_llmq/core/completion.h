/**
 * @file completion.h
 * Completions: calls of the OpenAI-compatible gateway. One is a job of kind COMPLETION whose
 * payload is the request's body as it came, whose type is the name of the model that was
 * asked for and whose metadata tell the rest. It lives only as long as somebody listens:
 * its answer is not stored, but handed to the listener while it comes, and who went away is
 * not answered later, unless the request came with an idempotency key.
 */
#ifndef LLMQ_COMPLETION_H
#define LLMQ_COMPLETION_H

#include "base/text.h"
#include "core/job.h"

/** Headers of answers that clients know. */
#define LLMQ_COMPLETION_TIME  "openai-processing-ms"
#define LLMQ_COMPLETION_RETRY "x-should-retry"

/** Seconds. Clients do as `Retry-After` says, within the call they make: if it is longer than
 * this, LLMQ_COMPLETION_RETRY tells them not to, and the caller hears of it at once. */
#define LLMQ_COMPLETION_PATIENCE 60

/** What may be asked for. */
typedef enum {
    LLMQ_COMPLETION_CHAT = 0,   /* /chat/completions */
    LLMQ_COMPLETION_TEXT,       /* /completions */
    LLMQ_COMPLETION_EMBEDDINGS, /* /embeddings */
    LLMQ_COMPLETION_COUNT
} llmq_completion_e;

/** The request beside its body; what metadata holds. */
typedef struct llmq_completion_t {
    llmq_completion_e what;
    int stream;        /* non-zero: pieces are wanted */
    const char *key;   /* of its idempotency (store/store_idem.h), a hash; NULL: none */
    apr_int64_t claim; /* on the key */
} llmq_completion_t;

/** The data of the event that ends a stream. */
#define LLMQ_COMPLETION_DONE "[DONE]"

/** An error in OpenAI's words. */
typedef struct llmq_completion_error_t {
    const char *message;
    const char *type;  /* such as "invalid_request_error" */
    const char *param; /* NULL: null */
    const char *code;  /* NULL: null */
} llmq_completion_error_t;

/**
 * @param what what is asked for
 * @return its path below a base url, "/chat/completions" …; static
 * @threads any
 */
const char *llmq_completion_path(llmq_completion_e what);

/**
 * @param c a request
 * @param p pool of the text
 * @return JSON object for the job's metadata
 * @threads any
 */
const char *llmq_completion_metadata(const llmq_completion_t *c, apr_pool_t *p);

/**
 * Read what llmq_completion_metadata() wrote.
 * @param c        out
 * @param metadata of a job
 * @param p        pool of the key
 * @return APR_SUCCESS; APR_EINVAL it is not such a job's
 * @threads any
 */
apr_status_t llmq_completion_read(llmq_completion_t *c, const char *metadata,
                                  apr_pool_t *p);

/**
 * @param seconds when to come again; below 1: nothing is said of it
 * @param p       pool of the text
 * @return lines of headers, "Retry-After: 5\r\n", with LLMQ_COMPLETION_RETRY where that is too
 *         long to wait for; ""
 * @threads any
 */
const char *llmq_completion_retry(apr_int64_t seconds, apr_pool_t *p);

/**
 * Append an event of a stream.
 * @param t    where to
 * @param data of the event; of several lines it takes as many
 * @param len  its bytes
 * @threads any
 */
void llmq_completion_event_write(llmq_text_t *t, const char *data, apr_size_t len);

/**
 * Append `{"error":{"message":…,"type":…,"param":…,"code":…}}`.
 * @param t     where to
 * @param error the error
 * @threads any
 */
void llmq_completion_error_write(llmq_text_t *t, const llmq_completion_error_t *error);

#endif /* LLMQ_COMPLETION_H */
