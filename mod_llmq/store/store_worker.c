#include "store/store_worker.h"

#include "base/json.h"
#include "store/store_run.h"

#include <string.h>

#define ROW_GUESS 256

/* ---- reading ---- */

static void read_row(llmq_worker_row_t *row, const llmq_store_t *store,
                     const llmq_store_rows_t *rows)
{
    llmq_worker_t *w = &row->worker;

    memset(row, 0, sizeof(*row));
    apr_cpystrn(w->tenant, llmq_store_run_text(rows, 0), sizeof(w->tenant));
    apr_cpystrn(w->id, llmq_store_run_text(rows, 1), sizeof(w->id));
    row->node = llmq_store_run_text(rows, 2);
    row->ours = store->conf.node && strcmp(row->node, store->conf.node) == 0;
    w->started = llmq_store_run_int(rows, 3);
    w->seen = llmq_store_run_int(rows, 4);
    w->succeeded = llmq_store_run_int(rows, 5);
    w->failed = llmq_store_run_int(rows, 6);
    w->busy = llmq_store_run_int(rows, 7);
}

static apr_status_t read_all(llmq_worker_row_t **prows, int *pn, llmq_store_t *store,
                             llmq_store_sql_e what, const char **args, apr_pool_t *p)
{
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, what, args, p);
    int n = 0;

    if (rv != APR_SUCCESS)
        return rv;
    *prows = apr_palloc(p, sizeof(**prows) * ((apr_size_t)rows.n + 1));
    while (llmq_store_run_next(&rows))
        read_row(&(*prows)[n++], store, &rows);
    *pn = n;
    return APR_SUCCESS;
}

apr_status_t llmq_store_worker_list(llmq_worker_row_t **prows, int *pn,
                                    llmq_store_t *store,
                                    const llmq_worker_filter_t *filter, apr_pool_t *p)
{
    const char *tenant = filter->tenant ? filter->tenant : "";
    const char *node = filter->node ? filter->node : "";
    const char *args[] = {tenant, tenant, node, node};

    return read_all(prows, pn, store, LLMQ_SQL_WORKER_LIST, args, p);
}

static void key_to_json(llmq_text_t *t, const llmq_worker_t *w)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "t", w->tenant);
    llmq_json_kv(t, "w", w->id);
}

apr_status_t llmq_store_worker_load(llmq_worker_row_t **prows, int *pn,
                                    llmq_store_t *store, const llmq_worker_t *const *keys,
                                    int n, apr_pool_t *p)
{
    const char *args[] = {NULL, store->conf.node};
    llmq_text_t t;
    int i;

    llmq_text_init(&t, (apr_size_t)n * ROW_GUESS / 4, p);
    for (i = 0; i < n; i++) {
        llmq_text_puts(&t, i ? "," : "[");
        key_to_json(&t, keys[i]);
        LLMQ_TEXT_LIT(&t, "}");
    }
    LLMQ_TEXT_LIT(&t, "]");
    args[0] = t.data;
    return read_all(prows, pn, store, LLMQ_SQL_WORKER_LOAD, args, p);
}

/* ---- writing ---- */

static void worker_to_json(llmq_text_t *t, const llmq_worker_t *w)
{
    key_to_json(t, w);
    llmq_json_kv_int(t, "s", w->started);
    llmq_json_kv_int(t, "n", w->seen);
    llmq_json_kv_int(t, "o", w->succeeded);
    llmq_json_kv_int(t, "f", w->failed);
    llmq_json_kv_int(t, "b", w->busy);
    LLMQ_TEXT_LIT(t, "}");
}

apr_status_t llmq_store_worker_save(llmq_store_t *store,
                                    const llmq_worker_t *const *workers, int n,
                                    apr_pool_t *p)
{
    const char *args[] = {store->conf.node, NULL};
    llmq_store_rows_t none;
    llmq_text_t t;
    int i;

    llmq_text_init(&t, (apr_size_t)n * ROW_GUESS, p);
    for (i = 0; i < n; i++) {
        llmq_text_puts(&t, i ? "," : "[");
        worker_to_json(&t, workers[i]);
    }
    LLMQ_TEXT_LIT(&t, "]");
    args[1] = t.data;
    return llmq_store_run(&none, store, LLMQ_SQL_WORKER_SAVE, args, p);
}

apr_status_t llmq_store_worker_prune(llmq_store_t *store, apr_time_t before,
                                     apr_pool_t *p)
{
    const char *args[] = {number(before, p)};
    llmq_store_rows_t none;

    return llmq_store_run(&none, store, LLMQ_SQL_WORKER_PRUNE, args, p);
}

/* ---- what they have in their hands ---- */

apr_status_t llmq_store_worker_hands(llmq_worker_hand_t **phands, int *pn,
                                     llmq_store_t *store, const char *tenant,
                                     apr_pool_t *p)
{
    const char *args[] = {tenant};
    llmq_store_rows_t rows;
    llmq_worker_hand_t *hands;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_WORKER_HANDS, args, p);
    int n = 0;

    if (rv != APR_SUCCESS)
        return rv;
    hands = apr_palloc(p, sizeof(*hands) * ((apr_size_t)rows.n + 1));
    while (llmq_store_run_next(&rows)) {
        hands[n].worker = llmq_store_run_text(&rows, 0);
        hands[n].count = llmq_store_run_int(&rows, 1);
        hands[n].latest = llmq_store_run_text(&rows, 2);
        n++;
    }
    *phands = hands;
    *pn = n;
    return APR_SUCCESS;
}
