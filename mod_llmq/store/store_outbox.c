#include "store/store_outbox.h"

#include "base/json.h"
#include "store/store_job_record.h"
#include "store/store_run.h"

#include <apr_hash.h>

/** Columns of LLMQ_SQL_OUTBOX_DUE. */
typedef enum {
    COLUMN_SEQ = 0,
    COLUMN_TENANT,
    COLUMN_JOB,
    COLUMN_KIND,
    COLUMN_STATUS,
    COLUMN_URL,
    COLUMN_HOST,
    COLUMN_HAPPENED_AT,
    COLUMN_TRIES
} column_e;

static const char *strings_to_json(const char *const *strings, int n, apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, 256, p);
    llmq_json_strings(&t, strings, n);
    return t.data;
}

static void read_row(llmq_outbox_t *row, const llmq_store_rows_t *rows)
{
    row->seq = llmq_store_run_int(rows, COLUMN_SEQ);
    row->tenant = llmq_store_run_text(rows, COLUMN_TENANT);
    row->job = llmq_store_run_text(rows, COLUMN_JOB);
    row->kind = (llmq_kind_e)llmq_store_run_int(rows, COLUMN_KIND);
    row->status = (llmq_status_e)llmq_store_run_int(rows, COLUMN_STATUS);
    row->url = llmq_store_run_text(rows, COLUMN_URL);
    row->host = llmq_store_run_text(rows, COLUMN_HOST);
    row->happened_at = llmq_store_run_int(rows, COLUMN_HAPPENED_AT);
    row->tries = (int)llmq_store_run_int(rows, COLUMN_TRIES);
}

apr_status_t llmq_store_outbox_due(llmq_outbox_t **prows, int *pn, llmq_store_t *store,
                                   const llmq_outbox_filter_t *filter, apr_time_t now,
                                   apr_pool_t *p)
{
    const char *args[] = {number(now, p), number(filter->per_host, p),
                          strings_to_json(filter->not_hosts, filter->n_not_hosts, p),
                          number(filter->limit, p)};
    llmq_store_rows_t rows;
    llmq_outbox_t *found;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_OUTBOX_DUE, args, p);
    int n = 0;

    if (rv != APR_SUCCESS)
        return rv;
    found = apr_palloc(p, sizeof(*found) * (apr_size_t)(rows.n + 1));
    while (llmq_store_run_next(&rows))
        read_row(&found[n++], &rows);
    *prows = found;
    *pn = n;
    return APR_SUCCESS;
}

/* ---- claims ---- */

static const char *seqs_to_json(const llmq_outbox_t *rows, int n, apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, (apr_size_t)n * 12 + 3, p);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        if (i)
            LLMQ_TEXT_LIT(&t, ",");
        llmq_text_int(&t, rows[i].seq);
    }
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}

/* Moves the one with this number to its place among those claimed. */
static int move_claimed(llmq_outbox_t *rows, int n, int n_claimed, apr_int64_t seq)
{
    llmq_outbox_t row;
    int i;

    for (i = n_claimed; i < n; i++) {
        if (rows[i].seq == seq) {
            row = rows[i];
            rows[i] = rows[n_claimed];
            rows[n_claimed] = row;
            return 1;
        }
    }
    return 0;
}

apr_status_t llmq_store_outbox_claim(llmq_outbox_t *rows, int *pn, llmq_store_t *store,
                                     apr_time_t until, apr_time_t now, apr_pool_t *p)
{
    const char *args[] = {number(until, p), number(now, p), seqs_to_json(rows, *pn, p)};
    llmq_store_rows_t claimed;
    apr_status_t rv = llmq_store_run(&claimed, store, LLMQ_SQL_OUTBOX_CLAIM, args, p);
    int n = 0;

    if (rv != APR_SUCCESS)
        return rv;
    while (llmq_store_run_next(&claimed))
        n += move_claimed(rows, *pn, n, llmq_store_run_int(&claimed, 0));
    *pn = n;
    return APR_SUCCESS;
}

/* ---- what they tell of ---- */

apr_status_t llmq_store_outbox_jobs(llmq_job_t ***pjobs, llmq_store_t *store,
                                    const llmq_outbox_t *rows, int n, apr_pool_t *p)
{
    const char **ids = apr_palloc(p, sizeof(*ids) * (apr_size_t)(n + 1));
    const char *args[1];
    llmq_store_rows_t found;
    llmq_job_t **jobs;
    apr_hash_t *by_id;
    apr_status_t rv;
    int i;

    for (i = 0; i < n; i++)
        ids[i] = rows[i].job;
    args[0] = strings_to_json(ids, n, p);
    rv = llmq_store_run(&found, store, LLMQ_SQL_OUTBOX_JOBS, args, p);
    if (rv != APR_SUCCESS)
        return rv;
    by_id = apr_hash_make(p);
    while (llmq_store_run_next(&found)) {
        llmq_job_t *job = apr_palloc(p, sizeof(*job));

        llmq_store_job_record_read(job, &found);
        apr_hash_set(by_id, job->id, APR_HASH_KEY_STRING, job);
    }
    jobs = apr_palloc(p, sizeof(*jobs) * (apr_size_t)(n + 1));
    for (i = 0; i < n; i++)
        jobs[i] = apr_hash_get(by_id, ids[i], APR_HASH_KEY_STRING);
    *pjobs = jobs;
    return APR_SUCCESS;
}

/* ---- what became of them ---- */

static void add_gone(llmq_text_t *t, const llmq_outbox_fate_t *fate)
{
    if (t->len > 1)
        LLMQ_TEXT_LIT(t, ",");
    llmq_text_int(t, fate->seq);
}

static void add_later(llmq_text_t *t, const llmq_outbox_fate_t *fate)
{
    if (t->len > 1)
        LLMQ_TEXT_LIT(t, ",");
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv_int(t, "s", fate->seq);
    llmq_json_kv_int(t, "d", fate->due_at);
    llmq_json_kv_int(t, "t", fate->tries);
    LLMQ_TEXT_LIT(t, "}");
}

static apr_status_t write_list(llmq_store_t *store, llmq_store_sql_e what, llmq_text_t *t,
                               apr_pool_t *p)
{
    const char *args[1];
    llmq_store_rows_t none;

    if (t->len == 1)
        return APR_SUCCESS;
    LLMQ_TEXT_LIT(t, "]");
    args[0] = t->data;
    return llmq_store_run(&none, store, what, args, p);
}

apr_status_t llmq_store_outbox_settle(llmq_store_t *store,
                                      const llmq_outbox_fate_t *fates, int n,
                                      apr_pool_t *p)
{
    llmq_text_t gone, later;
    apr_status_t rv;
    int i;

    llmq_text_init(&gone, 256, p);
    llmq_text_init(&later, 256, p);
    LLMQ_TEXT_LIT(&gone, "[");
    LLMQ_TEXT_LIT(&later, "[");
    for (i = 0; i < n; i++) {
        if (fates[i].gone)
            add_gone(&gone, &fates[i]);
        else
            add_later(&later, &fates[i]);
    }
    rv = write_list(store, LLMQ_SQL_OUTBOX_GONE, &gone, p);
    return rv == APR_SUCCESS ? write_list(store, LLMQ_SQL_OUTBOX_LATER, &later, p) : rv;
}
