/**
 * @file store_commit.h
 * Group commit. Request threads hand their rows to a committer of their process and
 * sleep; the committer takes all rows that arrived while it was busy, writes them in one
 * statement and one transaction, and wakes their threads. An idle committer commits at
 * once, a busy one batches by itself: no delay is added unless conf.delay asks for one,
 * and never after a transaction of a single row.
 *
 * What is written, and what each caller hears of it, is the *writer's*: new jobs here
 * (llmq_store_commit_insert()), claims and changes of leases in store_lease.h. Beside its
 * rows a caller hands over a *thing*, a small structure, which the writer may fill in and
 * the caller gets back: so each hears what became of its own rows.
 *
 * A batch that the database refuses is split in halves until the bad call stands alone, so
 * one bad row fails nobody else's. The rows of a caller that gave up waiting may still be
 * written; the caller hears LLMQ_ESTORE, "outcome unknown".
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
    int max_rows;              /* calls of one transaction, > 0 */
    apr_interval_time_t delay; /* wait while fewer than min_rows do; 0 = never */
    int min_rows;
} llmq_commit_conf_t;

/** What a committer does with the rows that it has collected. */
typedef struct llmq_commit_writer_t {
    /**
     * Write them: one statement, one transaction, all or none. May run a second time with
     * a part of them after LLMQ_EROW.
     * @param store  where
     * @param rows   JSON array of all rows
     * @param things what each call came with, in the order of their rows; to be filled in,
     *               on success only
     * @param n      number of calls
     * @param p      scratch
     * @return APR_SUCCESS; LLMQ_EROW a row is refused, none was written; LLMQ_ESTORE
     * @threads the committer thread; under prefork the caller's
     */
    apr_status_t (*write)(llmq_store_t *store, const char *rows, void *const *things,
                          int n, apr_pool_t *p);
    /**
     * Called after rows became durable and before their threads wake, once per
     * transaction. NULL for nothing.
     * @param ctx    of the writer
     * @param things as above
     * @param n      their number
     * @threads as write
     */
    void (*done)(void *ctx, void *const *things, int n);
    /**
     * Frees what a thing holds, when its call failed or its caller has gone. Called exactly
     * once for each call that returns anything but APR_SUCCESS, be it later. NULL for nothing.
     * @param ctx   of the writer
     * @param thing the thing
     * @threads the committer, the caller's
     */
    void (*drop)(void *ctx, void *thing);
    void *ctx;
} llmq_commit_writer_t;

/**
 * @param pc       out
 * @param store    where to write
 * @param conf     settings; copied
 * @param writer   what to write; copied
 * @param threaded non-zero: start the committer thread; 0 (prefork): each call commits by
 *                 itself
 * @param p        pool, as long as the committer; must be destroyed after
 *                 llmq_store_commit_stop()
 * @return APR_SUCCESS; else the thread could not be started
 * @phase child; @threads single
 */
apr_status_t llmq_store_commit_create(llmq_commit_t **pc, llmq_store_t *store,
                                      const llmq_commit_conf_t *conf,
                                      const llmq_commit_writer_t *writer, int threaded,
                                      apr_pool_t *p);

/**
 * Make the rows of one call durable. Blocks for the commit, at most the store's timeout.
 * @param c     the committer
 * @param rows  one JSON object, or several with commas between them that stand and fall
 *              together; copied before this returns or is abandoned
 * @param len   bytes of @a rows
 * @param thing in/out: what the writer is given, filled in when it returns APR_SUCCESS and
 *              dropped else; a copy of @a thing_size bytes travels
 * @param thing_size bytes, at most 256
 * @return APR_SUCCESS durable; LLMQ_EROW the rows are refused; LLMQ_ESTORE the database is
 *         away or too slow; APR_EOF the process is stopping
 * @threads any
 */
apr_status_t llmq_store_commit_write(llmq_commit_t *c, const char *rows, apr_size_t len,
                                     void *thing, apr_size_t thing_size);

/**
 * The writer's function for new jobs: rows are llmq_store_job_row() texts.
 * @param store  where to
 * @param rows   JSON array
 * @param things not looked at
 * @param n      their number
 * @param p      scratch
 * @return as llmq_store_job_insert()
 * @threads the committer
 */
apr_status_t llmq_store_commit_insert(llmq_store_t *store, const char *rows,
                                      void *const *things, int n, apr_pool_t *p);

/** Figures since the start of the process. */
typedef struct llmq_commit_stats_t {
    apr_uint64_t rows; /* calls whose rows were written */
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
 * Commit what waits, then end the thread. Later calls get APR_EOF.
 * @param c the committer
 * @phase child, after its request threads have ended
 */
void llmq_store_commit_stop(llmq_commit_t *c);

#endif /* LLMQ_STORE_COMMIT_H */
