/**
 * @file glue_proc.h
 * Processes that the parent starts: the dispatcher, which it keeps alive, and a short-lived
 * one that migrates the schema (a database handle must not survive a fork, and a SQLite
 * file must belong to the user of the children).
 *
 * Life of dispatchers. post_config starts one. A graceful restart tells the running one to
 * drain and starts another beside it; all that live are on a roll (glue/glue_roll.h). When
 * one dies that nobody told to end, the parent starts it anew at once, or after a growing
 * pause if it did not live for half a second. When the server ends, all are told to stop
 * and waited for.
 */
#ifndef LLMQ_GLUE_PROC_H
#define LLMQ_GLUE_PROC_H

#include "dispatch/dispatch.h"
#include "glue/glue_shm.h"

/** All a dispatcher needs; of the present generation. */
typedef struct llmq_glue_proc_t {
    server_rec *server;
    llmq_glue_shm_t *shm;
    llmq_dispatch_conf_t conf;
} llmq_glue_proc_t;

/**
 * Migrate the schema in a process with the children's user.
 * @return APR_SUCCESS done, or the database is away (logged; it is migrated when it is
 *         back); LLMQ_EVERSION it is newer than this module (logged)
 * @phase post_config
 */
apr_status_t llmq_glue_proc_migrate(const llmq_glue_proc_t *proc, apr_pool_t *ptemp);

/**
 * Start a dispatcher and keep one alive from now on.
 * @param proc  lives as long as @a pconf
 * @param pconf when it is cleared the dispatcher is told to drain
 * @return APR_SUCCESS; else the fork failed (logged)
 * @phase post_config
 */
apr_status_t llmq_glue_proc_start(llmq_glue_proc_t *proc, apr_pool_t *pconf);

#endif /* LLMQ_GLUE_PROC_H */
