#include "dispatch/tally.h"

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/dispatch_inner.h"
#include "queue/queue_figures.h"
#include "store/store_stat.h"

#include <string.h>

#define INTERVAL       apr_time_from_sec(2)
#define PRUNE_INTERVAL apr_time_from_sec(600)
#define MAX_CELLS      64  /* of a batch: they are copied under the queue's lock */
#define MAX_BATCHES    100 /* of a round: more than the queue has cells for */
#define RESOLUTIONS    2

struct llmq_tally_t {
    llmq_queue_t *queue;
    llmq_store_t *store;
    apr_pool_t *scratch;
    apr_time_t next;
    apr_time_t next_prune;
    apr_uint64_t lost; /* events reported so far */
    llmq_queue_cell_t cells[MAX_CELLS];
    llmq_stat_t stats[MAX_CELLS * RESOLUTIONS];
};

llmq_tally_t *llmq_tally_create(llmq_queue_t *queue, llmq_store_t *store, apr_pool_t *p)
{
    llmq_tally_t *t = apr_pcalloc(p, sizeof(*t));

    t->queue = queue;
    t->store = store;
    t->scratch = llmq_dispatch_inner_pool(p);
    return t->scratch ? t : NULL;
}

/* ---- from cells to sums ---- */

static void to_stat(llmq_stat_t *s, const llmq_queue_cell_t *cell, int resolution)
{
    apr_int64_t second = cell->minute * 60;

    s->tenant = cell->tenant;
    s->level = cell->level;
    s->resolution = resolution;
    s->bucket = second - second % resolution;
    s->accepted = cell->count[LLMQ_CELL_ACCEPTED];
    s->completed = cell->count[LLMQ_CELL_COMPLETED];
    s->failed = cell->count[LLMQ_CELL_FAILED];
    s->timeouts = cell->count[LLMQ_CELL_TIMEOUT];
    s->removed = cell->count[LLMQ_CELL_REMOVED];
    s->waits = cell->waits;
    s->runs = cell->runs;
}

static int is_same(const llmq_stat_t *a, const llmq_stat_t *b)
{
    return a->tenant == b->tenant && a->level == b->level && a->bucket == b->bucket
           && a->resolution == b->resolution;
}

/* Cells of one tenant and level often share their ten minutes. */
static int put_together(llmq_stat_t *stats, int n, const llmq_queue_cell_t *cell,
                        int resolution)
{
    llmq_stat_t *s = &stats[n];
    int i;

    to_stat(s, cell, resolution);
    for (i = 0; i < n; i++) {
        if (is_same(&stats[i], s)) {
            llmq_store_stat_add(&stats[i], s);
            return n;
        }
    }
    return n + 1;
}

static int collect(llmq_tally_t *t, int n_cells)
{
    int n = 0;
    int i;

    for (i = 0; i < n_cells; i++) {
        n = put_together(t->stats, n, &t->cells[i], LLMQ_STAT_MINUTE);
        n = put_together(t->stats, n, &t->cells[i], LLMQ_STAT_TEN);
    }
    return n;
}

/* ---- storing ---- */

/* A batch that is found in the sums was stored by somebody who died before he could tell
 * the queue. */
static apr_status_t add_to_sums(llmq_tally_t *t, int n_cells, apr_int64_t batch)
{
    apr_int64_t stored = 0;
    int n = collect(t, n_cells);
    apr_status_t rv = llmq_store_stat_load(t->stats, n, &stored, t->store, t->scratch);

    if (rv == APR_SUCCESS && stored < batch) {
        rv = llmq_store_stat_save(t->store, t->stats, n, batch, t->scratch);
    }
    apr_pool_clear(t->scratch);
    return rv;
}

static apr_status_t store_batch(llmq_tally_t *t, int *pn)
{
    apr_int64_t batch = 0;
    apr_status_t rv = llmq_queue_figures_send(t->cells, pn, &batch, t->queue, MAX_CELLS);

    if (rv == APR_SUCCESS && *pn > 0) {
        rv = add_to_sums(t, *pn, batch);
        if (rv == APR_SUCCESS) {
            rv = llmq_queue_figures_sent(t->queue, batch);
        }
    }
    return rv;
}

static void report_lost(llmq_tally_t *t)
{
    llmq_queue_times_t times;

    if (llmq_queue_figures_times(&times, t->queue) == APR_SUCCESS
        && times.lost != t->lost) {
        LLMQ_LOG(LLMQ_LOG_WARNING, 0,
                 LLMQ_NO(0720) "the statistics have missed %" APR_UINT64_T_FMT
                               " events: too many tenants while the database was away",
                 times.lost);
        t->lost = times.lost;
    }
}

apr_status_t llmq_tally_flush(llmq_tally_t *t)
{
    apr_status_t rv = APR_SUCCESS;
    int n = MAX_CELLS;
    int i;

    for (i = 0; rv == APR_SUCCESS && n > 0 && i < MAX_BATCHES; i++) {
        rv = store_batch(t, &n);
    }
    report_lost(t);
    return rv;
}

apr_status_t llmq_tally_tick(llmq_tally_t *t)
{
    apr_time_t now = llmq_clock_now();
    apr_status_t rv;

    if (now < t->next) {
        return APR_SUCCESS;
    }
    t->next = now + INTERVAL;
    rv = llmq_tally_flush(t);
    if (rv == APR_SUCCESS && now >= t->next_prune) {
        rv = llmq_store_stat_prune(t->store, now, t->scratch);
        apr_pool_clear(t->scratch);
        if (rv == APR_SUCCESS) {
            t->next_prune = now + PRUNE_INTERVAL;
        }
    }
    return rv;
}
