/* How outcomes are written, and what they used with them. */
#include "store/store_job.h"

#include "base/clock.h"
#include "base/json.h"
#include "store/store_run.h"
#include "store/store_usage.h"

#include <apr_hash.h>

/* Bytes of an outcome without its texts; only a first guess for buffers. */
#define OUTCOME_GUESS 512

static void outcome_to_json(llmq_text_t *t, const llmq_outcome_t *outcome, apr_time_t now)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "i", outcome->id);
    llmq_json_kv_int(t, "a", outcome->attempt);
    llmq_json_kv_int(t, "b", outcome->next_attempt);
    llmq_json_kv_int(t, "s", outcome->status);
    llmq_json_kv_int(t, "y", outcome->retry_count);
    llmq_json_kv_int(t, "d", outcome->dead_letter ? 1 : 0);
    llmq_json_kv_int(t, "t", outcome->started_at);
    llmq_json_kv_int(t, "f", outcome->finished_at);
    llmq_json_kv_int(t, "r", outcome->run_at);
    llmq_json_kv_int(t, "u", outcome->finished_at ? outcome->finished_at : now);
    llmq_json_kv_int(t, "q", outcome->settles ? 1 : 0);
    llmq_json_kv(t, "o", outcome->result);
    llmq_json_kv(t, "e", outcome->error);
}

/* Of those that were not accepted yet. */
static const char *outcomes_to_json(const llmq_outcome_t *outcomes, int n, int with_used,
                                    apr_pool_t *p)
{
    apr_time_t now = llmq_clock_now();
    llmq_text_t t;
    int i;

    llmq_text_init(&t, (apr_size_t)n * OUTCOME_GUESS, p);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        if (outcomes[i].accepted)
            continue;
        if (t.len > 1)
            LLMQ_TEXT_LIT(&t, ",");
        outcome_to_json(&t, &outcomes[i], now);
        if (with_used)
            llmq_store_usage_row(&t, &outcomes[i]);
        LLMQ_TEXT_LIT(&t, "}");
    }
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}

static int accept_rows(llmq_outcome_t *outcomes, int n, llmq_store_rows_t *rows,
                       apr_pool_t *p)
{
    apr_hash_t *accepted = apr_hash_make(p);
    int n_accepted = 0;
    int i;

    while (llmq_store_run_next(rows))
        apr_hash_set(accepted, llmq_store_run_text(rows, 0), APR_HASH_KEY_STRING, "");
    for (i = 0; i < n; i++) {
        if (apr_hash_get(accepted, outcomes[i].id, APR_HASH_KEY_STRING))
            outcomes[i].accepted = 1;
        n_accepted += outcomes[i].accepted;
    }
    return n_accepted;
}

static apr_status_t finish(llmq_store_t *store, llmq_outcome_t *outcomes, int n,
                           apr_pool_t *p)
{
    const char *args[] = {outcomes_to_json(outcomes, n, 0, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_FINISH, args, p);

    if (rv == APR_SUCCESS)
        accept_rows(outcomes, n, &rows, p);
    return rv;
}

/* One statement ends rows and counts what they used. What it does not end was withdrawn, or
 * ended by the try before; that is told by the other statement, which counts nothing. */
static apr_status_t finish_used_pgsql(llmq_store_t *store, llmq_outcome_t *outcomes,
                                      int n, apr_pool_t *p)
{
    const char *args[] = {outcomes_to_json(outcomes, n, 1, p), store->conf.node};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_FINISH_USED, args, p);

    if (rv != APR_SUCCESS || accept_rows(outcomes, n, &rows, p) == n)
        return rv;
    return finish(store, outcomes, n, p);
}

/* A batch on its way. */
typedef struct {
    llmq_store_rows_t rows; /* out: the accepted */
    const char *outcomes;
    const char *used;
    const char *node;
} finish_t;

/* What was used comes first, while the rows can still be told from those that somebody has
 * ended already. */
static apr_status_t finish_counted(void *ctx, llmq_store_txn_t *txn, int again,
                                   apr_pool_t *p)
{
    finish_t *f = ctx;
    const char *used[] = {f->node, f->used};
    const char *outcomes[] = {f->outcomes};
    llmq_store_rows_t none;
    apr_status_t rv = llmq_store_run_in(&none, txn, LLMQ_SQL_FINISH_USED, used);

    (void)again; /* what was committed fails the fence now */
    (void)p;
    return rv == APR_SUCCESS ? llmq_store_run_in(&f->rows, txn, LLMQ_SQL_FINISH, outcomes)
                             : rv;
}

static apr_status_t finish_used_lite(llmq_store_t *store, llmq_outcome_t *outcomes, int n,
                                     apr_pool_t *p)
{
    finish_t f = {.outcomes = outcomes_to_json(outcomes, n, 0, p),
                  .used = llmq_store_usage_rows(outcomes, n, p),
                  .node = store->conf.node};
    apr_status_t rv = llmq_store_run_all(store, LLMQ_SQL_FINISH, finish_counted, &f, p);

    if (rv == APR_SUCCESS)
        accept_rows(outcomes, n, &f.rows, p);
    return rv;
}

apr_status_t llmq_store_job_finish(llmq_store_t *store, llmq_outcome_t *outcomes, int n,
                                   apr_pool_t *p)
{
    int used = 0;
    int i;

    for (i = 0; i < n; i++) {
        outcomes[i].accepted = 0;
        used |= llmq_store_usage_counts(&outcomes[i]);
    }
    return !used ? finish(store, outcomes, n, p)
           : store->conf.dialect == LLMQ_DIALECT_PGSQL
               ? finish_used_pgsql(store, outcomes, n, p)
               : finish_used_lite(store, outcomes, n, p);
}
