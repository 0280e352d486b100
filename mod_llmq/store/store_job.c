#include "store/store_job.h"

#include "base/clock.h"
#include "base/json.h"
#include "store/store_job_record.h"

#include <apr_hash.h>
#include <apr_strings.h>

#include <string.h>

/* Bytes of a row without its texts; only a first guess for buffers. */
#define ROW_GUESS 256

void llmq_store_job_row(llmq_text_t *t, const llmq_job_t *job)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "i", job->id);
    llmq_json_kv(t, "t", job->tenant);
    llmq_json_kv(t, "c", job->chain);
    llmq_json_kv(t, "u", job->user);
    llmq_json_key(t, "p");
    llmq_json_string(t, job->payload ? job->payload : "", job->payload_len);
    llmq_json_kv(t, "d", job->metadata ? job->metadata : "{}");
    llmq_json_kv_int(t, "n", job->created_at);
    llmq_json_kv_int(t, "r", job->run_at);
    llmq_json_kv_int(t, "o", job->timeout);
    llmq_json_kv_int(t, "a", job->attempt);
    llmq_json_kv_int(t, "m", job->max_retries);
    llmq_json_kv_int(t, "k", job->kind);
    llmq_json_kv_int(t, "l", job->level);
    llmq_json_kv_int(t, "f", (apr_int64_t)job->fair_key);
    llmq_json_kv_int(t, "w", job->weight > 0 ? job->weight : 1);
    llmq_json_kv_int(t, "x", job->key_cap);
    llmq_json_kv_int(t, "e", job->deadline);
    llmq_json_kv_int(t, "s", job->parallel ? 1 : 0);
    llmq_json_kv_int(t, "h", job->expires_at ? job->expires_at : APR_INT64_MAX);
    llmq_json_kv(t, "y", job->type);
    llmq_json_kv(t, "b", job->callback);
    llmq_json_kv(t, "q", job->charges);
    if (job->gauge) {
        llmq_json_kv_int(t, "g", (apr_int64_t)job->gauge);
    }
    if (job->api_key) {
        llmq_json_kv(t, "j", job->api_key);
    }
    LLMQ_TEXT_LIT(t, "}");
}

apr_status_t llmq_store_job_insert(llmq_store_t *store, const char *rows, apr_pool_t *p)
{
    const char *args[] = {store->conf.node, rows};
    llmq_store_rows_t none;

    return llmq_store_run(&none, store, LLMQ_SQL_INSERT, args, p);
}

apr_status_t llmq_store_job_insert_light(llmq_store_t *store, const char *rows,
                                         apr_pool_t *p)
{
    const char *args[] = {store->conf.node, rows};
    llmq_store_rows_t none;

    return llmq_store_run(&none, store, LLMQ_SQL_INSERT_LIGHT, args, p);
}

/* ----------------------------------------------------------------------------- by list of ids */

static const char *ids_to_json(const char *const *ids, int n, apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, (apr_size_t)n * (LLMQ_ID_MAX + 3) + 3, p);
    llmq_json_strings(&t, ids, n);
    return t.data;
}

apr_status_t llmq_store_job_load(llmq_job_t ***pjobs, llmq_store_t *store,
                                 const char *const *ids, int n, apr_pool_t *p)
{
    const char *args[] = {ids_to_json(ids, n, p)};
    llmq_store_rows_t rows;
    llmq_job_t **jobs;
    apr_hash_t *by_id;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_LOAD, args, p);
    int i;

    if (rv != APR_SUCCESS)
        return rv;
    by_id = apr_hash_make(p);
    while (llmq_store_run_next(&rows)) {
        llmq_job_t *job = apr_palloc(p, sizeof(*job));

        llmq_store_job_record_read(job, &rows);
        apr_hash_set(by_id, job->id, APR_HASH_KEY_STRING, job);
    }
    jobs = apr_palloc(p, sizeof(*jobs) * (n > 0 ? n : 1));
    for (i = 0; i < n; i++)
        jobs[i] = apr_hash_get(by_id, ids[i], APR_HASH_KEY_STRING);
    *pjobs = jobs;
    return APR_SUCCESS;
}

apr_status_t llmq_store_job_fence(llmq_store_t *store, const char *const *ids, int n,
                                  apr_pool_t *p)
{
    const char *args[] = {number(llmq_clock_now(), p), ids_to_json(ids, n, p)};
    llmq_store_rows_t none;

    return llmq_store_run(&none, store, LLMQ_SQL_FENCE, args, p);
}

/* ---------------------------------------------------------------------------- the whole queue */

static void backlog_read(llmq_backlog_t *b, const llmq_store_rows_t *rows)
{
    b->seq = llmq_store_run_int(rows, 0);
    b->id = llmq_store_run_text(rows, 1);
    b->tenant = llmq_store_run_text(rows, 2);
    b->chain = llmq_store_run_text(rows, 3);
    b->user = llmq_store_run_text(rows, 4);
    b->created_at = llmq_store_run_int(rows, 5);
    b->run_at = llmq_store_run_int(rows, 6);
    b->attempt = (int)llmq_store_run_int(rows, 7);
    b->kind = (llmq_kind_e)llmq_store_run_int(rows, 8);
    b->level = (llmq_level_e)llmq_store_run_int(rows, 9);
    b->status = (llmq_status_e)llmq_store_run_int(rows, 10);
    b->fair_key = (apr_uint64_t)llmq_store_run_int(rows, 11);
    b->weight = (int)llmq_store_run_int(rows, 12);
    b->key_cap = (int)llmq_store_run_int(rows, 13);
    b->deadline = llmq_store_run_int(rows, 14);
    b->parallel = (int)llmq_store_run_int(rows, 15);
    b->type = llmq_store_run_text(rows, 16);
    b->lease_until = llmq_store_run_int(rows, 17);
    b->started_at = llmq_store_run_int(rows, 18);
}

