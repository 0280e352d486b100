/**
 * @file store_idem.h
 * Idempotency keys in the store. A key is *claimed* by one request at a time; what becomes
 * of the claim decides what the next request with the key gets:
 *
 *            claim            settle, an answer to keep
 *   (none) ─────────► RUNNING ─────────────────────────► DONE     replayed until it expires
 *     ▲               ▲  │ │
 *     │ free          │  │ └─ settle, without an answer ─► OPEN   claimed again, same object
 *     └───────────────┼──┘
 *                     └─ claimed again once the lease of a process that died is over
 *
 * A claim carries the *object*: the id that whatever the request makes shall have. It
 * stays the same over all tries, so that a try after one of unknown outcome makes the same
 * thing, which is there already or not. Each claim raises the number that fences the ones
 * before it.
 * @threads any
 */
#ifndef LLMQ_STORE_IDEM_H
#define LLMQ_STORE_IDEM_H

#include "store/store.h"

/** One try. All strings are the caller's, or in the pool of llmq_store_idem_claim(). */
typedef struct llmq_idem_t {
    const char *scope;         /* whose key of which call; a hash */
    const char *request;       /* hash of what was asked */
    const char *object;        /* in: a new id; out: the one to use */
    apr_time_t now;            /* of this try */
    apr_interval_time_t lease; /* nobody else may try for so long, > 0 */
    apr_interval_time_t ttl;   /* from now, > 0 */
    apr_int64_t claim;         /* out: fence of this try */
    int again; /* out: non-zero if an earlier try may have made the object */
    apr_interval_time_t busy; /* out, LLMQ_EBUSY: how long the other may still take */
} llmq_idem_t;

/** An answer to keep. */
typedef struct llmq_idem_answer_t {
    int status;           /* HTTP status */
    const char *body;     /* text */
    const char *location; /* value of the header, NULL if none */
} llmq_idem_answer_t;

/**
 * Claim a key.
 * @param idem   in and out, see there
 * @param answer out, on APR_EEXIST: what was answered
 * @param store  the store
 * @param p      pool of what comes out
 * @return APR_SUCCESS claimed; APR_EEXIST answered already; LLMQ_EBUSY somebody else is at
 *         it; LLMQ_ESTATE the key belongs to another request; LLMQ_ESTORE, or another of
 *         the store's troubles
 */
apr_status_t llmq_store_idem_claim(llmq_idem_t *idem, llmq_idem_answer_t *answer,
                                   llmq_store_t *store, apr_pool_t *p);

/**
 * The try has ended.
 * @param store  the store
 * @param idem   the claim
 * @param answer to be replayed from now on; NULL: the key is open for another try
 * @param p      scratch
 * @return APR_SUCCESS; LLMQ_ESTATE the claim is not ours any more; LLMQ_ESTORE
 */
apr_status_t llmq_store_idem_settle(llmq_store_t *store, const llmq_idem_t *idem,
                                    const llmq_idem_answer_t *answer, apr_pool_t *p);

/**
 * The try has made nothing: forget the key.
 * @param store the store
 * @param idem  the claim
 * @param p     scratch
 * @return as llmq_store_idem_settle()
 */
apr_status_t llmq_store_idem_free(llmq_store_t *store, const llmq_idem_t *idem,
                                  apr_pool_t *p);

/**
 * The try goes on: the lease counts from now.
 * @param store the store
 * @param idem  the claim
 * @param now   microseconds since 1970
 * @param p     scratch
 * @return as llmq_store_idem_settle()
 */
apr_status_t llmq_store_idem_renew(llmq_store_t *store, const llmq_idem_t *idem,
                                   apr_time_t now, apr_pool_t *p);

/**
 * Remove keys that have expired.
 * @param pn    out: how many
 * @param store the store
 * @param now   microseconds since 1970
 * @param limit most to remove, > 0
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 */
apr_status_t llmq_store_idem_prune(int *pn, llmq_store_t *store, apr_time_t now,
                                   int limit, apr_pool_t *p);

#endif /* LLMQ_STORE_IDEM_H */
