/**
 * @file glue_limits.h
 * Shared memory about callers: the table of rates, the places of requests that wait, and the
 * roster of workers.
 */
#ifndef LLMQ_GLUE_LIMITS_H
#define LLMQ_GLUE_LIMITS_H

#include "glue/glue_shm.h"

/**
 * Make these areas, or find them again after a restart.
 * @param g the shared things; limiter, ledger, usage_meter, roster, held and n_held are set
 * @param s the main server
 * @return APR_SUCCESS; else it was logged
 * @phase post_config, second pass
 */
apr_status_t llmq_glue_limits_post_config(llmq_glue_shm_t *g, server_rec *s);

#endif /* LLMQ_GLUE_LIMITS_H */
