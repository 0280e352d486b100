/**
 * @file store_watch.h
 * A bound for calls into a database that has stopped answering. libpq waits for ever for a
 * server that is there but silent (stopped, paused, its host gone), and apr_dbd has no
 * time-outs; so one thread of each store looks twice a second for calls that are overdue
 * and shuts their socket down, upon which libpq reports a lost connection. SQLite has no
 * socket, its calls are not watched.
 *
 * Lock: watch->lock guards the list; a call leaves the list before its socket can be
 * closed, so a descriptor that was reused is never hit.
 */
#ifndef LLMQ_STORE_WATCH_H
#define LLMQ_STORE_WATCH_H

#include "store/store.h"

#include <apr_ring.h>

typedef struct llmq_store_watch_t llmq_store_watch_t;

/** A call under way; on the caller's stack. */
typedef struct llmq_store_watched_t {
    APR_RING_ENTRY(llmq_store_watched_t) link;
    apr_time_t deadline;
    int fd; /* -1: not watched */
} llmq_store_watched_t;

/**
 * Start watching.
 * @param pw out: the watch
 * @param p  pool, as long as the watch; destroying it ends the thread
 * @return APR_SUCCESS; else the thread could not be started
 * @threads single
 */
apr_status_t llmq_store_watch_create(llmq_store_watch_t **pw, apr_pool_t *p);

/**
 * A call begins.
 * @param w     the watch
 * @param call  out: its record, until llmq_store_watch_end()
 * @param db    the connection that it uses
 * @param limit how long it may take
 * @threads any
 */
void llmq_store_watch_begin(llmq_store_watch_t *w, llmq_store_watched_t *call,
                            const llmq_dbd_t *db, apr_interval_time_t limit);

/**
 * The call has ended.
 * @param w    the watch
 * @param call its record
 * @threads the one that began it
 */
void llmq_store_watch_end(llmq_store_watch_t *w, llmq_store_watched_t *call);

#endif /* LLMQ_STORE_WATCH_H */