apr_status_t llmq_store_job_backlog(llmq_backlog_t **prows, int *pn, llmq_store_t *store,
                                    const llmq_backlog_page_t *page, apr_pool_t *p)
{
    const char *args[] = {store->conf.node, number(page->kind, p), number(page->after, p),
                          number(page->limit, p)};
    llmq_store_rows_t rows;
    llmq_backlog_t *list;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_BACKLOG, args, p);
    int n = 0;

    if (rv != APR_SUCCESS)
        return rv;
    list = apr_palloc(p, sizeof(*list) * (rows.n + 1));
    while (llmq_store_run_next(&rows))
        backlog_read(&list[n++], &rows);
    *prows = list;
    *pn = n;
    return APR_SUCCESS;
}

/* The record of a tenant; rows come tenant by tenant. */
static llmq_totals_t *totals_of(apr_array_header_t *all, const char *tenant)
{
    llmq_totals_t *last =
        all->nelts ? &APR_ARRAY_IDX(all, all->nelts - 1, llmq_totals_t) : NULL;

    if (last && strcmp(last->tenant, tenant) == 0)
        return last;
    last = apr_array_push(all);
    last->tenant = apr_pstrdup(all->pool, tenant);
    return last;
}

static void add_total(llmq_totals_t *totals, apr_int64_t level, apr_int64_t status,
                      apr_uint64_t count)
{
    if (level <= LLMQ_LEVEL_NONE || level >= LLMQ_LEVEL_COUNT)
        return;
    if (status == LLMQ_STATUS_COMPLETED)
        totals->completed[level] += count;
    else
        totals->failed[level] += count;
}

apr_status_t llmq_store_job_totals(llmq_totals_t **ptotals, int *pn, llmq_store_t *store,
                                   apr_pool_t *p)
{
    apr_array_header_t *all = apr_array_make(p, 4, sizeof(llmq_totals_t));
    const char *args[] = {store->conf.node};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_TOTALS, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    while (llmq_store_run_next(&rows))
        add_total(totals_of(all, llmq_store_run_text(&rows, 0)),
                  llmq_store_run_int(&rows, 1), llmq_store_run_int(&rows, 2),
                  (apr_uint64_t)llmq_store_run_int(&rows, 3));
    *ptotals = (llmq_totals_t *)(void *)all->elts;
    *pn = all->nelts;
    return APR_SUCCESS;
}

/* ------------------------------------------------------------------------------------ one job */

apr_status_t llmq_store_job_find(llmq_job_t **pjob, llmq_store_t *store,
                                 const char *tenant, llmq_kind_e kind, const char *id,
                                 apr_pool_t *p)
{
    const char *args[] = {id, tenant, number(kind, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_FIND, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    if (!llmq_store_run_next(&rows))
        return APR_NOTFOUND;
    *pjob = apr_palloc(p, sizeof(**pjob));
    llmq_store_job_record_read(*pjob, &rows);
    return APR_SUCCESS;
}

static const char *change_to_json(const llmq_store_t *store,
                                  const llmq_job_change_t *change, apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, 2 * ROW_GUESS, p);
    LLMQ_TEXT_LIT(&t, "[{");
    llmq_json_kv(&t, "i", change->id);
    llmq_json_kv(&t, "t", change->tenant);
    llmq_json_kv(&t, "h", store->conf.node);
    llmq_json_kv(&t, "o", change->owner);
    llmq_json_kv(&t, "d", change->metadata);
    llmq_json_kv(&t, "r", change->result);
    llmq_json_kv_int(&t, "k", change->kind);
    llmq_json_kv_int(&t, "f", change->from);
    llmq_json_kv_int(&t, "s", change->to);
    llmq_json_kv_int(&t, "a", change->attempt);
    llmq_json_kv_int(&t, "n", change->now);
    llmq_json_kv_int(&t, "z", change->reset_retries ? 1 : 0);
    LLMQ_TEXT_LIT(&t, "}]");
    return t.data;
}

apr_status_t llmq_store_job_change(llmq_store_t *store, const llmq_job_change_t *change,
                                   apr_pool_t *p)
{
    const char *args[] = {change_to_json(store, change, p)};

    return llmq_store_run_change(store, LLMQ_SQL_CHANGE, args, LLMQ_ESTATE, p);
}

apr_status_t llmq_store_job_remove(llmq_store_t *store, const char *tenant,
                                   llmq_kind_e kind, const char *id, apr_time_t now,
                                   apr_pool_t *p)
{
    const char *when = number(now, p);
    const char *args[] = {when, when, id, tenant, number(kind, p)};

    return llmq_store_run_change(store, LLMQ_SQL_REMOVE, args, APR_NOTFOUND, p);
}
