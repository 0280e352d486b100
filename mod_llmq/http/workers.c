#include "http/workers.h"

#include "store/store_worker.h"

#include <apr_hash.h>
#include <apr_tables.h>

#include <stdlib.h>
#include <string.h>

typedef struct {
    apr_array_header_t *views; /* llmq_workers_view_t * */
    apr_hash_t *by_name;
} gathering_t;

static llmq_workers_view_t *find(gathering_t *g, const char *name)
{
    return apr_hash_get(g->by_name, name, APR_HASH_KEY_STRING);
}

/* What several nodes have heard of a worker adds up; it lives where it was heard last. */
static llmq_workers_view_t *add(gathering_t *g, const llmq_worker_t *w)
{
    llmq_workers_view_t *view = find(g, w->id);

    if (!view) {
        view = apr_pcalloc(g->views->pool, sizeof(*view));
        view->worker = *w;
        view->latest = "";
        APR_ARRAY_PUSH(g->views, llmq_workers_view_t *) = view;
        apr_hash_set(g->by_name, view->worker.id, APR_HASH_KEY_STRING, view);
        return view;
    }
    view->worker.succeeded += w->succeeded;
    view->worker.failed += w->failed;
    view->worker.busy += w->busy;
    if (w->started && (!view->worker.started || w->started < view->worker.started)) {
        view->worker.started = w->started;
    }
    if (w->seen > view->worker.seen) {
        view->worker.seen = w->seen;
    }
    return view;
}

static void add_known(gathering_t *g, llmq_roster_t *roster, const char *tenant,
                      apr_time_t now)
{
    llmq_roster_row_t known;
    apr_uint32_t cursor = 0;

    while (llmq_roster_next(&known, roster, &cursor)) {
        if (strcmp(known.worker.tenant, tenant) == 0) {
            known.worker.seen = llmq_worker_sign(&known.worker, now);
            add(g, &known.worker)->whole = known.restored;
        }
    }
}

/* The store is read before the table: a worker whose counts lacked then what is stored of
 * it has it in its row, which was written before this server heard of it. */
static apr_status_t add_all(gathering_t *g, const llmq_service_t *service,
                            const char *tenant, apr_time_t now, apr_pool_t *p)
{
    const llmq_worker_filter_t filter = {tenant, NULL};
    llmq_worker_row_t *rows;
    int n = 0;
    int i;
    apr_status_t rv = llmq_store_worker_list(&rows, &n, service->store, &filter, p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    add_known(g, service->roster, tenant, now);
    for (i = 0; i < n; i++) {
        const llmq_workers_view_t *view = find(g, rows[i].worker.id);

        if (!rows[i].ours || !view || !view->whole) {
            add(g, &rows[i].worker);
        }
    }
    return APR_SUCCESS;
}

static apr_status_t add_hands(gathering_t *g, const llmq_service_t *service,
                              const char *tenant, apr_pool_t *p)
{
    llmq_worker_hand_t *hands;
    int n = 0;
    int i;
    apr_status_t rv = llmq_store_worker_hands(&hands, &n, service->store, tenant, p);

    for (i = 0; rv == APR_SUCCESS && i < n; i++) {
        llmq_workers_view_t *view = find(g, hands[i].worker);

        if (view) {
            view->holds = hands[i].count;
            view->latest = hands[i].latest;
        }
    }
    return rv;
}

static int by_name(const void *a, const void *b)
{
    const llmq_workers_view_t *const *x = a;
    const llmq_workers_view_t *const *y = b;

    return strcmp((*x)->worker.id, (*y)->worker.id);
}

/* A claim on the store is the truth of who is busy; who is silent has stopped, whatever he
 * holds. */
static llmq_worker_e state_of(const llmq_workers_view_t *view, apr_time_t now,
                              apr_interval_time_t timeout)
{
    if (now - view->worker.seen >= timeout) {
        return LLMQ_WORKER_STOPPED;
    }
    return view->holds > 0 ? LLMQ_WORKER_BUSY : LLMQ_WORKER_IDLE;
}

apr_status_t llmq_workers_gather(llmq_workers_t *workers, const llmq_service_t *service,
                                 const char *tenant, apr_time_t now, apr_pool_t *p)
{
    gathering_t g = {apr_array_make(p, 64, sizeof(llmq_workers_view_t *)),
                     apr_hash_make(p)};
    apr_status_t rv = add_all(&g, service, tenant, now, p);
    int i;

    memset(workers, 0, sizeof(*workers));
    if (rv == APR_SUCCESS) {
        rv = add_hands(&g, service, tenant, p);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    workers->view = (llmq_workers_view_t **)(void *)g.views->elts;
    workers->n = g.views->nelts;
    for (i = 0; i < workers->n; i++) {
        llmq_workers_view_t *view = workers->view[i];

        view->state = state_of(view, now, service->worker_timeout);
        workers->count[view->state]++;
    }
    qsort(workers->view, (size_t)workers->n, sizeof(*workers->view), by_name);
    return APR_SUCCESS;
}
