/**
 * @file queue_cell.h
 * What became of the messages that were accepted in one minute, by tenant and level: a
 * cell holds the counts and the spread of waits and processing times that have come in
 * since it was opened. An area of the queue's segment; this file knows nothing else of it.
 *
 *            get                    send                    sent
 *   (free) ───────► OPEN ──────────────────► SENDING ─────────────────► (free)
 *                    ▲ │ collects more        │ unchanged while somebody stores it
 *                    └─┘                      └─ stays, if that fails
 *
 * Cells hold differences. What comes in for a minute after its cell was sent opens another
 * one; whoever stores them adds up. All cells that are being sent are one *batch*. Its
 * number only grows, over the end of a segment too, as it is the time when that is
 * larger: whoever finds it stored beside the sums knows that this batch is in them.
 *
 * The area is bounded. When it is full, the two oldest minutes of a tenant and level
 * become one, the later: nothing is lost but the distinction of old minutes. Only when no
 * tenant and level has two is an event not counted, and `lost` says so.
 * @threads whoever holds the queue's lock
 */
#ifndef LLMQ_QUEUE_CELL_H
#define LLMQ_QUEUE_CELL_H

#include "base/histogram.h"
#include "llmq.h"

#include <apr_time.h>

/** What is counted. Differences may be negative: a requeued failure is none any more. */
typedef enum {
    LLMQ_CELL_ACCEPTED,
    LLMQ_CELL_COMPLETED,
    LLMQ_CELL_FAILED,
    LLMQ_CELL_TIMEOUT,
    LLMQ_CELL_REMOVED, /* withdrawn before its end */
    LLMQ_CELL_COUNTS
} llmq_queue_cell_e;

typedef struct llmq_queue_cell_t {
    apr_uint64_t tenant; /* llmq_id_hash() of its name */
    apr_int64_t minute;  /* of acceptance, minutes since 1970 */
    apr_uint32_t next;   /* in its bucket, among the sending or the free; 1-based */
    unsigned char level;
    unsigned char state; /* private */
    apr_int64_t count[LLMQ_CELL_COUNTS];
    llmq_histogram_t waits; /* accepted or due → first taken */
    llmq_histogram_t runs;  /* taken → answered, of those that have ended for good */
} llmq_queue_cell_t;

#define LLMQ_QUEUE_CELL_BUCKETS 256

typedef struct llmq_queue_cells_t {
    apr_uint32_t capacity;
    apr_uint32_t fresh;   /* cells 1…fresh have been used at least once */
    apr_uint32_t free;    /* first of those given back */
    apr_uint32_t sending; /* first of the batch */
    apr_uint32_t sweep; /* bucket from which the next batch, or the next pair, is taken */
    apr_int64_t batch;  /* number of the last one begun */
    apr_time_t since;   /* messages accepted before this were counted by others */
    apr_uint64_t lost;  /* events that were not counted */
    apr_uint32_t bucket[LLMQ_QUEUE_CELL_BUCKETS];
    llmq_queue_cell_t cell[]; /* by index - 1 */
} llmq_queue_cells_t;

/**
 * @param capacity cells (> 0)
 * @return bytes of the area
 * @threads any
 */
apr_size_t llmq_queue_cell_size(apr_uint32_t capacity);

/**
 * @param area     zeroed, llmq_queue_cell_size(capacity) bytes
 * @param capacity cells
 * @param now      the present: counting begins, batches get larger numbers
 * @threads single
 */
void llmq_queue_cell_init(llmq_queue_cells_t *area, apr_uint32_t capacity,
                          apr_time_t now);

/**
 * Make the lists anew from the cells' states, after a death in the midst of a change.
 * @param area the area
 * @threads locked
 */
void llmq_queue_cell_repair(llmq_queue_cells_t *area);

/**
 * Find or open a cell.
 * @param area   the area
 * @param tenant hash of the tenant's name
 * @param level  the message's level
 * @param at     when it was accepted
 * @return the cell, to be changed at once; NULL if there is no room, which is counted
 * @threads locked
 */
llmq_queue_cell_t *llmq_queue_cell_get(llmq_queue_cells_t *area, apr_uint64_t tenant,
                                       apr_uint32_t level, apr_time_t at);

/**
 * Copy the batch that is being sent; begin one if there is none.
 * @param out    at least @a max cells
 * @param pbatch out: its number
 * @param area   the area
 * @param max    most cells of a batch (> 0), the same at each call
 * @param now    the present
 * @return its cells, 0 if there is nothing to send
 * @threads locked
 */
int llmq_queue_cell_send(llmq_queue_cell_t *out, apr_int64_t *pbatch,
                         llmq_queue_cells_t *area, int max, apr_time_t now);

/**
 * A batch is stored: its cells are free.
 * @param area  the area
 * @param batch its number; another one than that being sent changes nothing
 * @threads locked
 */
void llmq_queue_cell_sent(llmq_queue_cells_t *area, apr_int64_t batch);

/**
 * Add another cell's counts and times.
 * @param cell what grows; its key stays
 * @param from what is added
 * @threads any
 */
void llmq_queue_cell_merge(llmq_queue_cell_t *cell, const llmq_queue_cell_t *from);

/**
 * Sum up a tenant's cells since a minute, by level.
 * @param open    out: LLMQ_LEVEL_COUNT cells, by level: those that collect
 * @param sending out: likewise, those that are being sent
 * @param area    the area
 * @param tenant  hash of its name
 * @param since   the first minute
 * @threads locked
 */
void llmq_queue_cell_sum(llmq_queue_cell_t *open, llmq_queue_cell_t *sending,
                         const llmq_queue_cells_t *area, apr_uint64_t tenant,
                         apr_int64_t since);

#endif /* LLMQ_QUEUE_CELL_H */
