/**
 * @file glue_dbd.h
 * The store's connections in children: borrowed from mod_dbd's pool, so that DBDMin,
 * DBDKeep, DBDMax and DBDExptime govern them. After a failed connect the process refuses
 * for a second without trying, so a database that is away costs one attempt, and one set
 * of log lines, a second and not one a request.
 */
#ifndef LLMQ_GLUE_DBD_H
#define LLMQ_GLUE_DBD_H

#include "store/store.h"

#include <httpd.h>

/**
 * @param source out
 * @param s      the main server
 * @return APR_SUCCESS; APR_ENOTIMPL mod_dbd is not loaded
 * @phase child_init
 */
apr_status_t llmq_glue_dbd_source(llmq_store_source_t *source, server_rec *s);

#endif /* LLMQ_GLUE_DBD_H */
