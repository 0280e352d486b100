/**
 * @file hub_read.h
 * A hub's reading thread: from the store to whoever is not up to date. Private to http/hub*.c.
 */
#ifndef LLMQ_HUB_READ_H
#define LLMQ_HUB_READ_H

#include "http/hub_room.h"

/**
 * Have a thread that reads.
 * @param hub the hub, locked
 * @return APR_SUCCESS; other: it cannot be started
 * @threads locked
 */
apr_status_t llmq_hub_read_start(llmq_hub_t *hub);

/**
 * Wait for the end of the thread; stopping is set.
 * @param hub the hub, not locked
 * @threads single
 */
void llmq_hub_read_join(llmq_hub_t *hub);

#endif /* LLMQ_HUB_READ_H */
