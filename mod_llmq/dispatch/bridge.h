/**
 * @file bridge.h
 * The bridge to other nodes: the dispatcher's thread that carries events between the bus of
 * this server and Redis (bus/bus_redis.h). One process of a server does it, and this is the one
 * of which there is one.
 */
#ifndef LLMQ_BRIDGE_H
#define LLMQ_BRIDGE_H

#include "dispatch/dispatch.h"

typedef struct llmq_bridge_t llmq_bridge_t;

/**
 * Start the thread, where there are a bus and a Redis server.
 * @param pbridge out: NULL where there are not, or where the bus has no place left, which
 *                was logged: events of other nodes are then found in the store, later
 * @param conf    of the dispatcher; borrowed
 * @param p       pool, as long as the bridge
 * @return APR_SUCCESS; else the thread could not be started
 * @phase dispatcher; @threads single
 */
apr_status_t llmq_bridge_create(llmq_bridge_t **pbridge, const llmq_dispatch_conf_t *conf,
                                apr_pool_t *p);

/**
 * Carry over what was told until now, and end.
 * @param bridge the bridge; NULL is allowed, as is a second time
 * @threads the dispatcher's first
 */
void llmq_bridge_stop(llmq_bridge_t *bridge);

#endif /* LLMQ_BRIDGE_H */
