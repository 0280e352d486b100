/**
 * @file gateway_conf.h
 * What is set of the gateway (http/gateway.h): for all of its calls, and for each.
 */
#ifndef LLMQ_GATEWAY_CONF_H
#define LLMQ_GATEWAY_CONF_H

#include "core/completion.h"
#include "core/model.h"

typedef struct llmq_gateway_t llmq_gateway_t; /* of one child */

/** Settings. */
typedef struct llmq_gateway_conf_t {
    const char *relay_path; /* of the relay's socket */
    apr_size_t max_pending; /* bytes that may wait for one client of a stream: with half
                                    of it no more are asked for */
    apr_size_t on_the_way;  /* bytes that may come nevertheless */
    apr_size_t max_replay;  /* bytes of an answer that is kept for its key; 0: none */
    const llmq_models_t *models; /* NULL: none */
} llmq_gateway_conf_t;

/** How one request wants to be answered. */
typedef struct llmq_gateway_how_t {
    const llmq_completion_t *request;
    apr_interval_time_t linger; /* the thread waits so long before it lets go; 0: not */
    apr_interval_time_t keep_alive; /* between two signs of life of a stream; 0: none */
    apr_interval_time_t max_wait;   /* in the queue */
    int retry_after;                /* seconds: when to come again */
} llmq_gateway_how_t;

#endif /* LLMQ_GATEWAY_CONF_H */
