/**
 * @file glue_relay.h
 * The relay's place in the server (bus/relay.h): the listening socket, made once by the parent
 * and found again after a graceful restart, so that children reach whichever dispatcher
 * there is; and the relay as the dispatcher reaches those who listen.
 *
 * The socket is `llmq-relay.PID` below DefaultRuntimeDir, the children's user's alone. It goes
 * with the server; what a killed server has left is removed by the next one.
 */
#ifndef LLMQ_GLUE_RELAY_H
#define LLMQ_GLUE_RELAY_H

#include "dispatch/dispatch.h"
#include "glue/glue_shm.h"

/**
 * Make the socket, or find it again after a restart.
 * @param g the shared things; g->relay_fd and g->relay_path are set
 * @param s the main server
 * @return APR_SUCCESS; else it was logged
 * @phase post_config, second pass
 */
apr_status_t llmq_glue_relay_post_config(llmq_glue_shm_t *g, server_rec *s);

/**
 * @param g           the shared things
 * @param max_pending bytes that may wait for one listener
 * @param p           pool of the configuration
 * @return what the dispatcher of this generation reaches listeners by
 * @phase post_config, after llmq_glue_relay_post_config(); @threads single
 */
const llmq_dispatch_ears_t *llmq_glue_relay_ears(const llmq_glue_shm_t *g,
                                                 apr_size_t max_pending, apr_pool_t *p);

#endif /* LLMQ_GLUE_RELAY_H */
