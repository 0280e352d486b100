/**
 * @file overlay.h
 * What the store does not say yet: the start of an attempt is written only when it takes
 * long, so a job that runs may still be stored as pending. The queue knows.
 */
#ifndef LLMQ_OVERLAY_H
#define LLMQ_OVERLAY_H

#include "core/job.h"
#include "queue/queue.h"

/**
 * Turn a job that is stored as pending into one in process if the queue says it runs.
 * @param job   a job as read from the store; status and started_at may change
 * @param queue the shared queue
 * @return non-zero if it runs here
 * @threads any
 */
int llmq_overlay_job(llmq_job_t *job, llmq_queue_t *queue);

#endif /* LLMQ_OVERLAY_H */
