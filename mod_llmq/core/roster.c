#include "core/roster.h"

#include "core/roster_table.h"

#include <string.h>

apr_size_t llmq_roster_size(int max)
{
    return sizeof(llmq_roster_t) + (apr_size_t)max * sizeof(llmq_roster_place_t)
           + (apr_size_t)llmq_roster_table_buckets(max) * sizeof(_Atomic(apr_uint32_t));
}

llmq_roster_t *llmq_roster_init(void *memory, int max, apr_interval_time_t timeout)
{
    llmq_roster_t *r = memory;

    if (r->max && r->max != (apr_uint32_t)max) {
        memset(r, 0, llmq_roster_size(max)); /* fresh pages are zero, leave them alone */
    }
    r->max = (apr_uint32_t)max;
    r->buckets = llmq_roster_table_buckets(max);
    atomic_store(&r->timeout, timeout);
    return r;
}

/* ---- what workers do ---- */

/* His place, locked; NULL if nobody is to be counted. */
static llmq_roster_place_t *enter(llmq_roster_t *r, const char *tenant,
                                  const char *worker, apr_time_t now)
{
    llmq_roster_place_t *pl;

    if (!r || !worker || !*worker || strlen(worker) > LLMQ_NAME_MAX) {
        return NULL;
    }
    pl = llmq_roster_table_find(r, tenant, worker);
    pl = pl ? pl : llmq_roster_table_make(r, tenant, worker, now);
    if (!pl) {
        atomic_fetch_add(&r->missed, 1);
    }
    return pl;
}

static void leave(llmq_roster_place_t *pl)
{
    pl->version++;
    llmq_spin_unlock(&pl->lock);
}

static void touch(llmq_roster_t *r, llmq_worker_t *w, apr_time_t now)
{
    if (!w->seen || llmq_worker_has_stopped(w, now, atomic_load(&r->timeout))) {
        w->started = now;
    }
    if (now > w->seen) {
        w->seen = now;
    }
}

void llmq_roster_seen(llmq_roster_t *r, const char *tenant, const char *worker,
                      apr_time_t now)
{
    llmq_roster_place_t *pl = enter(r, tenant, worker, now);

    if (pl) {
        touch(r, &pl->worker, now);
        leave(pl);
    }
}

void llmq_roster_waits(llmq_roster_t *r, const char *tenant, const char *worker,
                       apr_time_t until, apr_time_t now)
{
    llmq_roster_place_t *pl = enter(r, tenant, worker, now);

    if (pl) {
        touch(r, &pl->worker, now);
        pl->worker.waits_until = until > now ? until : 0;
        leave(pl);
    }
}

/* @a n tasks more, of leases until then; with none, at least one must be there. */
static void hold(llmq_worker_t *w, int n, apr_time_t until, apr_time_t now)
{
    if (now >= w->holds_until) {
        w->tasks = 0;
    }
    w->tasks += (apr_uint32_t)n;
    if (w->tasks == 0) {
        w->tasks = 1;
    }
    if (until > w->holds_until) {
        w->holds_until = until;
    }
}

void llmq_roster_claimed(llmq_roster_t *r, const char *tenant, const char *worker, int n,
                         apr_time_t until, apr_time_t now)
{
    llmq_roster_place_t *pl = enter(r, tenant, worker, now);

    if (r) {
        atomic_fetch_add(&r->deliveries, (apr_uint64_t)n);
    }
    if (pl) {
        touch(r, &pl->worker, now);
        hold(&pl->worker, n, until, now);
        pl->worker.waits_until = 0;
        leave(pl);
    }
}

void llmq_roster_renewed(llmq_roster_t *r, const char *tenant, const char *worker,
                         apr_time_t until, apr_time_t now)
{
    llmq_roster_place_t *pl = enter(r, tenant, worker, now);

    if (pl) {
        touch(r, &pl->worker, now);
        hold(&pl->worker, 0, until, now);
        leave(pl);
    }
}

static void count_end(llmq_worker_t *w, llmq_worker_end_t end)
{
    if (w->tasks > 0) {
        w->tasks--;
    }
    switch (end.how) {
    case LLMQ_WORKER_SUCCEEDED: w->succeeded++; break;
    case LLMQ_WORKER_FAILED:
    case LLMQ_WORKER_EXPIRED: w->failed++; break;
    case LLMQ_WORKER_RELEASED:
    case LLMQ_WORKER_CANCELED:
    case LLMQ_WORKER_ENDS: return;
    }
    w->busy += end.took > 0 ? end.took : 0;
}

