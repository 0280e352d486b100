#include "queue/queue_figures.h"

#include "base/clock.h"
#include "queue/queue_lock.h"
#include "queue/queue_stats.h"

#include <string.h>

/* Where the figures of a job's minute are kept; NULL if there is no room, or nobody who
 * would store them. */
static llmq_queue_cell_t *cell_of(llmq_queue_t *q, const llmq_entry_t *e)
{
    return q->header->no_figures
               ? NULL
               : llmq_queue_cell_get(q->cells, e->tenant, e->level, e->put_at);
}

static void count(llmq_queue_t *q, const llmq_entry_t *e, llmq_queue_cell_e what, int n)
{
    llmq_queue_cell_t *cell = cell_of(q, e);

    if (cell)
        cell->count[what] += n;
}

void llmq_queue_figures_put(llmq_queue_t *q, const llmq_entry_t *e, int flags)
{
    if ((flags & LLMQ_PUT_ADMITTED)
        || ((flags & LLMQ_PUT_WALK) && e->attempt == 0 && e->put_at >= q->cells->since))
        count(q, e, LLMQ_CELL_ACCEPTED, 1);
}

void llmq_queue_figures_moved(llmq_queue_t *q, const llmq_entry_t *e, apr_uint32_t level)
{
    llmq_entry_t there = *e;

    there.level = (unsigned char)level;
    count(q, e, LLMQ_CELL_ACCEPTED, -1);
    count(q, &there, LLMQ_CELL_ACCEPTED, 1);
}

void llmq_queue_figures_taken(llmq_queue_t *q, const llmq_entry_t *e,
                              apr_interval_time_t wait)
{
    llmq_queue_cell_t *cell = cell_of(q, e);

    if (cell)
        llmq_histogram_add(&cell->waits, wait);
    llmq_histogram_add_octave(&q->header->level[e->level].waits, wait);
}

void llmq_queue_figures_ended(llmq_queue_t *q, const llmq_entry_t *e, llmq_ack_e how,
                              apr_interval_time_t run)
{
    llmq_queue_cell_t *cell = cell_of(q, e);

    if (cell)
        cell->count[how == LLMQ_ACK_COMPLETED ? LLMQ_CELL_COMPLETED
                    : how == LLMQ_ACK_TIMEOUT ? LLMQ_CELL_TIMEOUT
                                              : LLMQ_CELL_FAILED]++;
    if (run < 0)
        return;
    if (cell)
        llmq_histogram_add(&cell->runs, run);
    llmq_histogram_add_octave(&q->header->level[e->level].runs, run);
}

/* ---- told from outside ---- */

static void end(llmq_queue_t *q, const llmq_entry_t *e, llmq_ack_e how, apr_time_t now)
{
    apr_interval_time_t run = -1;

    if (e->taken_at)
        run = now > e->taken_at ? now - e->taken_at : 0;
    llmq_queue_stats_count(q, e->tenant, e->level, how);
    llmq_queue_figures_ended(q, e, how, run);
}

static void tell(llmq_queue_t *q, const llmq_entry_t *e, llmq_figure_e what,
                 apr_time_t now)
{
    apr_time_t from = e->put_at > e->run_at ? e->put_at : e->run_at;

    switch (what) {
    case LLMQ_FIGURE_CLAIMED:
        if (e->attempt == 0)
            llmq_queue_figures_taken(q, e, now > from ? now - from : 0);
        break;
    case LLMQ_FIGURE_COMPLETED: end(q, e, LLMQ_ACK_COMPLETED, now); break;
    case LLMQ_FIGURE_FAILED: end(q, e, LLMQ_ACK_FAILED, now); break;
    case LLMQ_FIGURE_TIMEOUT: end(q, e, LLMQ_ACK_TIMEOUT, now); break;
    case LLMQ_FIGURE_REMOVED: count(q, e, LLMQ_CELL_REMOVED, 1); break;
    case LLMQ_FIGURE_REVIVED_FAILED: count(q, e, LLMQ_CELL_FAILED, -1); break;
    case LLMQ_FIGURE_REVIVED_TIMEOUT: count(q, e, LLMQ_CELL_TIMEOUT, -1); break;
    case LLMQ_FIGURE_COUNT: break;
    }
}

apr_status_t llmq_queue_figures_tell(llmq_queue_t *q, const llmq_entry_t *e,
                                     llmq_figure_e what)
{
    apr_time_t now = llmq_clock_now();
    apr_status_t rv;

    if (e->level <= LLMQ_LEVEL_NONE || e->level >= LLMQ_LEVEL_COUNT)
        return APR_EINVAL;
    rv = llmq_queue_lock_enter(q);
    if (rv != APR_SUCCESS)
        return rv;
    tell(q, e, what, now);
    llmq_queue_lock_leave(q);
    return APR_SUCCESS;
}

apr_status_t llmq_queue_figures_withdraw(llmq_queue_t *q, const char *id)
{
    llmq_entry_t e;
    apr_status_t rv = llmq_queue_find(&e, q, id);

    if (rv != APR_SUCCESS)
        return rv;
    rv = llmq_queue_cancel(q, id);
    if ((rv == APR_SUCCESS || rv == LLMQ_EBUSY) && !e.canceled)
        llmq_queue_figures_tell(q, &e, LLMQ_FIGURE_REMOVED);
    return rv;
}

/* ---- reading ---- */

apr_status_t llmq_queue_figures_send(llmq_queue_cell_t *out, int *pn, apr_int64_t *pbatch,
                                     llmq_queue_t *q, int max)
{
    apr_time_t now = llmq_clock_now();
    apr_status_t rv = llmq_queue_lock_enter(q);

    if (rv != APR_SUCCESS)
        return rv;
    *pn = llmq_queue_cell_send(out, pbatch, q->cells, max, now);
    llmq_queue_lock_leave(q);
    return APR_SUCCESS;
}

apr_status_t llmq_queue_figures_sent(llmq_queue_t *q, apr_int64_t batch)
{
    apr_status_t rv = llmq_queue_lock_enter(q);

    if (rv != APR_SUCCESS)
        return rv;
    llmq_queue_cell_sent(q->cells, batch);
    llmq_queue_lock_leave(q);
    return APR_SUCCESS;
}

apr_status_t llmq_queue_figures_unstored(llmq_queue_unstored_t *out, llmq_queue_t *q,
                                         apr_uint64_t tenant, apr_int64_t since)
{
    apr_status_t rv = llmq_queue_lock_enter(q);

    if (rv != APR_SUCCESS)
        return rv;
    llmq_queue_cell_sum(out->open, out->sending, q->cells, tenant, since);
    out->batch = q->cells->batch;
    llmq_queue_lock_leave(q);
    return APR_SUCCESS;
}

apr_status_t llmq_queue_figures_times(llmq_queue_times_t *out, llmq_queue_t *q)
{
    apr_status_t rv = llmq_queue_lock_enter(q);
    int l;

    if (rv != APR_SUCCESS)
        return rv;
    memset(out, 0, sizeof(*out));
    LLMQ_EACH_LEVEL (l) {
        out->waits[l] = q->header->level[l].waits;
        out->runs[l] = q->header->level[l].runs;
    }
    out->lost = q->cells->lost;
    llmq_queue_lock_leave(q);
    return APR_SUCCESS;
}
