/**
 * @file store_node.h
 * Nodes: the heartbeat of a node is the lease of all its jobs.
 */
#ifndef LLMQ_STORE_NODE_H
#define LLMQ_STORE_NODE_H

#include "store/store.h"

/**
 * Say that this node lives, and adopt the unfinished jobs of nodes that have been silent
 * longer than conf.node_timeout (their fences are raised).
 * @param padopted out: number of jobs adopted; the caller rebuilds its queue if > 0
 * @param now      the present
 * @return APR_SUCCESS; LLMQ_ESTATE SQLite and another node is alive on the same file
 *         (logged); LLMQ_ESTORE
 * @threads the dispatcher's janitor
 */
apr_status_t llmq_store_node_beat(llmq_store_t *store, int *padopted, apr_time_t now,
                                  apr_pool_t *p);

/**
 * Say that this node ends: others need not wait for its silence.
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads the dispatcher's janitor
 */
apr_status_t llmq_store_node_leave(llmq_store_t *store, apr_pool_t *p);

#endif /* LLMQ_STORE_NODE_H */
