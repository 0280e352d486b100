/**
 * @file queue_job.h
 * From a job to what the queue needs of it: one place decides what a key and a chain are.
 */
#ifndef LLMQ_QUEUE_JOB_H
#define LLMQ_QUEUE_JOB_H

#include "core/job.h"
#include "core/task_type.h"
#include "queue/queue_figures.h"

/**
 * @param tenant a tenant's name
 * @return what the queue knows it by
 * @threads any
 */
apr_uint64_t llmq_queue_job_tenant(const char *tenant);

/**
 * Tasks have a queue of their own. What is a tenant to the queue, with counts, turns and
 * bounds, is there each type of task of each tenant.
 * @param tenant a tenant's name
 * @param type   a type of task; NULL for messages
 * @return what the queue of that kind knows it by
 * @threads any
 */
apr_uint64_t llmq_queue_job_lane(const char *tenant, const char *type);

/**
 * @param job tenant and type are read
 * @return llmq_queue_job_lane() of it
 * @threads any
 */
apr_uint64_t llmq_queue_job_tenant_of(const llmq_job_t *job);

/**
 * @param job tenant and chain are read
 * @return the hash of its conversation within its tenant, also if it need not wait for it;
 *         0 if it has none
 * @threads any
 */
apr_uint64_t llmq_queue_job_chain(const llmq_job_t *job);

/**
 * @param model a model's name
 * @return the gate of what needs it; see queue_gated.h
 * @threads any
 */
apr_uint64_t llmq_queue_job_gate(const char *model);

/**
 * Fill an entry for llmq_queue_put(). Turns are taken between the keys of a tenant,
 * which are its users unless the job has a fairness key; the chain is the conversation
 * within its tenant, so that equal names of two tenants never meet.
 * @param e   out
 * @param job id, tenant, type, user, chain, kind, level, attempt, created_at, run_at and how it
 *            takes turns are read
 * @threads any
 */
void llmq_queue_job_entry(llmq_entry_t *e, const llmq_job_t *job);

/**
 * Count what happened to a job outside of the queue.
 * @param q    the queue
 * @param job  as it was before: what llmq_queue_job_entry() reads, and started_at
 * @param what what happened
 * @return as llmq_queue_figures_tell()
 * @threads any
 */
apr_status_t llmq_queue_job_tell(llmq_queue_t *q, const llmq_job_t *job,
                                 llmq_figure_e what);

/**
 * llmq_queue_pause() for the tasks of a tenant: each type is a lane of its own.
 * @param tasks  the queue of tasks
 * @param types  those there are
 * @param tenant its name
 * @param level  the level
 * @param on     non-zero: stop
 * @threads any
 */
void llmq_queue_job_pause_tasks(llmq_queue_t *tasks, const llmq_task_types_t *types,
                                const char *tenant, llmq_level_e level, int on);

#endif /* LLMQ_QUEUE_JOB_H */
