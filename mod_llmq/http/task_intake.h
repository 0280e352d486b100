/**
 * @file task_intake.h
 * The way of new tasks from the request to the queue. Every step may refuse them, and
 * nothing is stored before the last. The tasks of a batch stand or fall together.
 */
#ifndef LLMQ_TASK_INTAKE_H
#define LLMQ_TASK_INTAKE_H

#include "base/result.h"
#include "core/job.h"
#include "http/service.h"

#include <httpd.h>

/** Tasks that were taken in. */
typedef struct llmq_task_intake_t {
    llmq_job_t **jobs; /* in the order of the request */
    int n;
} llmq_task_intake_t;

/**
 * Take one task in: when it returns APR_SUCCESS the task is durable and in the queue.
 * @param in      out: the task
 * @param r       the request; its body is read
 * @param service the service of this process
 * @param why     out: what is wrong with LLMQ_EBODY
 * @return APR_SUCCESS; LLMQ_EBODY see @a why; LLMQ_EFULL; LLMQ_ESTORE; APR_EOF the process
 *         is stopping; other failures as from llmq_store_commit_write()
 * @threads request
 */
apr_status_t llmq_task_intake_one(llmq_task_intake_t *in, request_rec *r,
                                  const llmq_service_t *service, llmq_result_t *why);

/**
 * Take a list of tasks in: all or none.
 * @param in      out: the tasks
 * @param r       the request; its body is read
 * @param service the service of this process
 * @param why     out: as above; its item says which task is to blame
 * @return as llmq_task_intake_one()
 * @threads request
 */
apr_status_t llmq_task_intake_batch(llmq_task_intake_t *in, request_rec *r,
                                    const llmq_service_t *service, llmq_result_t *why);

#endif /* LLMQ_TASK_INTAKE_H */
