/**
 * @file janitor.h
 * What keeps a queue whole over time, done by the dispatcher's first thread: this node's
 * heartbeat, rebuilding the queue from the store, taking over what dead dispatchers ran,
 * resetting a damaged segment.
 */
#ifndef LLMQ_JANITOR_H
#define LLMQ_JANITOR_H

#include "dispatch/dispatch_inner.h"

typedef struct llmq_janitor_t llmq_janitor_t;

/**
 * @param d the dispatcher
 * @param p pool, as long as the janitor
 * @return the janitor
 * @phase dispatcher; @threads the first thread
 */
llmq_janitor_t *llmq_janitor_create(llmq_dispatch_t *d, apr_pool_t *p);

/**
 * Do what is due.
 * @return APR_SUCCESS the queue is whole and may be drained; LLMQ_ESTORE the database is
 *         away; LLMQ_ESTATE another node holds the SQLite file. Call again soon.
 * @threads the first thread
 */
apr_status_t llmq_janitor_tick(llmq_janitor_t *j);

#endif /* LLMQ_JANITOR_H */
