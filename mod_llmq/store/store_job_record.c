#include "store/store_job_record.h"

#include <string.h>

/** Columns of a whole record, in the order of the statements' RECORD. */
typedef enum {
    COLUMN_SEQ = 0,
    COLUMN_ID,
    COLUMN_TENANT,
    COLUMN_NODE,
    COLUMN_OWNER,
    COLUMN_CHAIN,
    COLUMN_USER,
    COLUMN_PAYLOAD,
    COLUMN_METADATA,
    COLUMN_RESULT,
    COLUMN_ERROR,
    COLUMN_CREATED_AT,
    COLUMN_UPDATED_AT,
    COLUMN_RUN_AT,
    COLUMN_STARTED_AT,
    COLUMN_FINISHED_AT,
    COLUMN_TIMEOUT,
    COLUMN_ATTEMPT,
    COLUMN_RETRY_COUNT,
    COLUMN_MAX_RETRIES,
    COLUMN_KIND,
    COLUMN_LEVEL,
    COLUMN_STATUS,
    COLUMN_DEAD_LETTER,
    COLUMN_FAIR_KEY,
    COLUMN_WEIGHT,
    COLUMN_KEY_CAP,
    COLUMN_DEADLINE,
    COLUMN_PARALLEL,
    COLUMN_TYPE,
    COLUMN_NOTE,
    COLUMN_LEASE_TOKEN,
    COLUMN_CALLBACK,
    COLUMN_LEASE_UNTIL,
    COLUMN_PROGRESS,
    COLUMN_DELIVERIES,
    COLUMN_CHARGES,
    COLUMN_GAUGE,
    COLUMN_COUNT
} column_e;
_Static_assert(COLUMN_COUNT == LLMQ_JOB_RECORD_COLUMNS, "what is appended stands behind");

static void read_texts(llmq_job_t *job, const llmq_store_rows_t *rows)
{
    job->id = llmq_store_run_text(rows, COLUMN_ID);
    job->tenant = llmq_store_run_text(rows, COLUMN_TENANT);
    job->node = llmq_store_run_text(rows, COLUMN_NODE);
    job->owner = llmq_store_run_text(rows, COLUMN_OWNER);
    job->chain = llmq_store_run_text(rows, COLUMN_CHAIN);
    job->user = llmq_store_run_text(rows, COLUMN_USER);
    job->payload = llmq_store_run_text(rows, COLUMN_PAYLOAD);
    job->payload_len = job->payload ? strlen(job->payload) : 0;
    job->metadata = llmq_store_run_text(rows, COLUMN_METADATA);
    job->result = llmq_store_run_text(rows, COLUMN_RESULT);
    job->error = llmq_store_run_text(rows, COLUMN_ERROR);
}

static void read_times(llmq_job_t *job, const llmq_store_rows_t *rows)
{
    job->created_at = llmq_store_run_int(rows, COLUMN_CREATED_AT);
    job->updated_at = llmq_store_run_int(rows, COLUMN_UPDATED_AT);
    job->run_at = llmq_store_run_int(rows, COLUMN_RUN_AT);
    job->started_at = llmq_store_run_int(rows, COLUMN_STARTED_AT);
    job->finished_at = llmq_store_run_int(rows, COLUMN_FINISHED_AT);
    job->timeout = llmq_store_run_int(rows, COLUMN_TIMEOUT);
}

static void read_numbers(llmq_job_t *job, const llmq_store_rows_t *rows)
{
    job->seq = llmq_store_run_int(rows, COLUMN_SEQ);
    job->attempt = (int)llmq_store_run_int(rows, COLUMN_ATTEMPT);
    job->retry_count = (int)llmq_store_run_int(rows, COLUMN_RETRY_COUNT);
    job->max_retries = (int)llmq_store_run_int(rows, COLUMN_MAX_RETRIES);
    job->kind = (llmq_kind_e)llmq_store_run_int(rows, COLUMN_KIND);
    job->level = (llmq_level_e)llmq_store_run_int(rows, COLUMN_LEVEL);
    job->status = (llmq_status_e)llmq_store_run_int(rows, COLUMN_STATUS);
    job->dead_letter = (int)llmq_store_run_int(rows, COLUMN_DEAD_LETTER);
}

static void read_turns(llmq_job_t *job, const llmq_store_rows_t *rows)
{
    job->fair_key = (apr_uint64_t)llmq_store_run_int(rows, COLUMN_FAIR_KEY);
    job->weight = (int)llmq_store_run_int(rows, COLUMN_WEIGHT);
    job->key_cap = (int)llmq_store_run_int(rows, COLUMN_KEY_CAP);
    job->deadline = llmq_store_run_int(rows, COLUMN_DEADLINE);
    job->parallel = (int)llmq_store_run_int(rows, COLUMN_PARALLEL);
}

static void read_work(llmq_job_t *job, const llmq_store_rows_t *rows)
{
    job->type = llmq_store_run_text(rows, COLUMN_TYPE);
    job->note = llmq_store_run_text(rows, COLUMN_NOTE);
    job->lease_token = llmq_store_run_text(rows, COLUMN_LEASE_TOKEN);
    job->callback = llmq_store_run_text(rows, COLUMN_CALLBACK);
    job->lease_until = llmq_store_run_int(rows, COLUMN_LEASE_UNTIL);
    job->progress = (int)llmq_store_run_int(rows, COLUMN_PROGRESS);
    job->deliveries = (int)llmq_store_run_int(rows, COLUMN_DELIVERIES);
    job->charges = llmq_store_run_text(rows, COLUMN_CHARGES);
    job->gauge = (apr_uint64_t)llmq_store_run_int(rows, COLUMN_GAUGE);
}

void llmq_store_job_record_read(llmq_job_t *job, const llmq_store_rows_t *rows)
{
    memset(job, 0, sizeof(*job));
    read_texts(job, rows);
    read_times(job, rows);
    read_numbers(job, rows);
    read_turns(job, rows);
    read_work(job, rows);
}

void llmq_store_job_record_list(llmq_job_t **pjobs, int *pn, llmq_store_rows_t *rows,
                                apr_pool_t *p)
{
    llmq_job_t *jobs = apr_palloc(p, sizeof(*jobs) * ((apr_size_t)rows->n + 1));
    int n = 0;

    while (llmq_store_run_next(rows)) {
        llmq_store_job_record_read(&jobs[n++], rows);
    }
    *pjobs = jobs;
    *pn = n;
}
