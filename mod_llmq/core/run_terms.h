/**
 * @file run_terms.h
 * What was agreed with who asked for a run (http/quota.h): what its job is charged with, whose
 * unfinished jobs it is one of, when it may begin and with whom it takes turns. A run that
 * waits for its session has no job yet, and it is another process that will make it; so
 * this is stored with the run.
 */
#ifndef LLMQ_RUN_TERMS_H
#define LLMQ_RUN_TERMS_H

#include "core/job.h"

/**
 * @param job as llmq_quota_ask() has left it
 * @param p   pool of the text
 * @return text for llmq_run_terms_apply(); NULL: nothing was agreed
 * @threads any
 */
const char *llmq_run_terms_format(const llmq_job_t *job, apr_pool_t *p);

/**
 * @param job   of the run, out: what was agreed; its run_at is never made earlier
 * @param text  of llmq_run_terms_format(), or NULL
 * @param p     pool
 * @threads any
 */
void llmq_run_terms_apply(llmq_job_t *job, const char *text, apr_pool_t *p);

#endif /* LLMQ_RUN_TERMS_H */
