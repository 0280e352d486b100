/**
 * @file store_commit.h
 * Group commit. Request threads hand their rows to the committer of their process and
 * sleep; the committer takes all rows that arrived while it was busy, writes them in one
 * statement and one transaction, tells the queue, and wakes their threads. An idle
 * committer commits at once, a busy one batches by itself: no delay is added unless
 * conf.delay asks for one, and never after a transaction of a single row.
 *
 * A batch that the database refuses is split in halves until the bad row stands alone, so
 * one bad row fails nobody else. The rows of a caller that gave up waiting may still be
 * stored; the caller hears LLMQ_ESTORE, "outcome unknown".
 *
 * (Group commit: DeWitt et al., "Implementation Techniques for Main Memory Database
 * Systems", SIGMOD 1984, section 5.2.)
 */
#ifndef LLMQ_STORE_COMMIT_H
#define LLMQ_STORE_COMMIT_H

#include "store/store_job.h"

typedef struct llmq_commit_t llmq_commit_t;

/** Settings; filled by cfg/. */
typedef struct llmq_commit_conf_t {
    int max_rows;              /* rows of one transaction, > 0 */
    apr_interval_time_t delay; /* wait while fewer than min_rows do; 0 = never */
    int min_rows;
} llmq_commit_conf_t;

/**
 * Called after rows became durable and before their threads wake, once per transaction.
 * @param ctx    of the creator
 * @param things what llmq_store_commit_insert() was given with each row, in stored order
 * @param n      their number
 * @threads the committer thread; under prefork the caller's
 */
typedef void llmq_commit_done_fn_t(void *ctx, void *const *things, int n);

/**
 * @param pc       out
 * @param store    where to write
 * @param conf     settings; copied
 * @param threaded non-zero: start the committer thread; 0 (prefork): each insert commits
 *                 by itself
 * @param done     called as told above; NULL for nothing
 * @param ctx      for @a done
 * @param p        pool, as long as the committer; must be destroyed after
 *                 llmq_store_commit_stop()
 * @return APR_SUCCESS; else the thread could not be started
 * @phase child; @threads single
 */
apr_status_t llmq_store_commit_create(llmq_commit_t **pc, llmq_store_t *store,
                                      const llmq_commit_conf_t *conf, int threaded,
                                      llmq_commit_done_fn_t *done, void *ctx,
                                      apr_pool_t *p);

/**
 * Make one job durable. Blocks for the commit, at most the store's timeout.
 * @param c     the committer
 * @param row   llmq_store_job_row() text; copied before this returns or is abandoned
 * @param len   bytes of @a row
 * @param thing passed to the done function; copied: @a thing_size bytes (<= 256)
 * @param thing_size bytes
 * @return APR_SUCCESS durable; LLMQ_EROW this row is refused; LLMQ_ESTORE the database is
 *         away or too slow; APR_EOF the process is stopping
 * @threads any request thread
 */
apr_status_t llmq_store_commit_insert(llmq_commit_t *c, const char *row, apr_size_t len,
                                      const void *thing, apr_size_t thing_size);

/** Figures since the start of the process. */
typedef struct llmq_commit_stats_t {
    apr_uint64_t rows;
    apr_uint64_t commits;
    apr_uint64_t refused;
} llmq_commit_stats_t;

/**
 * @param stats out
 * @param c     the committer
 * @threads any
 */
void llmq_store_commit_stats(llmq_commit_stats_t *stats, llmq_commit_t *c);

/**
 * Commit what waits, then end the thread. Later inserts get APR_EOF.
 * @param c the committer
 * @phase child, after its request threads have ended
 */
void llmq_store_commit_stop(llmq_commit_t *c);

#endif /* LLMQ_STORE_COMMIT_H */
