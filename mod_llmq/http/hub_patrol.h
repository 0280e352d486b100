/**
 * @file hub_patrol.h
 * A look at everything that somebody listens to: has it grown without the bus telling? The
 * bus may lose what it carries, and a store that several nodes share grows without it.
 * @threads the reading one
 */
#ifndef LLMQ_HUB_PATROL_H
#define LLMQ_HUB_PATROL_H

#include "http/hub_room.h"

/**
 * Look at all. Whoever is behind after that is in the audience's list of what is to be read.
 * @param hub     the hub, not locked
 * @param scratch pool; cleared
 * @return APR_SUCCESS; other: the store cannot be asked, so that the hub has missed something
 */
apr_status_t llmq_hub_patrol_run(llmq_hub_t *hub, apr_pool_t *scratch);

/**
 * @param hub the hub
 * @return how long it is until the next one: seldom as long as the bus tells of all writers
 */
apr_interval_time_t llmq_hub_patrol_interval(const llmq_hub_t *hub);

#endif /* LLMQ_HUB_PATROL_H */
