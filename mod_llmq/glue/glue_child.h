/**
 * @file glue_child.h
 * What a child of httpd sets up for its request threads, and takes down after them.
 */
#ifndef LLMQ_GLUE_CHILD_H
#define LLMQ_GLUE_CHILD_H

#include "cfg/cfg.h"
#include "glue/glue_shm.h"

/**
 * Make the service of this child: store on mod_dbd's connections, committer, queue. On
 * failure it is logged once and requests are answered with 2003.
 * @param g    the shared things
 * @param conf the dispatcher's settings, of which some are the children's, too; borrowed
 * @param s    the main server
 * @param p    pool of the child; the committer stops before it is destroyed
 * @phase child_init
 */
void llmq_glue_child_init(llmq_glue_shm_t *g, const llmq_dispatch_conf_t *conf,
                          server_rec *s, apr_pool_t *p);

/**
 * This child takes no new connections: event streams end now, so that their clients come
 * back to another one and nothing is waited for.
 * @param graceful non-zero: calls of the gateway are waited for
 * @phase child_stopping
 */
void llmq_glue_child_stopping(int graceful);

#endif /* LLMQ_GLUE_CHILD_H */
