/**
 * @file registry.h
 * Keeps the roster of workers (core/roster.h) in the store: every two seconds what has
 * changed, and at the end all. What is stored of a worker is added to its counts before they
 * are stored for the first time, so that a roster that was made anew goes on where the one
 * before ended. Whoever was silent for too long is forgotten in both.
 */
#ifndef LLMQ_REGISTRY_H
#define LLMQ_REGISTRY_H

#include "core/roster.h"
#include "store/store.h"

typedef struct llmq_registry_t llmq_registry_t;

/**
 * @param roster the table; NULL: there is nothing to do
 * @param conf   settings; borrowed
 * @param store  of the thread that will call
 * @param p      pool, as long as the registry
 * @return the registry; NULL if out of memory
 * @phase dispatcher; @threads the first thread
 */
llmq_registry_t *llmq_registry_create(llmq_roster_t *roster,
                                      const llmq_roster_conf_t *conf, llmq_store_t *store,
                                      apr_pool_t *p);

/**
 * Store what is due, and forget.
 * @param g the registry
 * @return APR_SUCCESS; LLMQ_ESTORE: what has changed is kept
 * @threads the first thread
 */
apr_status_t llmq_registry_tick(llmq_registry_t *g);

/**
 * Store all that has changed, as the table is about to go.
 * @param g the registry
 * @return as llmq_registry_tick()
 * @threads the first thread
 */
apr_status_t llmq_registry_flush(llmq_registry_t *g);

#endif /* LLMQ_REGISTRY_H */
