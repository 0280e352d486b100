/**
 * @file bus_redis.h
 * The bus between nodes: what is told here is published in Redis, what other nodes have
 * published is told here. One process of a server has this link, with two connections: one
 * that publishes, and one that has subscribed (which may do nothing else).
 *
 *     ring ──► frames (bus_wire.h) ──► PUBLISH <prefix>:events     pipelined
 *     ring ◄── checked, ours dropped ◄── SUBSCRIBE <prefix>:events
 *
 * Redis keeps nothing of it. So whenever the link begins or ends, all readers here hear that
 * they may have missed something; when it begins, or when this process itself has missed
 * something, other nodes are told that, too. While there is no link this reader is deaf, and
 * nothing is told for its sake. It is tried again after 1 s, 2 s, 4 s and then every 5 s.
 */
#ifndef LLMQ_BUS_REDIS_H
#define LLMQ_BUS_REDIS_H

#include "bus/bus.h"
#include "bus/redis.h"

typedef struct llmq_bus_redis_t llmq_bus_redis_t;

/**
 * @param pb   out
 * @param bus  the bus, of which a reader is attached
 * @param conf where Redis is; borrowed
 * @param node our name; borrowed
 * @param p    pool, as long as the link; used by the steps, too
 * @return APR_SUCCESS; LLMQ_EFULL: too many listen; other: no descriptor left. Failures were
 *         logged
 * @phase dispatcher; @threads single
 */
apr_status_t llmq_bus_redis_create(llmq_bus_redis_t **pb, llmq_bus_t *bus,
                                   const llmq_redis_conf_t *conf, const char *node,
                                   apr_pool_t *p);

/**
 * Connect if there is no link and it is time to; wait until there is something to do; do it.
 * @param b     the link
 * @param limit longest wait in microseconds; connecting may take longer, by the timeout of
 *              the settings for each of its steps
 * @threads one at a time
 */
void llmq_bus_redis_step(llmq_bus_redis_t *b, apr_interval_time_t limit);

/**
 * Let a step that waits return.
 * @param b the link
 * @threads any
 */
void llmq_bus_redis_wake(llmq_bus_redis_t *b);

/**
 * Take the link down; the next step makes a new one.
 * @param b the link
 * @threads the one of the steps
 */
void llmq_bus_redis_close(llmq_bus_redis_t *b);

#endif /* LLMQ_BUS_REDIS_H */
