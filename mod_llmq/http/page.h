/**
 * @file page.h
 * Lists in S0's form: `{"<name>":[…],"pagination":{page, page_size, total, total_pages}}`.
 * @threads request
 */
#ifndef LLMQ_PAGE_H
#define LLMQ_PAGE_H

#include "base/json.h"
#include "base/result.h"
#include "core/job.h"
#include "http/task_view.h"

#include <apr_tables.h>

/**
 * The parameters `page` (default 1) and `page_size` (default 20, more than 100 is 100).
 * @param ppage      out: from 1
 * @param ppage_size out: 1 to 100
 * @param query      what llmq_query_parse() gave
 * @param why        out: REQUEST with the field
 * @return APR_SUCCESS; LLMQ_EBODY not whole numbers from 1 up
 */
apr_status_t llmq_page_read(int *ppage, int *ppage_size, const apr_table_t *query,
                            llmq_result_t *why);

/**
 * The beginning of the list, with messages in it.
 * @param t    where to
 * @param name of the list
 * @param jobs the messages
 * @param n    their number
 */
void llmq_page_messages(llmq_text_t *t, const char *name, const llmq_job_t *jobs, int n);

/**
 * One entry: a message as S0 shows it, or a task as S3 does.
 * @param t    where to
 * @param job  it
 * @param look of the queue, for tasks
 */
void llmq_page_job(llmq_text_t *t, const llmq_job_t *job,
                   const llmq_task_view_look_t *look);

/**
 * The beginning of the list, with messages as S0 shows them and tasks as S3 does.
 * @param t    where to
 * @param name of the list
 * @param jobs messages and tasks
 * @param n    their number
 * @param look of the queue, for tasks
 */
void llmq_page_jobs(llmq_text_t *t, const char *name, const llmq_job_t *jobs, int n,
                    const llmq_task_view_look_t *look);

/**
 * The pagination and the end.
 * @param t         where to
 * @param page      which page this is
 * @param page_size entries a page
 * @param total     entries in all
 */
void llmq_page_end(llmq_text_t *t, int page, int page_size, apr_int64_t total);

#endif /* LLMQ_PAGE_H */
