/**
 * @file app_turns.h
 * The way of a debug turn: accepted, waited for, taken back.
 * @threads request, but where it is said
 */
#ifndef LLMQ_APP_TURNS_H
#define LLMQ_APP_TURNS_H

#include "core/app_turn.h"
#include "http/service.h"

#include <httpd.h>

/**
 * Accept a turn: when this returns APR_SUCCESS it is durable and in the queue.
 * @param pjob    out: the turn
 * @param r       the request
 * @param service the service of this process
 * @param app     whose; it has a debug conversation afterwards
 * @param query   what is asked
 * @param why     out: with LLMQ_EBODY
 * @return APR_SUCCESS; LLMQ_EBODY see @a why; APR_NOTFOUND the app was removed meanwhile;
 *         LLMQ_EFULL and others as from the store
 */
apr_status_t llmq_app_turns_accept(llmq_job_t **pjob, request_rec *r,
                                   const llmq_service_t *service, const llmq_app_t *app,
                                   const char *query, llmq_result_t *why);

/**
 * Take back turns that nobody waits for any more; a llmq_waiter_late_fn_t.
 * @param service the service of this process
 * @param ids     of the turns; those that have ended stay as they are
 * @param n       their number, > 0
 * @param p       scratch
 * @threads any
 */
void llmq_app_turns_late(const llmq_service_t *service, const char *const *ids, int n,
                         apr_pool_t *p);

/**
 * Remove a turn from its conversation, whatever its state.
 * @param r       the request
 * @param service the service of this process
 * @param app     whose
 * @param id      of the turn, as the path has it
 * @return APR_SUCCESS; APR_NOTFOUND it is none of this conversation; LLMQ_ESTORE
 */
apr_status_t llmq_app_turns_remove(request_rec *r, const llmq_service_t *service,
                                   const llmq_app_t *app, const char *id);

/**
 * What S2 says of a turn that has ended.
 * @param t   where to: the whole body
 * @param job the turn
 * @param p   scratch
 * @return the HTTP status that goes with it
 */
int llmq_app_turns_write(llmq_text_t *t, const llmq_job_t *job, apr_pool_t *p);

/**
 * What S2 says of a turn that was removed before it had ended.
 * @param t where to: the whole body
 * @threads any
 */
void llmq_app_turns_write_gone(llmq_text_t *t);

#endif /* LLMQ_APP_TURNS_H */
