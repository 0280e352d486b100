/**
 * @file queue_figures.h
 * Figures of the queue beside the present counts: what became of the messages of each
 * minute (queue_cell.h), and how long they waited and took since the queue was made. The
 * queue counts what it sees by itself; what happens to a job outside of it is told.
 *
 * A message is counted as accepted when it is put for the first time: with the place it
 * was admitted to, or by a walk that finds it stored after the queue was made, untouched
 * and never put (its process died in between).
 */
#ifndef LLMQ_QUEUE_FIGURES_H
#define LLMQ_QUEUE_FIGURES_H

#include "queue/queue.h"
#include "queue/queue_cell.h"

/** What happened to a job that the queue did not see. */
typedef enum {
    LLMQ_FIGURE_CLAIMED, /* taken by an outside processor; its first attempt waits no more */
    LLMQ_FIGURE_COMPLETED, /* ended, as told from outside */
    LLMQ_FIGURE_FAILED,
    LLMQ_FIGURE_TIMEOUT,
    LLMQ_FIGURE_REMOVED,         /* withdrawn before its end, whoever held it */
    LLMQ_FIGURE_REVIVED_FAILED,  /* had ended as failed, is pending again */
    LLMQ_FIGURE_REVIVED_TIMEOUT, /* likewise, as timeout */
    LLMQ_FIGURE_COUNT
} llmq_figure_e;

/**
 * Count what happened to a job outside of the queue. llmq_queue_job_tell() spares its
 * callers the entry.
 * @param q    the queue
 * @param e    tenant, level, attempt, put_at, run_at and, for ends, taken_at are read;
 *             an end without taken_at has no processing time
 * @param what what happened
 * @return APR_SUCCESS; APR_EINVAL no such level; APR_EINCOMPLETE damaged
 * @threads any
 */
apr_status_t llmq_queue_figures_tell(llmq_queue_t *q, const llmq_entry_t *e,
                                     llmq_figure_e what);

/**
 * llmq_queue_cancel() of a job that the store has removed: an entry that leaves, or is
 * marked, counts as withdrawn.
 * @param q  the queue
 * @param id which
 * @return as llmq_queue_cancel()
 * @threads any
 */
apr_status_t llmq_queue_figures_withdraw(llmq_queue_t *q, const char *id);

/**
 * llmq_queue_cell_send() under the lock.
 * @param out    at least @a max cells
 * @param pn     out: their number, 0 if there is nothing to store
 * @param pbatch out: the batch
 * @param q      the queue
 * @param max    most cells of a batch
 * @return APR_SUCCESS; APR_EINCOMPLETE damaged
 * @threads the dispatcher
 */
apr_status_t llmq_queue_figures_send(llmq_queue_cell_t *out, int *pn, apr_int64_t *pbatch,
                                     llmq_queue_t *q, int max);

/**
 * llmq_queue_cell_sent() under the lock.
 * @param q     the queue
 * @param batch what was stored
 * @return APR_SUCCESS; APR_EINCOMPLETE damaged
 * @threads the dispatcher
 */
apr_status_t llmq_queue_figures_sent(llmq_queue_t *q, apr_int64_t batch);

/** What is not stored yet, of one tenant. */
typedef struct llmq_queue_unstored_t {
    llmq_queue_cell_t open[LLMQ_LEVEL_COUNT];    /* by level */
    llmq_queue_cell_t sending[LLMQ_LEVEL_COUNT]; /* in the batch that is being stored */
    apr_int64_t batch;                           /* the last one begun */
} llmq_queue_unstored_t;

/**
 * @param out    out
 * @param q      the queue
 * @param tenant hash of its name
 * @param since  first minute of acceptance, minutes since 1970
 * @return APR_SUCCESS; APR_EINCOMPLETE damaged
 * @threads any
 */
apr_status_t llmq_queue_figures_unstored(llmq_queue_unstored_t *out, llmq_queue_t *q,
                                         apr_uint64_t tenant, apr_int64_t since);

/** Since the queue was made. */
typedef struct llmq_queue_times_t {
    llmq_octaves_t waits[LLMQ_LEVEL_COUNT]; /* by level; slot 0 stays empty */
    llmq_octaves_t runs[LLMQ_LEVEL_COUNT];
    apr_uint64_t lost; /* events that found no room among the cells */
} llmq_queue_times_t;

/**
 * @param out out
 * @param q   the queue
 * @return APR_SUCCESS; APR_EINCOMPLETE damaged
 * @threads any
 */
apr_status_t llmq_queue_figures_times(llmq_queue_times_t *out, llmq_queue_t *q);

/* ---- of the queue's own files ---- */

/**
 * An entry was put.
 * @param q     the queue
 * @param e     the entry
 * @param flags of llmq_queue_put()
 * @threads locked
 */
void llmq_queue_figures_put(llmq_queue_t *q, const llmq_entry_t *e, int flags);

/**
 * An entry is taken for the first time.
 * @param q    the queue
 * @param e    the entry
 * @param wait how long it waited
 * @threads locked
 */
void llmq_queue_figures_taken(llmq_queue_t *q, const llmq_entry_t *e,
                              apr_interval_time_t wait);

/**
 * An entry has ended for good.
 * @param q   the queue
 * @param e   the entry
 * @param how COMPLETED, FAILED or TIMEOUT
 * @param run how long its last attempt took; negative if that is unknown
 * @threads locked
 */
void llmq_queue_figures_ended(llmq_queue_t *q, const llmq_entry_t *e, llmq_ack_e how,
                              apr_interval_time_t run);

/**
 * An entry goes to another level: it was accepted there.
 * @param q    the queue
 * @param e    the entry, in its level of before
 * @param level where it goes
 * @threads locked
 */
void llmq_queue_figures_moved(llmq_queue_t *q, const llmq_entry_t *e, apr_uint32_t level);

#endif /* LLMQ_QUEUE_FIGURES_H */
