/**
 * @file hub_conf.h
 * What is set of a child's hub (http/hub.h).
 */
#ifndef LLMQ_HUB_CONF_H
#define LLMQ_HUB_CONF_H

#include <apr_time.h>

typedef struct llmq_hub_t llmq_hub_t;

/** Settings; filled by cfg/. */
typedef struct llmq_hub_conf_t {
    apr_interval_time_t poll;        /* how often the store is asked for what other nodes
                                        have written, where nobody tells */
    apr_interval_time_t poll_seldom; /* how often else */
    apr_size_t buffer;               /* bytes that may wait for a client */
} llmq_hub_conf_t;

#endif /* LLMQ_HUB_CONF_H */
