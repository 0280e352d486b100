/**
 * @file overlay.h
 * What the store does not say yet: the start of an attempt is written only when it takes
 * long, so a job that runs may still be stored as pending. The queue knows.
 *
 * The two are asked one after the other, and the dispatcher works on meanwhile. The queue
 * is asked first: then whatever it said of an attempt is either still so or the row tells
 * how the attempt ended. The attempts of both must be the same for the queue's word to be
 * about the row that was read.
 */
#ifndef LLMQ_OVERLAY_H
#define LLMQ_OVERLAY_H

#include "core/job.h"
#include "http/service.h"

/**
 * Read one job as it stands now.
 * @param pjob    out: a job stored as pending that runs here is shown as processing
 * @param pstored out: its state in the store; may be NULL
 * @param service the service
 * @param tenant  whose
 * @param kind    what it must be
 * @param id      from outside, checked here
 * @param p       pool of the job
 * @return APR_SUCCESS; APR_NOTFOUND no such job of this tenant and kind, or not an id at
 *         all; LLMQ_ESTORE
 * @threads request
 */
apr_status_t llmq_overlay_find(llmq_job_t **pjob, llmq_status_e *pstored,
                               const llmq_service_t *service, const char *tenant,
                               llmq_kind_e kind, const char *id, apr_pool_t *p);

/**
 * Turn a job of a list that is stored as pending into one in process if the queue says that
 * this very attempt runs.
 * @param job   a job as read from the store; status and times may change
 * @param queue the shared queue
 * @return non-zero if it runs here
 * @threads any
 */
int llmq_overlay_job(llmq_job_t *job, llmq_queue_t *queue);

#endif /* LLMQ_OVERLAY_H */
