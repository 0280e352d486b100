/**
 * @file hub_bus.h
 * What the bus tells a hub: from there to whoever is up to date. Private to http/hub*.c.
 */
#ifndef LLMQ_HUB_BUS_H
#define LLMQ_HUB_BUS_H

#include "http/hub_room.h"

/**
 * Begin to listen to the bus, if that is possible.
 * @param hub the hub
 * @param p   pool of the child
 * @return APR_SUCCESS; other: as from base/stream.h
 * @phase child_init
 */
apr_status_t llmq_hub_bus_init(llmq_hub_t *hub, apr_pool_t *p);

/**
 * Be told what happens from now on.
 * @param hub the hub, not locked, with a comer
 * @threads any
 */
void llmq_hub_bus_want(llmq_hub_t *hub);

/**
 * Be told no more if nobody listens and nobody comes.
 * @param hub the hub, not locked
 * @threads any
 */
void llmq_hub_bus_rest(llmq_hub_t *hub);

#endif /* LLMQ_HUB_BUS_H */
