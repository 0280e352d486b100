#include "dispatch/registry.h"

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/dispatch_inner.h"
#include "store/store_worker.h"

#include <string.h>

#define INTERVAL       apr_time_from_sec(2)
#define PRUNE_INTERVAL apr_time_from_sec(60)
#define LOG_PAUSE      apr_time_from_sec(60)
#define MAX_ROWS       256 /* of a statement */

struct llmq_registry_t {
    llmq_roster_t *roster;
    const llmq_roster_conf_t *conf;
    llmq_store_t *store;
    apr_pool_t *scratch;
    apr_time_t next;
    apr_time_t next_prune;
    apr_time_t waits_at; /* when claims that wait were told of last */
    int restored;        /* non-zero: all that was stored is in the table */
    apr_uint64_t missed; /* reported so far */
    llmq_roster_row_t rows[MAX_ROWS];
    const llmq_worker_t *workers[MAX_ROWS];
};

llmq_registry_t *llmq_registry_create(llmq_roster_t *roster,
                                      const llmq_roster_conf_t *conf, llmq_store_t *store,
                                      apr_pool_t *p)
{
    llmq_registry_t *g = apr_pcalloc(p, sizeof(*g));

    g->roster = roster;
    g->conf = conf;
    g->store = store;
    g->scratch = llmq_dispatch_inner_pool(p);
    return g->scratch ? g : NULL;
}

/* ---- from the store into the table ---- */

static apr_status_t restore_all(llmq_registry_t *g)
{
    const llmq_worker_filter_t filter = {NULL, llmq_store_conf(g->store)->node};
    llmq_worker_row_t *rows;
    apr_status_t rv;
    int n = 0;
    int i;

    rv = llmq_store_worker_list(&rows, &n, g->store, &filter, g->scratch);
    for (i = 0; rv == APR_SUCCESS && i < n; i++)
        llmq_roster_restore(g->roster, &rows[i].worker);
    g->restored = rv == APR_SUCCESS;
    return rv;
}

/* Of these nothing is stored, or it is in the table by now. */
static void mark_restored(llmq_registry_t *g, int n_keys)
{
    llmq_worker_t nothing;
    int i;

    memset(&nothing, 0, sizeof(nothing));
    for (i = 0; i < n_keys; i++) {
        memcpy(nothing.tenant, g->workers[i]->tenant, sizeof(nothing.tenant));
        memcpy(nothing.id, g->workers[i]->id, sizeof(nothing.id));
        llmq_roster_restore(g->roster, &nothing);
    }
}

/* What the store has of those that became known since the last time, and their records as
 * they are with it. */
static apr_status_t restore_new(llmq_registry_t *g, int n)
{
    llmq_worker_row_t *stored;
    apr_status_t rv;
    int n_stored = 0;
    int n_keys = 0;
    int i;

    for (i = 0; i < n; i++)
        if (!g->rows[i].restored)
            g->workers[n_keys++] = &g->rows[i].worker;
    if (n_keys == 0)
        return APR_SUCCESS;
    rv = llmq_store_worker_load(&stored, &n_stored, g->store, g->workers, n_keys,
                                g->scratch);
    if (rv != APR_SUCCESS)
        return rv;
    for (i = 0; i < n_stored; i++)
        llmq_roster_restore(g->roster, &stored[i].worker);
    mark_restored(g, n_keys);
    for (i = 0; i < n; i++)
        if (!g->rows[i].restored)
            llmq_roster_find(&g->rows[i], g->roster, g->rows[i].worker.tenant,
                             g->rows[i].worker.id);
    return APR_SUCCESS;
}

/* ---- from the table into the store ---- */

static int collect(llmq_registry_t *g, apr_uint32_t *cursor, int waits)
{
    int n = 0;

    while (n < MAX_ROWS && llmq_roster_next(&g->rows[n], g->roster, cursor)) {
        n += g->rows[n].changed || (waits && g->rows[n].worker.waits_until > g->waits_at);
    }
    return n;
}

static apr_status_t save(llmq_registry_t *g, int n, apr_time_t now)
{
    apr_status_t rv;
    int n_saved = 0;
    int i;

    for (i = 0; i < n; i++) {
        llmq_worker_t *w = &g->rows[i].worker;

        w->seen = llmq_worker_sign(w, now);
        if (g->rows[i].restored) /* else it has lost its place meanwhile */
            g->workers[n_saved++] = w;
    }
    if (n_saved == 0)
        return APR_SUCCESS;
    rv = llmq_store_worker_save(g->store, g->workers, n_saved, g->scratch);
    for (i = 0; rv == APR_SUCCESS && i < n; i++)
        llmq_roster_stored(g->roster, &g->rows[i]);
    return rv;
}

static apr_status_t store_changes(llmq_registry_t *g, apr_time_t now)
{
    int waits = now - g->waits_at >= g->conf->timeout / 6;
    apr_uint32_t cursor = 0;
    apr_status_t rv = APR_SUCCESS;
    int n = MAX_ROWS;

    while (rv == APR_SUCCESS && n == MAX_ROWS) {
        n = collect(g, &cursor, waits);
        rv = restore_new(g, n);
        if (rv == APR_SUCCESS)
            rv = save(g, n, now);
        apr_pool_clear(g->scratch);
    }
    if (rv == APR_SUCCESS && waits)
        g->waits_at = now;
    return rv;
}

static void report_missed(llmq_registry_t *g, apr_time_t now)
{
    static apr_uint64_t last;
    llmq_roster_sums_t sums;

    llmq_roster_sum(&sums, g->roster, NULL, now);
    if (sums.missed != g->missed && llmq_log_once_per(&last, LOG_PAUSE)) {
        LLMQ_LOG(LLMQ_LOG_WARNING, 0,
                 LLMQ_NO(0750) "there are more workers than LLMQMaxWorkers allows for: "
                               "%" APR_UINT64_T_FMT " of their calls were not counted",
                 sums.missed - g->missed);
        g->missed = sums.missed;
    }
}

apr_status_t llmq_registry_flush(llmq_registry_t *g)
{
    apr_status_t rv = APR_SUCCESS;
    apr_time_t now = llmq_clock_now();

    if (!g->roster)
        return APR_SUCCESS;
    apr_pool_clear(g->scratch);
    if (!g->restored)
        rv = restore_all(g);
    if (rv == APR_SUCCESS)
        rv = store_changes(g, now);
    report_missed(g, now);
    return rv;
}

static apr_status_t prune(llmq_registry_t *g, apr_time_t now)
{
    apr_interval_time_t interval = g->conf->retention / 4;
    apr_time_t before = now - g->conf->retention;
    apr_status_t rv = llmq_store_worker_prune(g->store, before, g->scratch);

    apr_pool_clear(g->scratch);
    if (rv == APR_SUCCESS) {
        llmq_roster_forget(g->roster, before);
        g->next_prune = now + (interval < PRUNE_INTERVAL ? interval : PRUNE_INTERVAL);
    }
    return rv;
}

apr_status_t llmq_registry_tick(llmq_registry_t *g)
{
    apr_time_t now = llmq_clock_now();
    apr_status_t rv;

    if (!g->roster || now < g->next)
        return APR_SUCCESS;
    g->next = now + INTERVAL;
    rv = llmq_registry_flush(g);
    return rv == APR_SUCCESS && now >= g->next_prune ? prune(g, now) : rv;
}
