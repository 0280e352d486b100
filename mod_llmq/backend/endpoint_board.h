/**
 * @file endpoint_board.h
 * What is known of the backends, in shared memory: the dispatcher writes, the children read
 * it for their answers. One *record* per backend, found by name, so that its totals outlive
 * a restart; a record of a backend that is configured no more is given to another.
 *
 *     [ writer | record 0 | record 1 | … | record 63 ]
 *
 * Every number is atomic by itself; a reader may see one a moment before another. States
 * and gauges are those of the current dispatcher, the *writer*; one that winds up after a
 * graceful restart only adds to the totals.
 */
#ifndef LLMQ_ENDPOINT_BOARD_H
#define LLMQ_ENDPOINT_BOARD_H

#include "backend/backend.h"
#include "base/histogram.h"
#include "core/balance.h"
#include "core/health.h"

#define LLMQ_ENDPOINT_BOARD_RECORDS LLMQ_BALANCE_MAX

typedef struct llmq_endpoint_board_t llmq_endpoint_board_t;

/** A record as a reader gets it. Times are 0 for never, durations microseconds. */
typedef struct llmq_endpoint_figures_t {
    llmq_health_state_e state;
    int draining;  /* no calls begin */
    int in_flight; /* calls under way */
    int failures_in_row;
    apr_time_t ejected_until;    /* end of the pause of one that is ejected */
    apr_time_t busy_until;       /* as its Retry-After said */
    apr_time_t checked_at;       /* end of the last check */
    int check_ok;                /* of that */
    apr_uint64_t calls;          /* ended, those that say nothing about it not counted */
    apr_uint64_t failures;       /* of those */
    apr_interval_time_t latency; /* moving mean of whole answers */
    apr_interval_time_t first_latency; /* moving mean to the first byte of the body */
    llmq_octaves_t latencies;          /* of whole answers */
    llmq_octaves_t first_latencies;
} llmq_endpoint_figures_t;

/** What the dispatcher tells at once. */
typedef struct llmq_endpoint_gauges_t {
    const llmq_health_t *health;
    int draining;
    int in_flight;
    apr_time_t busy_until;
    apr_interval_time_t latency;
    apr_interval_time_t first_latency;
} llmq_endpoint_gauges_t;

/**
 * @return bytes of shared memory, zeroed before its first use, 64-byte aligned
 * @threads any
 */
apr_size_t llmq_endpoint_board_size(void);

/**
 * Give each backend a record: its own of before, or a free one.
 * @param board    the memory
 * @param backends those configured
 * @param n        their number, at most LLMQ_ENDPOINT_BOARD_RECORDS
 * @phase post_config; @threads single
 */
void llmq_endpoint_board_assign(llmq_endpoint_board_t *board,
                                const llmq_backend_conf_t *const *backends, int n);

/**
 * @param board the board; NULL allowed
 * @param name  of a backend
 * @return its record; -1 if it has none
 * @threads any
 */
int llmq_endpoint_board_find(const llmq_endpoint_board_t *board, const char *name);

/**
 * Become the one whose gauges count.
 * @param board  the board; NULL allowed
 * @param writer a number that no other process has: the pid
 * @threads the dispatcher's first
 */
void llmq_endpoint_board_take(llmq_endpoint_board_t *board, apr_uint32_t writer);

/**
 * Tell states and gauges. Does nothing unless @a writer took the board last.
 * @param board  the board; NULL allowed
 * @param writer who tells
 * @param record of which backend; -1 none
 * @param gauges what
 * @threads any; the caller's lock orders its own
 */
void llmq_endpoint_board_tell(llmq_endpoint_board_t *board, apr_uint32_t writer,
                              int record, const llmq_endpoint_gauges_t *gauges);

/**
 * Count a call that has ended.
 * @param board  the board; NULL allowed
 * @param record of which backend; -1 none
 * @param ok     non-zero if it was answered
 * @param total  how long it took; counted when ok
 * @param first  until the first byte; 0 not known
 * @threads any
 */
void llmq_endpoint_board_count(llmq_endpoint_board_t *board, int record, int ok,
                               apr_interval_time_t total, apr_interval_time_t first);

/**
 * Tell how a check ended.
 * @param board  the board; NULL allowed
 * @param record of which backend; -1 none
 * @param ok     non-zero if it was good
 * @param when   the present
 * @threads any
 */
void llmq_endpoint_board_check(llmq_endpoint_board_t *board, int record, int ok,
                               apr_time_t when);

/**
 * Read a record.
 * @param out    out; the totals of a board that no dispatcher has taken are those of the
 *               last one
 * @param board  the board
 * @param record what llmq_endpoint_board_find() answered
 * @param now    the present
 * @return APR_SUCCESS; APR_NOTFOUND there is no such record: @a out is zeroed
 * @threads any
 */
apr_status_t llmq_endpoint_board_read(llmq_endpoint_figures_t *out,
                                      const llmq_endpoint_board_t *board, int record,
                                      apr_time_t now);

#endif /* LLMQ_ENDPOINT_BOARD_H */
