/**
 * @file endpoint.h
 * The set of backends as the dispatcher sees it: how busy each is, and which one is next.
 * Round robin over those with a free place. Lives in the dispatcher; all calls are short
 * and take one mutex.
 * @threads any
 */
#ifndef LLMQ_ENDPOINT_H
#define LLMQ_ENDPOINT_H

#include "backend/backend.h"

typedef struct llmq_endpoints_t llmq_endpoints_t;

/**
 * @param pe       out
 * @param backends the configured backends; borrowed
 * @param n        their number (> 0)
 * @param p        pool, as long as the set
 * @return APR_SUCCESS; APR_EINVAL no backends; else there is no mutex to be had
 * @phase dispatcher; @threads single
 */
apr_status_t llmq_endpoint_create(llmq_endpoints_t **pe,
                                  const llmq_backend_conf_t *const *backends, int n,
                                  apr_pool_t *p);

/**
 * @param e the set
 * @return places free in all backends together, those in a pause not counted
 */
int llmq_endpoint_free(llmq_endpoints_t *e);

/**
 * Choose a backend and occupy a place in it.
 * @param e the set
 * @return the backend; NULL when all are full or paused
 */
const llmq_backend_conf_t *llmq_endpoint_pick(llmq_endpoints_t *e);

/**
 * Give the place back and learn from the outcome: a Retry-After pauses the backend for
 * that long (at most five minutes). One that cannot be reached is paused for a second, and
 * twice as long each time up to half a minute; after the pause a single call proves whether
 * it can be reached again before the others follow.
 * @param e       the set
 * @param backend what llmq_endpoint_pick() gave
 * @param failure NULL for success
 */
void llmq_endpoint_done(llmq_endpoints_t *e, const llmq_backend_conf_t *backend,
                        const llmq_failure_t *failure);

#endif /* LLMQ_ENDPOINT_H */