void llmq_roster_ended(llmq_roster_t *r, const char *tenant, const char *worker,
                       llmq_worker_end_t end, apr_time_t now)
{
    llmq_roster_place_t *pl = enter(r, tenant, worker, now);

    if (r) {
        atomic_fetch_add(&r->ends[end.how], 1);
    }
    if (!pl) {
        return;
    }
    if (end.how != LLMQ_WORKER_EXPIRED && end.how != LLMQ_WORKER_CANCELED) {
        touch(r, &pl->worker, now);
    }
    count_end(&pl->worker, end);
    leave(pl);
}

/* ---- what is known ---- */

static void copy(llmq_roster_row_t *row, llmq_roster_t *r, const llmq_roster_place_t *pl)
{
    row->worker = pl->worker;
    row->restored = pl->restored;
    row->changed = pl->version != pl->stored;
    row->version = pl->version;
    row->place = (apr_uint32_t)(pl - r->place) + 1;
}

int llmq_roster_next(llmq_roster_row_t *row, llmq_roster_t *r, apr_uint32_t *cursor)
{
    while (r && *cursor < atomic_load(&r->used)) {
        llmq_roster_place_t *pl = &r->place[(*cursor)++];
        int known;

        if (!atomic_load(&pl->hash)) {
            continue;
        }
        llmq_spin_lock(&pl->lock);
        known = atomic_load(&pl->hash) != 0;
        if (known) {
            copy(row, r, pl);
        }
        llmq_spin_unlock(&pl->lock);
        if (known) {
            return 1;
        }
    }
    return 0;
}

apr_status_t llmq_roster_find(llmq_roster_row_t *row, llmq_roster_t *r,
                              const char *tenant, const char *worker)
{
    llmq_roster_place_t *pl = r ? llmq_roster_table_find(r, tenant, worker) : NULL;

    if (!pl) {
        return APR_NOTFOUND;
    }
    copy(row, r, pl);
    llmq_spin_unlock(&pl->lock);
    return APR_SUCCESS;
}

void llmq_roster_sum(llmq_roster_sums_t *sums, llmq_roster_t *r, const char *tenant,
                     apr_time_t now)
{
    llmq_roster_row_t row;
    apr_uint32_t cursor = 0;
    int i;

    memset(sums, 0, sizeof(*sums));
    if (!r) {
        return;
    }
    while (llmq_roster_next(&row, r, &cursor)) {
        if (!tenant || strcmp(row.worker.tenant, tenant) == 0) {
            sums->workers[llmq_worker_state(&row.worker, now,
                                            atomic_load(&r->timeout))]++;
        }
    }
    for (i = 0; i < LLMQ_WORKER_ENDS; i++) {
        sums->ends[i] = atomic_load(&r->ends[i]);
    }
    sums->deliveries = atomic_load(&r->deliveries);
    sums->missed = atomic_load(&r->missed);
}

/* ---- the store's side ---- */

/* Of one that this server has seen already only the past is added. */
static void add_stored(llmq_roster_t *r, llmq_worker_t *w, const llmq_worker_t *stored)
{
    apr_interval_time_t timeout = atomic_load(&r->timeout);

    w->succeeded += stored->succeeded;
    w->failed += stored->failed;
    w->busy += stored->busy;
    if (stored->started && (!w->seen || w->started - stored->seen < timeout)) {
        w->started = stored->started;
    }
    if (stored->seen > w->seen) {
        w->seen = stored->seen;
    }
}

void llmq_roster_restore(llmq_roster_t *r, const llmq_worker_t *stored)
{
    llmq_roster_place_t *pl = NULL;

    if (r && stored->id[0]) {
        pl = llmq_roster_table_find(r, stored->tenant, stored->id);
        pl = pl ? pl : llmq_roster_table_make(r, stored->tenant, stored->id, 0);
    }
    if (!pl) {
        return;
    }
    if (!pl->restored) {
        pl->restored = 1;
        add_stored(r, &pl->worker, stored);
    }
    llmq_spin_unlock(&pl->lock);
}

void llmq_roster_stored(llmq_roster_t *r, const llmq_roster_row_t *row)
{
    llmq_roster_place_t *pl = &r->place[row->place - 1];

    llmq_spin_lock(&pl->lock);
    if (atomic_load(&pl->hash) && strcmp(pl->worker.id, row->worker.id) == 0
        && strcmp(pl->worker.tenant, row->worker.tenant) == 0) {
        pl->stored = row->version;
    }
    llmq_spin_unlock(&pl->lock);
}

void llmq_roster_forget(llmq_roster_t *r, apr_time_t before)
{
    if (r) {
        llmq_roster_table_forget(r, before);
    }
}
