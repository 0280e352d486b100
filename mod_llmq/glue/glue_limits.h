/**
 * @file glue_limits.h
 * Shared memory of what limits callers: the table of rates and the places of requests that
 * wait.
 */
#ifndef LLMQ_GLUE_LIMITS_H
#define LLMQ_GLUE_LIMITS_H

#include "glue/glue_shm.h"

/**
 * Make both areas, or find them again after a restart.
 * @param g the shared things; limiter, held and n_held are set
 * @param s the main server
 * @return APR_SUCCESS; else it was logged
 * @phase post_config, second pass
 */
apr_status_t llmq_glue_limits_post_config(llmq_glue_shm_t *g, server_rec *s);

#endif /* LLMQ_GLUE_LIMITS_H */
