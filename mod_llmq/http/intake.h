/**
 * @file intake.h
 * The way of a new message from the request to the queue. Every step may refuse it, and
 * nothing is stored before the last.
 */
#ifndef LLMQ_INTAKE_H
#define LLMQ_INTAKE_H

#include "base/result.h"
#include "core/job.h"
#include "http/service.h"

#include <httpd.h>

/**
 * Take a message in: when it returns APR_SUCCESS the message is durable and in the queue.
 * @param pjob         out: the message
 * @param r            the request; its body is read
 * @param service      the service of this process
 * @param conversation the conversation that the path names; NULL: the body may name one
 * @param why          out: what is wrong with LLMQ_EBODY
 * @return APR_SUCCESS; LLMQ_EBODY see @a why; LLMQ_EFULL; LLMQ_ESTORE; APR_EOF the process
 *         is stopping; other failures as from llmq_store_commit_write()
 * @threads request
 */
apr_status_t llmq_intake_message(llmq_job_t **pjob, request_rec *r,
                                 const llmq_service_t *service, const char *conversation,
                                 llmq_result_t *why);

/**
 * The last steps alone, for whatever goes into the queue of messages: has its key any left
 * (http/quota.h), is there room? Then it is stored, and in the queue when this returns.
 * @param r       the request
 * @param service the service of this process
 * @param job     complete but not stored
 * @param why     out: what is wrong with LLMQ_EBODY
 * @return as llmq_intake_message()
 * @threads request
 */
apr_status_t llmq_intake_store(request_rec *r, const llmq_service_t *service,
                               llmq_job_t *job, llmq_result_t *why);

/**
 * As llmq_intake_store(), unless the request comes again and an earlier try has stored it.
 * @param pjob    out: @a job, or what the earlier try has stored
 * @param r       the request
 * @param service the service of this process
 * @param job     complete but not stored; its id is that of llmq_idempotency_id()
 * @param why     out: what is wrong with LLMQ_EBODY
 * @return as llmq_intake_message()
 * @threads request
 */
apr_status_t llmq_intake_store_once(llmq_job_t **pjob, request_rec *r,
                                    const llmq_service_t *service, llmq_job_t *job,
                                    llmq_result_t *why);

#endif /* LLMQ_INTAKE_H */
