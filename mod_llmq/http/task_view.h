/**
 * @file task_view.h
 * What answers say of tasks beyond their rows: places in the queue and when they will have
 * ended, from one look at the lanes of the tenant's types.
 * @threads request
 */
#ifndef LLMQ_TASK_VIEW_H
#define LLMQ_TASK_VIEW_H

#include "base/json.h"
#include "core/task.h"
#include "http/service.h"

#include <httpd.h>

typedef struct llmq_task_view_look_t llmq_task_view_look_t;

/**
 * Look at the queue, once for all tasks of an answer.
 * @param r       the request
 * @param service the service of this process
 * @return what was seen; lives as long as the request
 */
const llmq_task_view_look_t *llmq_task_view_look(request_rec *r,
                                                 const llmq_service_t *service);

/**
 * The same outside of a request.
 * @param service the service of this process
 * @param tenant  whose tasks
 * @param p       pool of what was seen
 * @return what was seen
 * @threads any
 */
const llmq_task_view_look_t *llmq_task_view_look_at(const llmq_service_t *service,
                                                    const char *tenant, apr_pool_t *p);

/**
 * Append a task as it stands now.
 * @param t    where to
 * @param job  the task, with what llmq_overlay_… says already in it
 * @param look what was seen
 */
void llmq_task_view_add(llmq_text_t *t, const llmq_job_t *job,
                        const llmq_task_view_look_t *look);

/**
 * The body about a task that has ended, which has no place in the queue any more.
 * @param t   where to
 * @param job the task
 * @threads any
 */
void llmq_task_view_ended(llmq_text_t *t, const llmq_job_t *job);

/**
 * Answer with one task.
 * @param r       the request
 * @param service the service of this process
 * @param status  HTTP status
 * @param job     the task
 * @return OK (the answer is sent)
 */
int llmq_task_view_reply(request_rec *r, const llmq_service_t *service, int status,
                         const llmq_job_t *job);

#endif /* LLMQ_TASK_VIEW_H */
