/**
 * @file ctl_store.h
 * The database that llmqctl works on. Where it is stands in a file or in the environment,
 * never on the command line, which everybody on the machine can read.
 * @threads single
 */
#ifndef LLMQ_CTL_STORE_H
#define LLMQ_CTL_STORE_H

#include "tools/ctl.h"

/** A connection that is being set up. */
typedef struct llmq_ctl_store_t {
    const char *driver;
    const char *params;
    llmq_store_conf_t conf;
    llmq_store_source_t source;
    llmq_store_t *store;
} llmq_ctl_store_t;

/**
 * Find out where the database is, and make a store on it. Nothing is connected yet.
 * @param db  out
 * @param ctl the call
 * @return LLMQ_CTL_OK; LLMQ_CTL_USAGE or LLMQ_CTL_FAILED after complaining
 */
int llmq_ctl_store_open(llmq_ctl_store_t *db, const llmq_ctl_t *ctl);

/**
 * Complain about a store that failed.
 * @param rv what it has returned
 * @return LLMQ_CTL_FAILED
 */
int llmq_ctl_store_failed(apr_status_t rv);

#endif /* LLMQ_CTL_STORE_H */
