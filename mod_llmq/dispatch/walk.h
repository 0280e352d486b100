/**
 * @file walk.h
 * The walk over the store's backlog that fills a queue again: after a start, a loss of the
 * segment, or whenever the queue suspects that the store holds more than it does.
 */
#ifndef LLMQ_WALK_H
#define LLMQ_WALK_H

#include "llmq.h"
#include "dispatch/dispatch_inner.h"

/**
 * Walk if the queue of a kind asks for it. What is there already stays as it is; what
 * workers have under a lease is put as running.
 * @param d       the dispatcher; between pages it is seen whether it was asked to end
 * @param kind    which queue
 * @param scratch cleared between pages
 * @return APR_SUCCESS; LLMQ_ESTORE the walk broke off, the queue asks for another
 * @threads the dispatcher's first
 */
apr_status_t llmq_walk_if_needed(llmq_dispatch_t *d, llmq_kind_e kind,
                                 apr_pool_t *scratch);

#endif /* LLMQ_WALK_H */
