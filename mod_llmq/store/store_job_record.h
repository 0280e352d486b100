/**
 * @file store_job_record.h
 * From rows of the table llmq_jobs to llmq_job_t. Only the store's own files include this.
 */
#ifndef LLMQ_STORE_JOB_RECORD_H
#define LLMQ_STORE_JOB_RECORD_H

#include "core/job.h"
#include "store/store_run.h"

/** Columns of a whole record; a statement may append others. */
#define LLMQ_JOB_RECORD_COLUMNS 38

/**
 * Read the present row of a statement that gives whole records.
 * @param job  out: every field; its strings live as long as the rows
 * @param rows the rows, after llmq_store_run_next()
 * @threads the caller's
 */
void llmq_store_job_record_read(llmq_job_t *job, const llmq_store_rows_t *rows);

/**
 * Read all rows of such a statement.
 * @param pjobs out: the records, in @a p
 * @param pn    out: their number
 * @param rows  the rows
 * @param p     pool of the array
 * @threads the caller's
 */
void llmq_store_job_record_list(llmq_job_t **pjobs, int *pn, llmq_store_rows_t *rows,
                                apr_pool_t *p);

#endif /* LLMQ_STORE_JOB_RECORD_H */
