#include "store/store_stat.h"

#include "base/json.h"
#include "store/store_run.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define KEEP_MINUTE (7 * 3600)
#define KEEP_TEN    (8 * 24 * 3600)
#define ROW_GUESS   512

/* As the table has it: the hash in hexadecimal, "" of the row of the batch. */
static const char *tenant_text(apr_uint64_t tenant, apr_pool_t *p)
{
    return tenant ? apr_psprintf(p, "%016" APR_UINT64_T_HEX_FMT, tenant) : "";
}

void llmq_store_stat_add(llmq_stat_t *stat, const llmq_stat_t *from)
{
    stat->accepted += from->accepted;
    stat->completed += from->completed;
    stat->failed += from->failed;
    stat->timeouts += from->timeouts;
    stat->removed += from->removed;
    llmq_histogram_merge(&stat->waits, &from->waits);
    llmq_histogram_merge(&stat->runs, &from->runs);
}

/* ---- writing ---- */

static void key_to_json(llmq_text_t *t, const llmq_stat_t *stat)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "t", tenant_text(stat->tenant, t->pool));
    llmq_json_kv_int(t, "l", stat->level);
    llmq_json_kv_int(t, "r", stat->resolution);
    llmq_json_kv_int(t, "b", stat->bucket);
}

static void histogram_to_json(llmq_text_t *t, const char *key, const llmq_histogram_t *h)
{
    llmq_json_key(t, key);
    LLMQ_TEXT_LIT(t, "\"");
    llmq_histogram_format(t, h);
    LLMQ_TEXT_LIT(t, "\"");
}

static void stat_to_json(llmq_text_t *t, const llmq_stat_t *stat)
{
    key_to_json(t, stat);
    llmq_json_kv_int(t, "a", stat->accepted);
    llmq_json_kv_int(t, "c", stat->completed);
    llmq_json_kv_int(t, "f", stat->failed);
    llmq_json_kv_int(t, "o", stat->timeouts);
    llmq_json_kv_int(t, "d", stat->removed);
    histogram_to_json(t, "w", &stat->waits);
    histogram_to_json(t, "p", &stat->runs);
    LLMQ_TEXT_LIT(t, "}");
}

apr_status_t llmq_store_stat_save(llmq_store_t *store, const llmq_stat_t *stats, int n,
                                  apr_int64_t batch, apr_pool_t *p)
{
    const char *args[] = {store->conf.node, NULL, store->conf.node, number(batch, p)};
    llmq_stat_t mark;
    llmq_store_rows_t none;
    llmq_text_t t;
    int i;

    memset(&mark, 0, sizeof(mark));
    mark.accepted = batch;
    llmq_text_init(&t, ((apr_size_t)n + 1) * ROW_GUESS, p);
    LLMQ_TEXT_LIT(&t, "[");
    stat_to_json(&t, &mark);
    for (i = 0; i < n; i++) {
        LLMQ_TEXT_LIT(&t, ",");
        stat_to_json(&t, &stats[i]);
    }
    LLMQ_TEXT_LIT(&t, "]");
    args[1] = t.data;
    return llmq_store_run(&none, store, LLMQ_SQL_STAT_SAVE, args, p);
}

/* ---- reading ---- */

/* A row whose histograms make no sense keeps its counts. */
static void read_stat(llmq_stat_t *stat, const llmq_store_rows_t *rows)
{
    const char *tenant = llmq_store_run_text(rows, 0);
    const char *waits = llmq_store_run_text(rows, 9);
    const char *runs = llmq_store_run_text(rows, 10);

    memset(stat, 0, sizeof(*stat));
    stat->tenant = strtoull(tenant ? tenant : "", NULL, 16);
    stat->level = (int)llmq_store_run_int(rows, 1);
    stat->resolution = (int)llmq_store_run_int(rows, 2);
    stat->bucket = llmq_store_run_int(rows, 3);
    stat->accepted = llmq_store_run_int(rows, 4);
    stat->completed = llmq_store_run_int(rows, 5);
    stat->failed = llmq_store_run_int(rows, 6);
    stat->timeouts = llmq_store_run_int(rows, 7);
    stat->removed = llmq_store_run_int(rows, 8);
    llmq_histogram_parse(&stat->waits, waits ? waits : "");
    llmq_histogram_parse(&stat->runs, runs ? runs : "");
}

static int is_same_key(const llmq_stat_t *a, const llmq_stat_t *b)
{
    return a->tenant == b->tenant && a->level == b->level
           && a->resolution == b->resolution && a->bucket == b->bucket;
}

static void add_to_its_like(llmq_stat_t *stats, int n, const llmq_stat_t *from)
{
    int i;

    for (i = 0; i < n; i++)
        if (is_same_key(&stats[i], from))
            llmq_store_stat_add(&stats[i], from);
}

apr_status_t llmq_store_stat_load(llmq_stat_t *stats, int n, apr_int64_t *pbatch,
                                  llmq_store_t *store, apr_pool_t *p)
{
    const char *args[] = {NULL, store->conf.node};
    llmq_stat_t stored;
    llmq_store_rows_t rows;
    llmq_text_t t;
    apr_status_t rv;
    int i;

    llmq_text_init(&t, ((apr_size_t)n + 1) * ROW_GUESS / 8, p);
    LLMQ_TEXT_LIT(&t, "[{\"t\":\"\",\"l\":0,\"r\":0,\"b\":0}");
    for (i = 0; i < n; i++) {
        LLMQ_TEXT_LIT(&t, ",");
        key_to_json(&t, &stats[i]);
        LLMQ_TEXT_LIT(&t, "}");
    }
    LLMQ_TEXT_LIT(&t, "]");
    args[0] = t.data;
    rv = llmq_store_run(&rows, store, LLMQ_SQL_STAT_LOAD, args, p);
    if (rv != APR_SUCCESS)
        return rv;
    *pbatch = 0;
    while (llmq_store_run_next(&rows)) {
        read_stat(&stored, &rows);
        if (stored.resolution == 0)
            *pbatch = stored.accepted;
        else
            add_to_its_like(stats, n, &stored);
    }
    return APR_SUCCESS;
}

apr_status_t llmq_store_stat_sum(llmq_stat_t *stats, apr_int64_t *pbatch,
                                 llmq_store_t *store, apr_uint64_t tenant, int resolution,
                                 apr_int64_t since, apr_pool_t *p)
{
    const char *args[] = {tenant_text(tenant, p), number(resolution, p), number(since, p),
                          store->conf.node};
    llmq_stat_t stored;
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_STAT_SUM, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    memset(stats, 0, sizeof(*stats) * LLMQ_LEVEL_COUNT);
    *pbatch = 0;
    while (llmq_store_run_next(&rows)) {
        read_stat(&stored, &rows);
        if (stored.resolution == 0)
            *pbatch = stored.accepted;
        else if (stored.level > LLMQ_LEVEL_NONE && stored.level < LLMQ_LEVEL_COUNT)
            llmq_store_stat_add(&stats[stored.level], &stored);
    }
    return APR_SUCCESS;
}

apr_status_t llmq_store_stat_prune(llmq_store_t *store, apr_time_t now, apr_pool_t *p)
{
    apr_int64_t sec = apr_time_sec(now);
    const char *args[] = {number(sec - KEEP_MINUTE, p), number(sec - KEEP_TEN, p)};
    llmq_store_rows_t none;

    return llmq_store_run(&none, store, LLMQ_SQL_STAT_PRUNE, args, p);
}
