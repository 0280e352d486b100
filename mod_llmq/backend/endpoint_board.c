#include "backend/endpoint_board.h"

#include "llmq.h"

#include <apr_strings.h>

#include <stdatomic.h>
#include <string.h>

/* What is shared between processes must need no lock of one process. */
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics without locks");

typedef _Atomic(apr_int64_t) number_t;

typedef struct {
    number_t count;
    number_t sum;
    number_t octave[LLMQ_HISTOGRAM_OCTAVES];
} spread_t;

typedef struct {
    char name[LLMQ_NAME_MAX + 1]; /* "": free; written by the parent only */
    number_t cause;               /* llmq_health_cause_e */
    number_t until;
    number_t failures_in_row;
    number_t draining;
    number_t in_flight;
    number_t busy_until;
    number_t checked_at;
    number_t check_ok;
    number_t calls;
    number_t failures;
    number_t latency;
    number_t first_latency;
    spread_t latencies;
    spread_t first_latencies;
} record_t;

struct llmq_endpoint_board_t {
    number_t writer;
    record_t record[LLMQ_ENDPOINT_BOARD_RECORDS];
};

#define GET(n)    atomic_load_explicit(&(n), memory_order_relaxed)
#define SET(n, x) atomic_store_explicit(&(n), (apr_int64_t)(x), memory_order_relaxed)
#define ADD(n, x) atomic_fetch_add_explicit(&(n), (apr_int64_t)(x), memory_order_relaxed)

apr_size_t llmq_endpoint_board_size(void)
{
    return sizeof(llmq_endpoint_board_t);
}

/* ---- the parent ---- */

static int is_configured(const llmq_backend_conf_t *const *backends, int n,
                         const char *name)
{
    int i;

    for (i = 0; i < n; i++) {
        if (strcmp(backends[i]->name, name) == 0) {
            return 1;
        }
    }
    return 0;
}

static void give_record(llmq_endpoint_board_t *board, const char *name)
{
    int i = llmq_endpoint_board_find(board, "");

    if (i >= 0) {
        apr_cpystrn(board->record[i].name, name, sizeof(board->record[i].name));
    }
}

void llmq_endpoint_board_assign(llmq_endpoint_board_t *board,
                                const llmq_backend_conf_t *const *backends, int n)
{
    int i;

    for (i = 0; i < LLMQ_ENDPOINT_BOARD_RECORDS; i++) {
        if (!is_configured(backends, n, board->record[i].name)) {
            memset(&board->record[i], 0, sizeof(board->record[i]));
        }
    }
    for (i = 0; i < n; i++) {
        if (llmq_endpoint_board_find(board, backends[i]->name) < 0) {
            give_record(board, backends[i]->name);
        }
    }
}

int llmq_endpoint_board_find(const llmq_endpoint_board_t *board, const char *name)
{
    int i;

    for (i = 0; board && i < LLMQ_ENDPOINT_BOARD_RECORDS; i++) {
        if (strcmp(board->record[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* ---- the dispatcher ---- */

void llmq_endpoint_board_take(llmq_endpoint_board_t *board, apr_uint32_t writer)
{
    if (board) {
        SET(board->writer, writer);
    }
}

static record_t *record_of(llmq_endpoint_board_t *board, int record)
{
    return board && record >= 0 && record < LLMQ_ENDPOINT_BOARD_RECORDS
               ? &board->record[record]
               : NULL;
}

void llmq_endpoint_board_tell(llmq_endpoint_board_t *board, apr_uint32_t writer,
                              int record, const llmq_endpoint_gauges_t *gauges)
{
    record_t *r = record_of(board, record);

    if (!r || GET(board->writer) != writer) {
        return;
    }
    SET(r->cause, gauges->health->cause);
    SET(r->until, gauges->health->until);
    SET(r->failures_in_row, gauges->health->failures);
    SET(r->draining, gauges->draining);
    SET(r->in_flight, gauges->in_flight);
    SET(r->busy_until, gauges->busy_until);
    SET(r->latency, gauges->latency);
    SET(r->first_latency, gauges->first_latency);
}

static void spread(spread_t *s, apr_interval_time_t d)
{
    ADD(s->count, 1);
    ADD(s->sum, d > 0 ? d : 0);
    ADD(s->octave[llmq_histogram_octave(llmq_histogram_index(d))], 1);
}

void llmq_endpoint_board_count(llmq_endpoint_board_t *board, int record, int ok,
                               apr_interval_time_t total, apr_interval_time_t first)
{
    record_t *r = record_of(board, record);

    if (!r) {
        return;
    }
    ADD(r->calls, 1);
    ADD(r->failures, !ok);
    if (ok) {
        spread(&r->latencies, total);
    }
    if (ok && first > 0) {
        spread(&r->first_latencies, first);
    }
}

void llmq_endpoint_board_check(llmq_endpoint_board_t *board, int record, int ok,
                               apr_time_t when)
{
    record_t *r = record_of(board, record);

    if (r) {
        SET(r->check_ok, ok != 0);
        SET(r->checked_at, when);
    }
}

/* ---- readers ---- */

static void read_spread(llmq_octaves_t *out, const spread_t *s)
{
    int i;

    out->count = (apr_uint64_t)GET(s->count);
    out->sum = GET(s->sum);
    for (i = 0; i < LLMQ_HISTOGRAM_OCTAVES; i++) {
        out->octave[i] = (apr_uint64_t)GET(s->octave[i]);
    }
}

apr_status_t llmq_endpoint_board_read(llmq_endpoint_figures_t *out,
                                      const llmq_endpoint_board_t *board, int record,
                                      apr_time_t now)
{
    const record_t *r;
    llmq_health_t health = {0};

    memset(out, 0, sizeof(*out));
    if (!board || record < 0 || record >= LLMQ_ENDPOINT_BOARD_RECORDS) {
        return APR_NOTFOUND;
    }
    r = &board->record[record];
    health.cause = (llmq_health_cause_e)GET(r->cause);
    health.until = GET(r->until);
    out->state = llmq_health_state(&health, now);
    out->ejected_until = out->state == LLMQ_HEALTH_EJECTED ? health.until : 0;
    out->draining = (int)GET(r->draining);
    out->in_flight = (int)GET(r->in_flight);
    out->failures_in_row = (int)GET(r->failures_in_row);
    out->busy_until = GET(r->busy_until);
    out->checked_at = GET(r->checked_at);
    out->check_ok = (int)GET(r->check_ok);
    out->calls = (apr_uint64_t)GET(r->calls);
    out->failures = (apr_uint64_t)GET(r->failures);
    out->latency = GET(r->latency);
    out->first_latency = GET(r->first_latency);
    read_spread(&out->latencies, &r->latencies);
    read_spread(&out->first_latencies, &r->first_latencies);
    return APR_SUCCESS;
}
