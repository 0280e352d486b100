/**
 * @file agent.h
 * Who answers in sessions: a backend, and how often it is asked. Filled by cfg/, read-only
 * afterwards.
 */
#ifndef LLMQ_AGENT_H
#define LLMQ_AGENT_H

#include "backend/backend.h"

typedef struct llmq_agent_conf_t {
    llmq_backend_conf_t to; /* its name is the agent's */
    llmq_retry_conf_t retry;
    int max_retries;
} llmq_agent_conf_t;

#endif /* LLMQ_AGENT_H */
