/**
 * @file store_page.h
 * Lists that are told in pages: how many rows there are in all, and which of them a page
 * holds. Only the store's own files include this.
 */
#ifndef LLMQ_STORE_PAGE_H
#define LLMQ_STORE_PAGE_H

#include "store/store_run.h"

/**
 * Run a statement that counts.
 * @param pn    out: the number in its one row; untouched unless APR_SUCCESS
 * @param store the store
 * @param what  the statement
 * @param args  its parameters
 * @param p     scratch
 * @return as llmq_store_run()
 * @threads any
 */
apr_status_t llmq_store_page_count(apr_int64_t *pn, llmq_store_t *store,
                                   llmq_store_sql_e what, const char **args,
                                   apr_pool_t *p);

/**
 * LIMIT and OFFSET as parameters.
 * @param args out: two of them
 * @param page from 1
 * @param size of a page, rows
 * @param p    pool of the texts
 * @threads any
 */
void llmq_store_page_args(const char **args, int page, int size, apr_pool_t *p);

#endif /* LLMQ_STORE_PAGE_H */
